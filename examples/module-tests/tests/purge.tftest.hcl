# The mock sends no requests. Without mock_data, the data source returns random
# values.
mock_provider "purge" {
  mock_data "purge_wpengine_install" {
    defaults = {
      id          = "a5b768f4-c7c4-46bd-88e6-157fd3d77e58"
      environment = "staging"
    }
  }
}

variables {
  install = "acmestage"
  release = "v42"
}

run "purges_the_pages_of_staging" {
  assert {
    condition     = purge_wpengine_cache.site.install_id == "a5b768f4-c7c4-46bd-88e6-157fd3d77e58"
    error_message = "The module purges another install."
  }

  assert {
    condition     = purge_wpengine_cache.site.triggers.release == "v42"
    error_message = "The module does not purge with each release."
  }
}

run "rejects_production" {
  command = plan

  override_data {
    target = data.purge_wpengine_install.site
    values = {
      id          = "a5b768f4-c7c4-46bd-88e6-157fd3d77e58"
      environment = "production"
    }
  }

  expect_failures = [purge_wpengine_cache.site]
}
