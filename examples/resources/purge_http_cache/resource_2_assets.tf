locals {
  files = { for f in fileset("${path.module}/dist", "**") : f => filemd5("${path.module}/dist/${f}") }
}

# Of a whole site exactly the files that were added, changed, or removed.
resource "purge_http_cache" "site" {
  host = "www.example.com"

  # Terraform 1.8 and OpenTofu 1.7. In an older version, for files without a #, ?, or % in their names:
  # assets = { for f, md5 in local.files : "/${f}" => md5 }
  assets = provider::purge::site_paths(local.files)
}

# Visitors get the new files.
resource "purge_verification" "site" {
  base_url  = "https://www.example.com"
  assets    = purge_http_cache.site.assets
  purged_at = purge_http_cache.site.last_purged_at
}
