variable "load_id" {
  description = "Which load of the warehouse this is, for instance its number or the time it ended."
  type        = string
}

# After each load, users get new results of everything that uses these tables.
resource "purge_mstr_content_cache" "sales" {
  project_id       = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
  warehouse_tables = ["F_SALES", "D_STORE"]
  triggers         = { load = var.load_id }
}
