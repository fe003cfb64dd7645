variable "release" {
  description = "Release to deploy, such as a tag or a commit."
  type        = string
}

provider "purge" {
  http_cache = {
    endpoints = ["http://10.0.0.11:6081", "http://10.0.0.12:6081"] # every instance
  }
}

# Purges one page at every instance with each release.
resource "purge_http_cache" "home" {
  host     = "www.example.com" # the name that visitors use
  url      = "/"
  triggers = { release = var.release }
}
