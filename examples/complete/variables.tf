variable "release" {
  description = "Release to deploy, such as a tag or a commit. A new value purges all caches."
  type        = string
}

variable "mstr_project_id" {
  description = "ID of the MicroStrategy project."
  type        = string
}

variable "cdn_service_id" {
  description = "ID of the Rackspace CDN service."
  type        = string
}

variable "wpengine_install_id" {
  description = "ID of the WP Engine install."
  type        = string
}

variable "handbook_origin" {
  description = "URL of the origin of the handbook. If null, the purge does not wait for the origin."
  type        = string
  default     = null
}

variable "handbook_url" {
  description = "URL of the handbook for visitors. If null, the apply does not verify the handbook."
  type        = string
  default     = null
}
