# MicroStrategy after a load of the warehouse: users of the projects that read
# from it get new results, and new elements in prompts and filters.
#
#     terraform init
#     terraform apply -var load_id=2026-11-23T04:10:00Z -var 'projects=["Sales"]' -var 'tables=["F_SALES"]'

terraform {
  required_version = ">= 1.2" # for precondition

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# The address, the user and the password come from MSTR_BASE_URL, MSTR_USERNAME
# and MSTR_PASSWORD.
provider "purge" {
  mstr = {}
}

data "purge_mstr_project" "fed" {
  for_each = var.projects

  name = each.key
}

# The results of reports, documents, and dashboards that use the loaded tables.
resource "purge_mstr_content_cache" "results" {
  for_each = var.projects

  project_id       = data.purge_mstr_project.fed[each.key].id
  warehouse_tables = var.tables
  triggers         = { load = var.load_id }

  lifecycle {
    precondition {
      condition     = data.purge_mstr_project.fed[each.key].loaded
      error_message = "The project ${each.key} is ${data.purge_mstr_project.fed[each.key].status}. Load it, or leave it out."
    }
  }
}

# What prompts and filters offer.
resource "purge_mstr_cache" "elements" {
  for_each = var.projects

  project_id = data.purge_mstr_project.fed[each.key].id
  cache_type = "element"
  triggers   = { load = var.load_id }

  lifecycle {
    precondition {
      condition     = data.purge_mstr_project.fed[each.key].loaded
      error_message = "The project ${each.key} is ${data.purge_mstr_project.fed[each.key].status}. Load it, or leave it out."
    }
  }
}

output "invalidated" {
  description = "How many results of each project the latest load invalidated."
  value       = { for name, results in purge_mstr_content_cache.results : name => results.invalidated }
}

output "purged_at" {
  description = "When the server accepted the latest purge of each project."
  value       = { for name, cache in purge_mstr_cache.elements : name => cache.last_purged_at }
}
