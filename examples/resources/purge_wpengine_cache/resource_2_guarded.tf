variable "release" {
  description = "What is deployed, for instance a tag or a commit."
  type        = string
}

data "purge_wpengine_install" "stage" {
  name = "acmestage"
}

# The install is found by its name, and only purged where it is no production.
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
      error_message = "${data.purge_wpengine_install.stage.name} is production."
    }
  }
}
