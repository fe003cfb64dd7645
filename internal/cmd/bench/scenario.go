package main

import (
	"fmt"
	"strconv"
)

// scenario is one row: something that is done with the provider and with the
// floor that it is compared with. Only the last step is measured.
type scenario struct {
	name   string
	atMost float64 // the ratio that is promised, 0 for none
	large  bool
	steps  []step
	// provider and floor are the configurations; the map comes from assets.json.
	provider, floor func(b *bench) string
	assets          int
}

// step is an apply after a change of the assets' fingerprints or the release,
// which is 0 for a configuration without one.
type step struct {
	changed int // how many fingerprints differ from the step before
	release int
}

const assetsHCL = `
resource "%s" "site" {
  %s
}
`

func assetsScenario(name string, assets int, atMost float64, steps ...step) scenario {
	return scenario{
		name: fmt.Sprintf("%s assets: %s", thousands(assets), name), assets: assets, atMost: atMost, large: assets > 10000, steps: steps,
		provider: func(b *bench) string {
			return fmt.Sprintf(assetsHCL, "purge_cdn_asset", fmt.Sprintf(
				"service_id = %q\n  assets = jsondecode(file(\"assets.json\"))\n  purge_on_create = false", b.inputs["cdn_service_id"]))
		},
		floor: func(*bench) string {
			return fmt.Sprintf(assetsHCL, "terraform_data", `input = jsondecode(file("assets.json"))`)
		},
	}
}

func instancesScenario(name string, instances int, curl bool, steps ...step) scenario {
	s := scenario{
		name: fmt.Sprintf("%s single urls: %s", thousands(instances), name), large: instances > 100, steps: steps,
		provider: func(b *bench) string {
			return fmt.Sprintf(`
variable "release" {}
resource "purge_cdn_asset" "a" {
  count      = %d
  service_id = %q
  url        = "/${count.index}.png"
  triggers   = { release = var.release }
}
`, instances, b.inputs["cdn_service_id"])
		},
	}
	s.floor = func(b *bench) string { return floorInstances(b, instances, curl) }
	return s
}

// floorInstances is what people write who have no provider for it; without curl
// it is what Terraform itself costs.
func floorInstances(b *bench, instances int, curl bool) string {
	provisioner := ""
	if curl {
		provisioner = fmt.Sprintf(`
  provisioner "local-exec" {
    command = "curl -fsS -o /dev/null -X DELETE -H 'X-Auth-Token: %s' -H 'X-Project-Id: %s' '%s/services/%s/assets?url=%%2F${count.index}.png&hard=true'"
  }`, b.sandbox.CDN.StaticToken, b.sandbox.CDN.ProjectID, b.endpoint, b.inputs["cdn_service_id"])
	}
	return fmt.Sprintf(`
variable "release" {}
resource "terraform_data" "a" {
  count            = %d
  input            = "/${count.index}.png"
  triggers_replace = var.release%s
}
`, instances, provisioner)
}

func scenarios() []scenario {
	var all []scenario
	for _, n := range []int{1000, 10000, 100000} {
		all = append(all,
			assetsScenario("create", n, 2.5, step{}),
			assetsScenario("no change", n, 1.3, step{}, step{}),
			assetsScenario("update of 200", n, 1.5, step{}, step{changed: 200}),
		)
	}
	for _, n := range []int{1, 100, 1000} {
		all = append(all,
			instancesScenario("create, against terraform_data", n, false, step{release: 1}),
			instancesScenario("no change, against terraform_data", n, false, step{release: 1}, step{release: 1}),
			instancesScenario("create, against local-exec and curl", n, true, step{release: 1}),
			instancesScenario("purge again, against local-exec and curl", n, true, step{release: 1}, step{release: 2}),
		)
	}
	return all
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	if n < 1000 {
		return s
	}
	return s[:len(s)-3] + "," + s[len(s)-3:]
}
