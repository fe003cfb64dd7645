data "purge_wpengine_installs" "staging" {
  environment = "staging"
}

# Purges the page cache of every active staging install.
resource "purge_wpengine_cache" "staging" {
  for_each = {
    for i in data.purge_wpengine_installs.staging.installs : i.id => i.name if i.status == "active"
  }

  install_id = each.key
  cache_type = "page"
}
