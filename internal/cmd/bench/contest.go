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

// contest is a sequence of applies that several sides do with the same data.
type contest struct {
	what   string
	n      int
	sides  []side // the first is the provider
	steps  []step
	assets bool // the data is assets.json, with n paths
}

type side struct{ name, config string }

// step is an apply, of a map in which the first few fingerprints have changed
// or of another release.
type step struct {
	name             string
	changed, release int
}

// contests measures terraform applies.
func (b *bench) contests(ctx context.Context, out io.Writer, o options) error {
	for _, n := range []int{1, 100, 1000} {
		if err := b.contest(ctx, out, o, b.resources(n)); err != nil {
			return err
		}
	}
	for _, n := range []int{1000, 10000, 100000} {
		if err := b.contest(ctx, out, o, b.assets(n)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) contest(ctx context.Context, out io.Writer, o options, c contest) error {
	title := thousands(c.n) + " " + c.what
	if !o.wants(title) || !o.large && c.n > 10000 || !o.large && c.n > 100 && !c.assets {
		return nil
	}
	seconds, peak := make([][][]float64, len(c.sides)), make([]int, len(c.steps))
	for i := range seconds {
		seconds[i] = make([][]float64, len(c.steps))
	}
	for range o.runs {
		for i, s := range c.sides {
			if err := b.run(ctx, c, s, func(step int, took float64, memory int) {
				seconds[i][step] = append(seconds[i][step], took)
				if i == 0 {
					peak[step] = max(peak[step], memory)
				}
			}); err != nil {
				return fmt.Errorf("%s, %s: %w", title, s.name, err)
			}
		}
	}
	columns := []string{title, c.sides[0].name, "memory"}
	for _, s := range c.sides[1:] {
		columns = append(columns, s.name, "ratio")
	}
	header(out, strings.ToUpper(title[:1])+title[1:], columns...)
	for i, s := range c.steps {
		cells := []string{s.name, duration(median(seconds[0][i])), fmt.Sprintf("%d MB", peak[i])}
		for j := range c.sides[1:] {
			cells = append(cells, duration(median(seconds[j+1][i])), ratio(seconds[0][i], seconds[j+1][i]))
		}
		line(out, cells...)
	}
	return nil
}

// run has one side do all steps in a new directory. It tells how long each took
// and the provider's peak memory in it.
func (b *bench) run(ctx context.Context, c contest, s side, measured func(step int, took float64, memory int)) (err error) {
	d, err := b.in(s.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.Path)) }()
	if !strings.Contains(s.config, "required_providers") {
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

// assets is one resource with a map of n paths. It records without purging, so
// that the requests don't count, but for the 200 of the update.
func (b *bench) assets(n int) contest {
	c := contest{
		what: "assets in one resource", n: n, assets: true,
		sides: []side{
			{"purge_cdn_asset", b.block("purge_cdn_asset", fmt.Sprintf(
				"service_id = %q\n  purge_on_create = false\n  assets = jsondecode(file(\"assets.json\"))", b.inputs["cdn_service_id"]))},
			{"terraform_data", b.block("terraform_data", `input = jsondecode(file("assets.json"))`)},
			{"a bare provider", b.block("bare_data", `input = jsondecode(file("assets.json"))`)},
		},
		steps: []step{{name: "create"}, {name: "no change"}, {name: "update of 200", changed: 200}},
	}
	if n > 10000 {
		c.sides = c.sides[:2] // the bare provider's trace logging grows with the square: an hour
	}
	return c
}

// resources is n resources with one url each, against Terraform's own floor and
// what people write who have no provider for it.
func (b *bench) resources(n int) contest {
	curl := fmt.Sprintf(`
  provisioner "local-exec" {
    command = "curl -fsS -o /dev/null -X DELETE -H 'X-Auth-Token: %s' -H 'X-Project-Id: %s' '%s/v1.0/%[2]s/services/%[4]s/assets?url=%%2F${count.index}.png&hard=true'"
  }`, b.sandbox.CDN.StaticToken, b.sandbox.CDN.ProjectID, b.sandbox.CDN.PublicURL, b.inputs["cdn_service_id"])
	data := fmt.Sprintf("count = %d\n  input = \"/${count.index}.png\"\n  triggers_replace = var.release", n)
	what := "resources with one url each"
	if n == 1 {
		what = "resource with one url"
	}
	return contest{
		what: what, n: n,
		sides: []side{
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

// block is a configuration with one resource block, and with the provider that
// it needs.
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

// writeAssets writes a map of n paths, of which the first few have a
// fingerprint of their own.
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
