data "purge_mstr_projects" "all" {}

# Purges the element cache of every loaded project.
resource "purge_mstr_cache" "all" {
  for_each = { for p in data.purge_mstr_projects.all.projects : p.id => p.name if p.loaded }

  project_id = each.key
  cache_type = "element"
}
