data "purge_cdn_service" "site" {
  name = "website"
}

# Of a whole site exactly the files that were added, changed or removed.
resource "purge_cdn_asset" "site" {
  service_id = data.purge_cdn_service.site.id
  assets     = { for f in fileset("${path.module}/dist", "**") : "/${f}" => filemd5("${path.module}/dist/${f}") }

  # The site is live already and the edge is up to date.
  purge_on_create = false

  # When the resource goes, so does what the edge still holds of the site.
  purge_on_destroy = true
}
