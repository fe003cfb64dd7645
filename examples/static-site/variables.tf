variable "service_name" {
  description = "Name of the Rackspace CDN service."
  type        = string
}

variable "dist" {
  description = "Directory that the build writes the site to. Null: dist in this directory."
  type        = string
  default     = null
}

variable "requests_per_minute" {
  description = "How many purges the account may send in any minute. Null: what Rackspace documents."
  type        = number
  default     = null
}
