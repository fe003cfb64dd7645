variable "release" {
  type = string
}

action "purge_cdn_asset" "pages" {
  config {
    service_id = "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0"
    urls       = ["/index.html", "/news/index.html"]
  }
}

# Invalidates all images without waiting for the deployment of the service.
action "purge_cdn_asset" "images" {
  config {
    service_id          = "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0"
    urls                = ["/images/*"]
    hard                = false
    wait_until_deployed = false
  }
}

# Invokes both actions in this order when the release changes.
resource "terraform_data" "release" {
  input = var.release

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.purge_cdn_asset.pages, action.purge_cdn_asset.images]
    }
  }
}
