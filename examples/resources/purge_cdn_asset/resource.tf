variable "release" {
  description = "Release to deploy, such as a tag or a commit."
  type        = string
}

# Purges one page with each release.
resource "purge_cdn_asset" "home" {
  service_id = "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0"
  url        = "/index.html"
  triggers   = { release = var.release }
}
