variable "load_id" {
  description = "Which load of the warehouse this is, for instance its number or the time it ended. A new value purges."
  type        = string
}

variable "projects" {
  description = "Names of the projects that read from the warehouse."
  type        = set(string)
}
