variable "load_id" {
  description = "Which load of the warehouse this is, for instance its number or the time it ended. A new value purges."
  type        = string
}

variable "projects" {
  description = "Names of the projects that read from the warehouse."
  type        = set(string)
}

variable "tables" {
  description = "Warehouse tables that the load changes. By default all, so that it invalidates all results of the projects."
  type        = set(string)
  default     = null
}
