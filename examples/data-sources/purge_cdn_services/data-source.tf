data "purge_cdn_services" "all" {}

# The services that can be purged, by the domains that they serve. The values are
# lists of ids, because a domain may belong to more than one service.
output "services" {
  value = {
    for p in flatten([
      for s in data.purge_cdn_services.all.services : [for d in s.domains : { domain = d.domain, id = s.id }] if s.status == "deployed"
    ]) : p.domain => p.id...
  }
}
