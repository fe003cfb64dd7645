variable "release" {
  description = "Release to deploy, such as a tag or a commit."
  type        = string
}

data "purge_wpengine_install" "stage" {
  name = "acmestage"
}

# Purges the install only if it is not a production install.
resource "purge_wpengine_cache" "stage" {
  install_id = data.purge_wpengine_install.stage.id
  cache_type = "all"
  triggers   = { release = var.release }

  timeouts = {
    create = "5m"
    update = "5m"
  }

  lifecycle {
    precondition {
      condition     = data.purge_wpengine_install.stage.environment != "production"
      error_message = "${data.purge_wpengine_install.stage.name} is a production install."
    }
  }
}
