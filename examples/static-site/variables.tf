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

variable "origin_url" {
  description = "Address of the origin, such as https://origin.example.com. Null: the purge does not wait for it."
  type        = string
  default     = null
}

variable "site_url" {
  description = "Address that visitors use, such as https://www.example.com. Null: the apply does not verify what they get."
  type        = string
  default     = null
}
