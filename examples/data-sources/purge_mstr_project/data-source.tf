data "purge_mstr_project" "sales" {
  name = "Sales"
}

resource "purge_mstr_cache" "sales" {
  project_id = data.purge_mstr_project.sales.id
  cache_type = "element"

  lifecycle {
    precondition {
      condition     = data.purge_mstr_project.sales.loaded
      error_message = "Sales is ${data.purge_mstr_project.sales.status}. Load it first."
    }
  }
}
