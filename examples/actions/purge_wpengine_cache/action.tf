variable "release" {
  type = string
}

data "purge_wpengine_install" "blog" {
  name = "acmeprod"
}

action "purge_wpengine_cache" "blog" {
  config {
    install_id = data.purge_wpengine_install.blog.id
    cache_type = "page"
  }
}

# Invokes the action when the release changes.
resource "terraform_data" "release" {
  input = var.release

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.purge_wpengine_cache.blog]
    }
  }
}
