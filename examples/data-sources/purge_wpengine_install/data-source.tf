data "purge_wpengine_install" "stage" {
  name = "acmestage"
}

resource "purge_wpengine_cache" "stage" {
  install_id = data.purge_wpengine_install.stage.id
  cache_type = "all"

  lifecycle {
    precondition {
      condition     = data.purge_wpengine_install.stage.environment != "production"
      error_message = "${data.purge_wpengine_install.stage.name} is a production install."
    }
  }
}
