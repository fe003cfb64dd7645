import {
  to = purge_wpengine_cache.blog
  identity = {
    install_id = "a5b768f4-c7c4-46bd-88e6-157fd3d77e58"
    cache_type = "page"
  }
}
