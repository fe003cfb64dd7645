variable "release" {
  description = "Release to deploy, such as a tag or a commit."
  type        = string
}

variable "production" {
  description = "Whether to purge production, too."
  type        = bool
  default     = false
}

variable "staging_install" {
  description = "Name of the staging install."
  type        = string
}

variable "production_install" {
  description = "Name of the production install. Required if production is true."
  type        = string
  default     = null
}
