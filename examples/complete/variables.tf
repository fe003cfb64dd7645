variable "release" {
  description = "What is deployed, for instance a tag or a commit. A new value purges everything."
  type        = string
}

variable "mstr_project_id" {
  description = "Id of the MicroStrategy project."
  type        = string
}

variable "cdn_service_id" {
  description = "Id of the Rackspace CDN service."
  type        = string
}

variable "wpengine_install_id" {
  description = "Id of the WP Engine install."
  type        = string
}

variable "handbook_origin" {
  description = "Address of the origin of the handbook. Null: the purge does not wait for it."
  type        = string
  default     = null
}

variable "handbook_url" {
  description = "Address at which visitors read the handbook. Null: nobody looks whether they get the new files."
  type        = string
  default     = null
}
