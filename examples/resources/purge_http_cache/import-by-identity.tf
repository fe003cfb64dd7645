import {
  to = purge_http_cache.home
  identity = {
    host = "www.example.com"
    url  = "/index.html" # omit it for a resource with assets
  }
}
