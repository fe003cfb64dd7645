# A module that purges one install after a release, and only on staging. Its tests need no credentials:
#
#     terraform init
#     terraform test

terraform {
  required_version = ">= 1.7" # for mock_provider; OpenTofu needs 1.8

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

variable "install" {
  description = "Name of the staging install."
  type        = string
}

variable "release" {
  description = "Tag or commit that is deployed."
  type        = string
}

data "purge_wpengine_install" "site" {
  name = var.install
}

resource "purge_wpengine_cache" "site" {
  install_id = data.purge_wpengine_install.site.id
  cache_type = "page"
  triggers   = { release = var.release }

  lifecycle {
    precondition {
      condition     = data.purge_wpengine_install.site.environment == "staging"
      error_message = "The install ${var.install} is not a staging install."
    }
  }
}
