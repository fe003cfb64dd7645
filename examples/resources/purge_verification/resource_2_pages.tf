# Pages have no fingerprint: each must contain a text.
resource "purge_wpengine_cache" "blog" {
  install_id = var.install_id
  cache_type = "page"
  triggers   = { release = var.release }
}

resource "purge_verification" "blog" {
  base_url  = "https://blog.example.com"
  urls      = ["/", "/news/"]
  contains  = "ver=${var.release}"
  purged_at = purge_wpengine_cache.blog.last_purged_at
}

variable "install_id" {
  type = string
}

variable "release" {
  type = string
}
