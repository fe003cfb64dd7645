variable "service_name" {
  description = "Name of the Rackspace CDN service."
  type        = string
}

variable "dist" {
  description = "Directory of the built site. If null, dist in this directory."
  type        = string
  default     = null
}

variable "requests_per_minute" {
  description = "Rate limit of the account. If null, the limit that Rackspace documents."
  type        = number
  default     = null
}

variable "origin_url" {
  description = "URL of the origin. If null, the purge does not wait for the origin."
  type        = string
  default     = null
}

variable "site_url" {
  description = "URL of the site for visitors. If null, the apply does not verify the site."
  type        = string
  default     = null
}
