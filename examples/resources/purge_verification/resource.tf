# Waits until the origin serves the new files, before the purge.
resource "purge_verification" "origin" {
  base_url = "https://origin.example.com"
  assets   = local.files
}

resource "purge_cdn_asset" "site" {
  service_id = var.service_id
  assets     = local.files
  depends_on = [purge_verification.origin]
}

# Waits until visitors get the new files, after the purge.
resource "purge_verification" "edge" {
  base_url  = "https://www.example.com"
  assets    = purge_cdn_asset.site.assets
  purged_at = purge_cdn_asset.site.last_purged_at
}

locals {
  dist  = "${path.module}/dist"
  files = { for name in fileset(local.dist, "**") : "/${name}" => filemd5("${local.dist}/${name}") }
}

variable "service_id" {
  type = string
}
