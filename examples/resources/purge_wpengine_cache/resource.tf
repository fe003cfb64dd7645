variable "release" {
  description = "What is deployed, for instance a tag or a commit."
  type        = string
}

# The page cache of one install, purged again with each release.
resource "purge_wpengine_cache" "blog" {
  install_id = "294deacc-d8b8-4005-82c4-0727ba8ddde0"
  cache_type = "page"
  triggers   = { release = var.release }
}
