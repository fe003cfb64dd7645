data "purge_cdn_services" "all" {}

# The id of each service that can be purged, by a domain that it serves.
output "services" {
  value = merge([
    for s in data.purge_cdn_services.all.services : { for d in s.domains : d.domain => s.id... } if s.status == "deployed"
  ]...)
}
