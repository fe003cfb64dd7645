import {
  to = purge_cdn_asset.home
  identity = {
    service_id = "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0"
    url        = "/index.html" # omit it for a resource with assets
  }
}
