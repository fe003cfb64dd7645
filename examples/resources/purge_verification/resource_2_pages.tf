resource "purge_wpengine_cache" "blog" {
  install_id = var.install_id
  cache_type = "page"
  triggers   = { release = var.release }
}

# Waits until each page contains the text, because pages have no fingerprint.
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
