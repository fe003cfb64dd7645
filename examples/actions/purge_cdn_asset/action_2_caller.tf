# One action for all files. It purges the file that triggered it. Requires Terraform 1.16.

# Stands for the upload of a file, such as an aws_s3_object.
resource "terraform_data" "file" {
  for_each = fileset("${path.module}/dist", "**")

  input = {
    path = "/${each.key}"
    md5  = filemd5("${path.module}/dist/${each.key}")
  }

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.purge_cdn_asset.file]
    }
  }
}

action "purge_cdn_asset" "file" {
  config {
    service_id = "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0"
    urls       = [caller.input.path]
  }
}
