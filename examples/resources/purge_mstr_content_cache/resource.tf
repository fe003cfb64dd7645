variable "load_id" {
  description = "Load of the warehouse, such as its number or the time when it ended."
  type        = string
}

# Invalidates the results that use these tables after each load.
resource "purge_mstr_content_cache" "sales" {
  project_id       = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
  warehouse_tables = ["F_SALES", "D_STORE"]
  triggers         = { load = var.load_id }
}
