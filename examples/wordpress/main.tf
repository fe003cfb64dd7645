# WordPress on WP Engine. After a deploy, purges the caches of staging, and of
# production only on request.
#
# Set the names of the installs, staging_install and production_install, in
# terraform.tfvars.
#
#     terraform init
#     terraform apply -var release=v42
#     terraform apply -var release=v42 -var production=true

terraform {
  required_version = ">= 1.2" # for precondition

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# Set the credentials in WPE_API_USER_ID and WPE_API_PASSWORD.
provider "purge" {
  wpengine = {}
}

locals {
  installs = merge(
    { staging = var.staging_install },
    var.production ? { production = var.production_install } : {},
  )
}

data "purge_wpengine_install" "site" {
  for_each = local.installs

  name = each.value

  lifecycle {
    precondition {
      condition     = each.value != null
      error_message = "Set ${each.key}_install."
    }
  }
}

resource "purge_wpengine_cache" "site" {
  for_each = local.installs

  install_id = data.purge_wpengine_install.site[each.key].id
  cache_type = "all"
  triggers   = { release = var.release }

  lifecycle {
    # If the names are swapped, the plan fails.
    precondition {
      condition     = data.purge_wpengine_install.site[each.key].environment == each.key
      error_message = "The install ${each.value} is not a ${each.key} install."
    }
  }
}
