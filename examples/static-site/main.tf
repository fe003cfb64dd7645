# A static site behind Rackspace CDN: after an upload exactly the files that
# were added, changed or removed are purged.
#
#     hugo --destination dist         # or whatever builds the site
#     rclone sync dist origin:site    # or whatever uploads it
#     terraform init
#     terraform apply -var service_name=website

terraform {
  required_version = ">= 1.7" # of OpenTofu; Terraform needs 1.8

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

locals {
  dist  = coalesce(var.dist, "${path.module}/dist")
  files = { for f in fileset(local.dist, "**") : f => filemd5("${local.dist}/${f}") }

  # An index.html also has the path of its directory, which visitors request.
  # Terraform older than 1.8 has no functions of providers. There, use the
  # expression in examples/functions/site_paths/older.tf.
  assets = provider::purge::site_paths(local.files)
}

# The gate.
resource "purge_verification" "origin" {
  count = var.origin_url == null ? 0 : 1

  base_url = var.origin_url
  assets   = local.assets
}

resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id
  assets     = local.assets

  # The purge waits until the origin has the new files. An edge that is purged
  # before fetches the old ones again.
  depends_on = [purge_verification.origin]

  lifecycle {
    precondition {
      condition     = length(local.files) > 0
      error_message = "There are no files in ${local.dist}. Build the site first."
    }
  }
}

# The proof: visitors get the new files.
resource "purge_verification" "edge" {
  count = var.site_url == null ? 0 : 1

  base_url  = var.site_url
  assets    = purge_cdn_asset.site.assets
  purged_at = purge_cdn_asset.site.last_purged_at
}

output "summary" {
  description = "What the latest apply purged, counted by reason."
  value       = purge_cdn_asset.site.summary
}
