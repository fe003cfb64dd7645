variable "dashboards" {
  description = "IDs of the dashboards to purge."
  type        = set(string)
}

data "purge_mstr_project" "finance" {
  name = "Finance"
}

# Invalidates only these dashboards, no matter which tables they use. The first
# apply only records the load.
resource "purge_mstr_content_cache" "dashboards" {
  project_id      = data.purge_mstr_project.finance.id
  content_ids     = var.dashboards
  triggers        = { load = var.load_id }
  purge_on_create = false

  timeouts = {
    update = "1h" # for a large cluster
  }
}

output "invalidated" {
  description = "Number of results that the latest purge invalidated."
  value       = purge_mstr_content_cache.dashboards.invalidated
}
