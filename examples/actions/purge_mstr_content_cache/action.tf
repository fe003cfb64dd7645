variable "load_id" {
  type = string
}

action "purge_mstr_content_cache" "sales" {
  config {
    project_id       = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
    warehouse_tables = ["F_SALES", "D_STORE"]
    timeout          = "30m"
  }
}

# Invokes the action after each load.
resource "terraform_data" "load" {
  input = var.load_id

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.purge_mstr_content_cache.sales]
    }
  }
}
