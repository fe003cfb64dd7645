// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// comparison is a sequence of applies, which several variants run with the same
// data.
type comparison struct {
	what     string
	n        int
	variants []variant // the first is the provider
	steps    []step
	assets   bool // the data is assets.json, with n paths
}

type variant struct{ name, config string }

// step is an apply, with changed fingerprints or with another release.
type step struct {
	name             string
	changed, release int
}

// comparisons measures terraform applies.
func (b *bench) comparisons(ctx context.Context, out io.Writer, o options) error {
	for _, n := range []int{1, 100, 1000} {
		if err := b.comparison(ctx, out, o, b.resources(n)); err != nil {
			return err
		}
	}
	for _, n := range []int{1000, 10000, 100000} {
		if err := b.comparison(ctx, out, o, b.assets(n)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) comparison(ctx context.Context, out io.Writer, o options, c comparison) error {
	title := thousands(c.n) + " " + c.what
	if !o.wants(title) || !o.large && c.n > 10000 || !o.large && c.n > 100 && !c.assets {
		return nil
	}
	seconds, peak := make([][][]float64, len(c.variants)), make([]int, len(c.steps))
	for i := range seconds {
		seconds[i] = make([][]float64, len(c.steps))
	}
	for range o.runs {
		for i, v := range c.variants {
			if err := b.run(ctx, c, v, func(step int, took float64, memory int) {
				seconds[i][step] = append(seconds[i][step], took)
				if i == 0 {
					peak[step] = max(peak[step], memory)
				}
			}); err != nil {
				return fmt.Errorf("%s, %s: %w", title, v.name, err)
			}
		}
	}
	columns := []string{title, c.variants[0].name, "memory"}
	for _, v := range c.variants[1:] {
		columns = append(columns, v.name, "ratio")
	}
	header(out, strings.ToUpper(title[:1])+title[1:], columns...)
	for i, s := range c.steps {
		cells := []string{s.name, duration(median(seconds[0][i])), fmt.Sprintf("%d MB", peak[i])}
		for j := range c.variants[1:] {
			cells = append(cells, duration(median(seconds[j+1][i])), ratio(seconds[0][i], seconds[j+1][i]))
		}
		line(out, cells...)
	}
	return nil
}

// run runs all steps of one variant in a new directory. It reports the duration and
// the peak memory of the provider for each step.
func (b *bench) run(ctx context.Context, c comparison, v variant, measured func(step int, took float64, memory int)) (err error) {
	d, err := b.in(v.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.Path)) }()
	if !strings.Contains(v.config, "required_providers") {
		if _, err := d.Run(ctx, "init"); err != nil {
			return err
		}
	}
	for i, step := range c.steps {
		if c.assets {
			if err := writeAssets(d, c.n, step.changed); err != nil {
				return err
			}
		}
		memory := watchMemory()
		took, err := apply(ctx, d, step.release)
		peak := memory()
		if err != nil {
			return err
		}
		measured(i, took, peak)
	}
	return nil
}

// assets is one resource with a map of n paths. Its create sends no purges, because
// this does not measure requests, except for the 200 of the update.
func (b *bench) assets(n int) comparison {
	c := comparison{
		what: "assets in one resource", n: n, assets: true,
		variants: []variant{
			{"purge_cdn_asset", b.block("purge_cdn_asset", fmt.Sprintf(
				"service_id = %q\n  purge_on_create = false\n  assets = jsondecode(file(\"assets.json\"))", b.inputs["cdn_service_id"]))},
			{"terraform_data", b.block("terraform_data", `input = jsondecode(file("assets.json"))`)},
			{"a bare provider", b.block("bare_data", `input = jsondecode(file("assets.json"))`)},
		},
		steps: []step{{name: "create"}, {name: "no change"}, {name: "update of 200", changed: 200}},
	}
	if n > 10000 {
		c.variants = c.variants[:2] // the bare provider takes an hour: its trace logging is quadratic
	}
	return c
}

// resources is n resources with one url each, compared with the baseline of
// Terraform and with curl.
func (b *bench) resources(n int) comparison {
	curl := fmt.Sprintf(`
  provisioner "local-exec" {
    command = "curl -fsS -o /dev/null -X DELETE -H 'X-Auth-Token: %s' -H 'X-Project-Id: %s' '%s/v1.0/%[2]s/services/%[4]s/assets?url=%%2F${count.index}.png&hard=true'"
  }`, b.sandbox.CDN.StaticToken, b.sandbox.CDN.ProjectID, b.sandbox.CDN.PublicURL, b.inputs["cdn_service_id"])
	data := fmt.Sprintf("count = %d\n  input = \"/${count.index}.png\"\n  triggers_replace = var.release", n)
	what := "resources with one url each"
	if n == 1 {
		what = "resource with one url"
	}
	return comparison{
		what: what, n: n,
		variants: []variant{
			{"purge_cdn_asset", b.block("purge_cdn_asset", fmt.Sprintf(
				"count = %d\n  service_id = %q\n  url = \"/${count.index}.png\"\n  triggers = { release = var.release }", n, b.inputs["cdn_service_id"]))},
			{"terraform_data", b.block("terraform_data", data)},
			{"a bare provider", b.block("bare_data", fmt.Sprintf(
				"count = %d\n  input = { url = \"/${count.index}.png\", release = var.release }", n))},
			{"terraform_data with curl", b.block("terraform_data", data+curl)},
		},
		steps: []step{{name: "create", release: 1}, {name: "no change", release: 1}, {name: "another release", release: 2}},
	}
}

// block returns a configuration with one resource block and its provider.
func (b *bench) block(kind, body string) string {
	config := fmt.Sprintf("variable \"release\" {}\nresource %q \"it\" {\n  %s\n}\n", kind, body)
	name, _, _ := strings.Cut(kind, "_")
	if name == "terraform" {
		return config
	}
	if name == "purge" {
		config += fmt.Sprintf("provider \"purge\" {\n  cdn = { requests_per_minute = %d }\n}\n", requestsPerMinute)
	}
	return config + fmt.Sprintf("terraform {\n  required_providers {\n    %s = { source = \"cachepurge/%[1]s\" }\n  }\n}\n", name)
}

// writeAssets writes a map of n paths. The fingerprints of the first ones are
// changed.
func writeAssets(d *tfcli.Dir, n, changed int) error {
	assets := make(map[string]string, n)
	for i := range n {
		fingerprint := i
		if i < changed {
			fingerprint += n
		}
		assets[fmt.Sprintf("/assets/%02x/file-%06d.html", i%256, i)] = fmt.Sprintf("%032x", fingerprint)
	}
	encoded, err := json.Marshal(assets)
	if err != nil {
		return err
	}
	return d.Write("assets.json", string(encoded))
}

func duration(seconds float64) string { return fmt.Sprintf("%.2f s", seconds) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	if n < 1000 {
		return s
	}
	return s[:len(s)-3] + "," + s[len(s)-3:]
}
