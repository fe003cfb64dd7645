variable "release" {
  description = "What is deployed, for instance a tag or a commit."
  type        = string
}

data "purge_cdn_service" "site" {
  domain = "website.example.com"
}

# Expires all images with each release. Only hard = false takes a wildcard.
resource "purge_cdn_asset" "images" {
  service_id = data.purge_cdn_service.site.id
  url        = "/images/*"
  hard       = false
  triggers   = { release = var.release }

  timeouts = {
    update = "90m"
  }
}
