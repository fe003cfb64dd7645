# A module that purges a staging install with each release. Its tests need no
# credentials:
#
#     terraform init
#     terraform test

terraform {
  required_version = ">= 1.7" # for mock_provider; OpenTofu requires 1.8

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
  description = "Release to deploy, such as a tag or a commit."
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
