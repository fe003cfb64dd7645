# WordPress on WP Engine: after a deploy the caches of staging are purged, and
# those of production only when that is what was asked for.
#
# The names of the installs stand in terraform.tfvars, or come with -var.
#
#     terraform init
#     terraform apply -var release=v42 -var staging_install=acmestage
#     terraform apply -var release=v42 -var staging_install=acmestage -var production=true -var production_install=acmeprod

terraform {
  required_version = ">= 1.2" # for precondition

  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}

# The API user and its password come from WPE_API_USER_ID and WPE_API_PASSWORD.
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
    # A name that was mixed up stops the plan, before anything is sent.
    precondition {
      condition     = data.purge_wpengine_install.site[each.key].environment == each.key
      error_message = "The install ${each.value} is ${coalesce(data.purge_wpengine_install.site[each.key].environment, "of no environment")}, not ${each.key}."
    }
  }
}
