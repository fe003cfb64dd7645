variable "release" {
  description = "Release to deploy, such as a tag or a commit."
  type        = string
}

# Purges the page cache of an install with each release.
resource "purge_wpengine_cache" "blog" {
  install_id = "a5b768f4-c7c4-46bd-88e6-157fd3d77e58"
  cache_type = "page"
  triggers   = { release = var.release }
}
