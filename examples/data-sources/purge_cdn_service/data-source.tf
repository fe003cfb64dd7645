data "purge_cdn_service" "site" {
  domain = "website.example.com"
}

resource "purge_cdn_asset" "home" {
  service_id = data.purge_cdn_service.site.id
  url        = "/index.html"
}
