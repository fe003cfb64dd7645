import {
  to = purge_http_cache.home
  identity = {
    host = "www.example.com"
    url  = "/index.html" # leave it out for a resource with assets
  }
}
