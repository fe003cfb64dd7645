# What http_cache.tfstate.json is the state of. See first.tf.

resource "purge_http_cache" "it" {
  host             = "www.example.com"
  purge_on_destroy = true
  timeouts         = { update = "8m" }
  triggers         = { release = "1" }
  url              = "/images/the logo ü.png"
}
