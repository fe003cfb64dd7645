variable "release" {
  description = "Which version of the model is deployed."
  type        = string
}

data "purge_mstr_project" "finance" {
  name = "Finance"
}

# The project is found by its name. The first apply only records the release,
# each new release then purges. A project that is not loaded stops the plan.
resource "purge_mstr_cache" "finance" {
  for_each = toset(["element", "object"])

  project_id      = data.purge_mstr_project.finance.id
  cache_type      = each.key
  triggers        = { release = var.release }
  purge_on_create = false

  timeouts = {
    update = "5m"
  }

  lifecycle {
    precondition {
      condition     = data.purge_mstr_project.finance.loaded
      error_message = "The project Finance is ${data.purge_mstr_project.finance.status}, so its caches can't be purged."
    }
  }
}
