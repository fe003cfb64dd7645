variable "load_id" {
  type = string
}

action "purge_mstr_cache" "sales" {
  config {
    project_id = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
    cache_type = "element"
    timeout    = "5m"
  }
}

# Invokes the action after each load.
resource "terraform_data" "load" {
  input = var.load_id

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.purge_mstr_cache.sales]
    }
  }
}
