# A static site behind Rackspace CDN: after an upload exactly the files that
# were added, changed or removed are purged.
#
#     hugo --destination dist         # or whatever builds the site
#     rclone sync dist origin:site    # or whatever uploads it
#     terraform init
#     terraform apply -var service_name=website

terraform {
  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# The user and the API key come from RAX_USERNAME and RAX_API_KEY.
provider "purge" {
  cdn = {
    requests_per_minute = var.requests_per_minute
  }
}

data "purge_cdn_service" "site" {
  name = var.service_name
}

resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id
  assets     = { for f in fileset(var.dist, "**") : "/${f}" => filemd5("${var.dist}/${f}") }
}

# Visitors ask for the home page by a path that is no file.
resource "purge_cdn_asset" "root" {
  service_id = data.purge_cdn_service.site.id
  url        = "/"
  triggers   = { index = filemd5("${var.dist}/index.html") }
}

output "purged" {
  description = "What the latest apply purged, and why."
  value       = purge_cdn_asset.site.purged
}
