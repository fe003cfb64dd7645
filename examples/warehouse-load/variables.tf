variable "load_id" {
  description = "Load of the warehouse, such as its number. A new value purges."
  type        = string
}

variable "projects" {
  description = "Names of the projects that read from the warehouse."
  type        = set(string)
}

variable "tables" {
  description = "Warehouse tables that the load changes. If null, all results are purged."
  type        = set(string)
  default     = null
}
