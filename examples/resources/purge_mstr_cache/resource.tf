variable "load_id" {
  description = "Load of the warehouse, such as its number or the time when it ended."
  type        = string
}

# Purges the element cache of a project after each load.
resource "purge_mstr_cache" "sales" {
  project_id = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
  cache_type = "element"
  triggers   = { load = var.load_id }
}
