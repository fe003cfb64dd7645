# What mstr_content_cache.tfstate.json is the state of. See first.tf.

resource "purge_mstr_content_cache" "it" {
  project_id       = "b7ca92f04b9fae8d941c3e9b7e0cd754"
  purge_on_destroy = true
  timeouts         = { update = "8m" }
  triggers         = { release = "1" }
  warehouse_tables = ["F_SALES", "D_STORE"]
}
