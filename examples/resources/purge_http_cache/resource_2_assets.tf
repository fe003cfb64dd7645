locals {
  files = { for f in fileset("${path.module}/dist", "**") : f => filemd5("${path.module}/dist/${f}") }
}

# Purges only the files of a site that were added, changed, or removed.
resource "purge_http_cache" "site" {
  host = "www.example.com"

  # Requires Terraform 1.8 or OpenTofu 1.7.
  assets = provider::purge::site_paths(local.files)
}

# Waits until visitors get the new files.
resource "purge_verification" "site" {
  base_url  = "https://www.example.com"
  assets    = purge_http_cache.site.assets
  purged_at = purge_http_cache.site.last_purged_at
}
