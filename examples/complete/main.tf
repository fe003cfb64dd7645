# Purges MicroStrategy, Rackspace CDN, and WP Engine with each release.
#
#     terraform apply -var release=2
#
# `make demo` applies this configuration to fakes of the systems. `make sandbox`
# starts the fakes and prints the environment to apply it manually.

terraform {
  required_version = ">= 1.0.5"

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# Set addresses and credentials in the environment (MSTR_…, RAX_…, WPE_…).
provider "purge" {
  max_retries = 4
}

# The element and object caches of a MicroStrategy project.
resource "purge_mstr_cache" "sales" {
  for_each = toset(["element", "object"])

  project_id = var.mstr_project_id
  cache_type = each.key
  triggers   = { release = var.release }
}

# Pages that change with each release.
resource "purge_cdn_asset" "page" {
  for_each = toset(["/index.html", "/css/site.css"])

  service_id = var.cdn_service_id
  url        = each.key
  triggers   = { release = var.release }
}

# All images, with one soft purge.
resource "purge_cdn_asset" "images" {
  service_id = var.cdn_service_id
  url        = "/images/*"
  hard       = false
  triggers   = { release = var.release }
}

# The page cache of the blog.
resource "purge_wpengine_cache" "blog" {
  install_id = var.wpengine_install_id
  cache_type = "page"
  triggers   = { release = var.release }
}

# The files of a static site that changed, compared by their fingerprints. The
# purge waits until the origin serves the new files.
resource "purge_cdn_asset" "handbook" {
  service_id = var.cdn_service_id
  assets     = local.handbook
  depends_on = [purge_verification.handbook_origin]
}

# Waits until the origin serves the new files.
resource "purge_verification" "handbook_origin" {
  count = var.handbook_origin == null ? 0 : 1

  base_url = var.handbook_origin
  assets   = local.handbook
}

# Waits until visitors get the new files.
resource "purge_verification" "handbook" {
  count = var.handbook_url == null ? 0 : 1

  base_url  = var.handbook_url
  assets    = purge_cdn_asset.handbook.assets
  purged_at = purge_cdn_asset.handbook.last_purged_at
}

locals {
  handbook = { for f in fileset("${path.module}/site", "**") : "/handbook/${f}" => filemd5("${path.module}/site/${f}") }
}
