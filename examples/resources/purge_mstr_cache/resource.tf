variable "load_id" {
  description = "Which load of the warehouse this is, for instance its number or the time it ended."
  type        = string
}

# The element cache of one project, purged again with each load.
resource "purge_mstr_cache" "sales" {
  project_id = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
  cache_type = "element"
  triggers   = { load = var.load_id }
}
