variable "release" {
  description = "Release to deploy, such as a tag or a commit."
  type        = string
}

data "purge_cdn_service" "site" {
  domain = "website.example.com"
}

# Invalidates all images with each release. A wildcard requires hard = false.
resource "purge_cdn_asset" "images" {
  service_id = data.purge_cdn_service.site.id
  url        = "/images/*"
  hard       = false
  triggers   = { release = var.release }

  timeouts = {
    update = "90m"
  }
}
