# A static site behind Rackspace CDN. After an upload, purges only the files that
# were added, changed, or removed.
#
#     hugo --destination dist         # build the site
#     rclone sync dist origin:site    # upload it
#     terraform init
#     terraform apply -var service_name=website

terraform {
  required_version = ">= 1.7" # OpenTofu; Terraform requires 1.8

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# Set the credentials in RAX_USERNAME and RAX_API_KEY.
provider "purge" {
  cdn = {
    requests_per_minute = var.requests_per_minute
  }
}

data "purge_cdn_service" "site" {
  name = var.service_name
}

locals {
  dist  = coalesce(var.dist, "${path.module}/dist")
  files = { for f in fileset(local.dist, "**") : f => filemd5("${local.dist}/${f}") }

  # For index.html, site_paths also returns the path of its directory. For older
  # versions of Terraform, see examples/functions/site_paths/older.tf.
  assets = provider::purge::site_paths(local.files)
}

# Waits until the origin serves the new files.
resource "purge_verification" "origin" {
  count = var.origin_url == null ? 0 : 1

  base_url = var.origin_url
  assets   = local.assets
}

resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id
  assets     = local.assets

  # If the purge came first, the edge would fetch the old files again.
  depends_on = [purge_verification.origin]

  lifecycle {
    precondition {
      condition     = length(local.files) > 0
      error_message = "The directory ${local.dist} contains no files. Build the site first."
    }
  }
}

# Waits until visitors get the new files.
resource "purge_verification" "edge" {
  count = var.site_url == null ? 0 : 1

  base_url  = var.site_url
  assets    = purge_cdn_asset.site.assets
  purged_at = purge_cdn_asset.site.last_purged_at
}

output "summary" {
  description = "Number of paths that the latest apply purged, by reason."
  value       = purge_cdn_asset.site.summary
}
