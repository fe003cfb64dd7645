variable "dashboards" {
  description = "IDs of the dashboards that the management reads in the morning."
  type        = set(string)
}

data "purge_mstr_project" "finance" {
  name = "Finance"
}

# Only these dashboards, whichever tables they use. The first apply only records
# the load.
resource "purge_mstr_content_cache" "morning" {
  project_id      = data.purge_mstr_project.finance.id
  content_ids     = var.dashboards
  triggers        = { load = var.load_id }
  purge_on_create = false

  timeouts = {
    update = "1h" # a large cluster takes its time
  }
}

output "invalidated" {
  description = "How many results the latest load invalidated."
  value       = purge_mstr_content_cache.morning.invalidated
}
