# What second.tfstate.json is the state of: of the version that added assets,
# purged and identities. See first.tf.

resource "purge_mstr_cache" "bare" {
  project_id = "b7ca92f04b9fae8d941c3e9b7e0cd754"
  cache_type = "element"
}

resource "purge_cdn_asset" "bare" {
  service_id = "96737AE3-CFC1-4C72-BE88-5D0E7CC9A3F0"
  url        = "/images/the logo ü.png"
}

resource "purge_cdn_asset" "full" {
  service_id       = "0a4f7c2e-5b1d-4d3a-9c68-e2f10b7d9a35"
  assets           = { "/css/site.css" = "1", "/js/the app.js" = "2" }
  triggers         = { release = "1" }
  purge_on_destroy = true
  timeouts         = { update = "8m" }
}

resource "purge_wpengine_cache" "bare" {
  install_id = "A5B768F4-C7C4-46BD-88E6-157FD3D77E58"
  cache_type = "page"
}
