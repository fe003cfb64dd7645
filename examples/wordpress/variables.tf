variable "release" {
  description = "What is deployed, for instance a tag or a commit."
  type        = string
}

variable "production" {
  description = "Whether production is purged too."
  type        = bool
  default     = false
}

variable "staging_install" {
  description = "Name of the staging install."
  type        = string
}

variable "production_install" {
  description = "Name of the production install. Needed where production is purged."
  type        = string
  default     = null
}
