# After a load of the warehouse, purges the results and the elements of the
# MicroStrategy projects that read from it.
#
#     terraform init
#     terraform apply -var load_id=2026-11-23T04:10:00Z \
#       -var 'projects=["Sales"]' -var 'tables=["F_SALES"]'

terraform {
  required_version = ">= 1.2" # for precondition

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# Set the address and the credentials in MSTR_BASE_URL, MSTR_USERNAME, and
# MSTR_PASSWORD.
provider "purge" {
  mstr = {}
}

data "purge_mstr_project" "project" {
  for_each = var.projects

  name = each.key
}

# The results of reports, documents, and dashboards that use the loaded tables.
resource "purge_mstr_content_cache" "results" {
  for_each = var.projects

  project_id       = data.purge_mstr_project.project[each.key].id
  warehouse_tables = var.tables
  triggers         = { load = var.load_id }

  lifecycle {
    precondition {
      condition     = data.purge_mstr_project.project[each.key].loaded
      error_message = "The project ${each.key} is not loaded. Load it, or remove it from projects."
    }
  }
}

# The elements in prompts and filters.
resource "purge_mstr_cache" "elements" {
  for_each = var.projects

  project_id = data.purge_mstr_project.project[each.key].id
  cache_type = "element"
  triggers   = { load = var.load_id }

  lifecycle {
    precondition {
      condition     = data.purge_mstr_project.project[each.key].loaded
      error_message = "The project ${each.key} is not loaded. Load it, or remove it from projects."
    }
  }
}

output "invalidated" {
  description = "Number of results that the latest purge invalidated, by project."
  value       = { for name, results in purge_mstr_content_cache.results : name => results.invalidated }
}

output "purged_at" {
  description = "Time when the server accepted the latest purge of elements, by project."
  value       = { for name, cache in purge_mstr_cache.elements : name => cache.last_purged_at }
}
