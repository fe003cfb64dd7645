import {
  to = purge_http_cache.home
  id = "www.example.com/index.html"
}
