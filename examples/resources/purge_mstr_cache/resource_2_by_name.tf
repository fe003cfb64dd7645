variable "release" {
  description = "Release of the model to deploy."
  type        = string
}

data "purge_mstr_project" "finance" {
  name = "Finance"
}

# The first apply only records the release, and each later release purges. If the
# project is not loaded, the plan fails.
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
      error_message = "Finance is ${data.purge_mstr_project.finance.status}. Load it first."
    }
  }
}
