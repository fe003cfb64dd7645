data "purge_cdn_service" "site" {
  name = "website"
}

locals {
  files = { for f in fileset("${path.module}/dist", "**") : f => filemd5("${path.module}/dist/${f}") }
}

# Purges only the files of a site that were added, changed, or removed.
resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id

  # Requires Terraform 1.8 or OpenTofu 1.7.
  assets = provider::purge::site_paths(local.files)

  # The first apply only records the files, because the edge is up to date.
  purge_on_create = false

  # A destroy deletes the files of the site from the edge.
  purge_on_destroy = true

  lifecycle {
    precondition {
      condition     = length(local.files) > 0
      error_message = "The directory dist contains no files. Build the site first."
    }
  }
}
