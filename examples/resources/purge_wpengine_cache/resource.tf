variable "release" {
  description = "What is deployed, for instance a tag or a commit."
  type        = string
}

# The page cache of one install, purged again with each release.
resource "purge_wpengine_cache" "blog" {
  install_id = "a5b768f4-c7c4-46bd-88e6-157fd3d77e58"
  cache_type = "page"
  triggers   = { release = var.release }
}
