data "purge_cdn_service" "site" {
  name = "website"
}

locals {
  files = { for f in fileset("${path.module}/dist", "**") : f => filemd5("${path.module}/dist/${f}") }
}

# Of a whole site exactly the files that were added, changed, or removed.
resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id

  # Terraform 1.8 and OpenTofu 1.7. In an older version, for files without a #, ?, or % in their names:
  # assets = { for f, md5 in local.files : "/${f}" => md5 }
  assets = provider::purge::site_paths(local.files)

  # The site is live already and the edge is up to date.
  purge_on_create = false

  # When the resource goes, so does what the edge still holds of the site.
  purge_on_destroy = true

  lifecycle {
    precondition {
      condition     = length(local.files) > 0
      error_message = "There are no files in dist. Build the site first."
    }
  }
}
