locals {
  dist  = "${path.module}/dist"
  files = { for f in fileset(local.dist, "**") : f => filemd5("${local.dist}/${f}") }
}

data "purge_cdn_service" "site" {
  name = "website"
}

resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id
  assets     = provider::purge::site_paths(local.files)
}

# For a server that serves index.html or index.htm for a directory.
output "paths" {
  value = provider::purge::site_paths(local.files, "index.html", "index.htm")
}
