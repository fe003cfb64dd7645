# A release that purges MicroStrategy, Rackspace CDN and WP Engine.
#
#     terraform apply -var release=2
#
# `make demo` applies this configuration to three fakes. `make sandbox` starts
# the fakes and prints the environment to apply it by hand.

terraform {
  required_version = ">= 1.0.5"

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# Addresses and credentials come from the environment (MSTR_…, RAX_…, WPE_…), so
# that no secret stands here.
provider "purge" {
  max_retries = 4
}

# What MicroStrategy remembers of the warehouse.
resource "purge_mstr_cache" "sales" {
  for_each = toset(["element", "object"])

  project_id = var.mstr_project_id
  cache_type = each.key
  triggers   = { release = var.release }
}

# The pages that change with a release, one by one.
resource "purge_cdn_asset" "page" {
  for_each = toset(["/index.html", "/css/site.css"])

  service_id = var.cdn_service_id
  url        = each.key
  triggers   = { release = var.release }
}

# All images at once.
resource "purge_cdn_asset" "images" {
  service_id = var.cdn_service_id
  url        = "/images/*"
  hard       = false
  triggers   = { release = var.release }
}

# The pages of the blog.
resource "purge_wpengine_cache" "blog" {
  install_id = var.wpengine_install_id
  cache_type = "page"
  triggers   = { release = var.release }
}

# A static site: of its files exactly those that changed. Their fingerprints
# decide, whatever the release is. The purge waits until the origin serves them.
resource "purge_cdn_asset" "handbook" {
  service_id = var.cdn_service_id
  assets     = local.handbook
  depends_on = [purge_verification.handbook_origin]
}

# The gate: the origin has the new files.
resource "purge_verification" "handbook_origin" {
  count = var.handbook_origin == null ? 0 : 1

  base_url = var.handbook_origin
  assets   = local.handbook
}

# The proof: visitors get them.
resource "purge_verification" "handbook" {
  count = var.handbook_url == null ? 0 : 1

  base_url  = var.handbook_url
  assets    = purge_cdn_asset.handbook.assets
  purged_at = purge_cdn_asset.handbook.last_purged_at
}

locals {
  handbook = { for f in fileset("${path.module}/site", "**") : "/handbook/${f}" => filemd5("${path.module}/site/${f}") }
}
