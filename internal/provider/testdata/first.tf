# What first.tfstate.json is the state of. The first version of the provider
# wrote it. Neither file may change: the test says why.

resource "purge_mstr_cache" "bare" {
  project_id = "b7ca92f04b9fae8d941c3e9b7e0cd754"
  cache_type = "element"
}

resource "purge_mstr_cache" "full" {
  project_id       = "CE52831411E696C8BD2F0080EFD5AF44"
  cache_type       = "object"
  triggers         = { release = "1", sum = "abc" }
  purge_on_create  = true
  purge_on_destroy = true
  timeouts         = { create = "7m", update = "8m", delete = "9m" }
}

resource "purge_cdn_asset" "bare" {
  service_id = "96737AE3-CFC1-4C72-BE88-5D0E7CC9A3F0"
  url        = "/images/the logo ü.png"
}

resource "purge_cdn_asset" "full" {
  service_id          = "0a4f7c2e-5b1d-4d3a-9c68-e2f10b7d9a35"
  url                 = "/css/*"
  hard                = false
  wait_until_deployed = false
  triggers            = { release = "1" }
  purge_on_create     = true
  purge_on_destroy    = false
  timeouts            = { update = "8m" }
}

resource "purge_wpengine_cache" "bare" {
  install_id = "A5B768F4-C7C4-46BD-88E6-157FD3D77E58"
  cache_type = "page"
}

resource "purge_wpengine_cache" "full" {
  install_id       = "160de8c4-af41-4db9-85a7-9ae12f63b8ef"
  cache_type       = "all"
  triggers         = {}
  purge_on_create  = false
  purge_on_destroy = true
  timeouts         = {}
}
