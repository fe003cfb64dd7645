data "purge_cdn_services" "all" {}

# IDs of the deployed services, by domain. Each value is a list, because several
# services may have the same domain.
output "services" {
  value = {
    for pair in flatten([
      for s in data.purge_cdn_services.all.services : [
        for d in s.domains : { domain = d.domain, id = s.id }
      ] if s.status == "deployed"
    ]) : pair.domain => pair.id...
  }
}
