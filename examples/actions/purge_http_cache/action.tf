variable "release" {
  type = string
}

action "purge_http_cache" "pages" {
  config {
    host = "www.example.com"
    urls = ["/", "/news/"]
  }
}

# Invokes the action when the release changes.
resource "terraform_data" "release" {
  input = var.release

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.purge_http_cache.pages]
    }
  }
}
