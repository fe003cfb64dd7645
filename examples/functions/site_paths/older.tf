locals {
  dist  = "${path.module}/dist"
  files = { for f in fileset(local.dist, "**") : f => filemd5("${local.dist}/${f}") }
  paths = {
    for f, md5 in local.files :
    f => "/${replace(replace(replace(f, "%", "%25"), "#", "%23"), "?", "%3F")}"
  }
  assets = merge(
    { for f, md5 in local.files : local.paths[f] => md5 },
    {
      for f, md5 in local.files :
      trimsuffix(local.paths[f], "index.html") => md5 if basename(f) == "index.html"
    },
  )
}
