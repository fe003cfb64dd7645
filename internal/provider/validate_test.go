// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// The checks of known values during planning, in one configuration. See
// unknown_test.go for values that are known only after apply. The same function
// checks them before anything is sent.
func TestChecksDuringPlanning(t *testing.T) {
	t.Parallel()
	const longest = `"B7CA92F04B9FAE8D941C3E9B7E0CD754"`
	mstr := arguments{"project_id": longest, "cache_type": `"object"`}
	asset := arguments{"service_id": `"` + cdntest.DeployedID + `"`, "url": `"/a.css"`}
	install := arguments{"install_id": `"` + cdntest.DeployedID + `"`, "cache_type": `"page"`}
	const projectRule = "project_id must be 32 hexadecimal digits, without hyphens. Copy it from the properties of the project, or look it up by name with the data source purge_mstr_project."
	const wildcardRule = `url must not contain a wildcard in a hard purge, because the CDN accepts it and purges nothing. To invalidate all matching assets, set hard = false.`
	duration := func(name string) string {
		return fmt.Sprintf("timeouts.%s must be a duration greater than zero, such as \"30m\" or \"1h30m\".", name)
	}
	type row struct {
		target *target
		good   arguments
		bad    arguments
		// line is the line of the error, if it is not the one of the bad argument.
		line            string
		summary, detail string
	}
	rows := map[string]row{
		"hyphens_in_a_project_id":  {mstrCache, mstr, arguments{"project_id": `"B7CA92F0-4B9F-AE8D-941C-3E9B7E0CD754"`}, "", "Invalid project_id", projectRule},
		"a_digit_too_few":          {mstrCache, mstr, arguments{"project_id": `"B7CA92F04B9FAE8D941C3E9B7E0CD75"`}, "", "Invalid project_id", projectRule},
		"a_project_by_name":        {mstrCache, mstr, arguments{"project_id": `"MicroStrategy Tutorial"`}, "", "Invalid project_id", projectRule},
		"an_unknown_mstr_cache":    {mstrCache, mstr, arguments{"cache_type": `"elements"`}, "", "Invalid cache_type", `cache_type must be one of element, object, report, or all.`},
		"a_service_id_as_hex":      {cdnAsset, asset, arguments{"service_id": `"96737ae3cfc14c72be885d0e7cc9a3f0"`}, "", "Invalid service_id", `service_id must be a UUID such as 0a1b2c3d-1111-2222-3333-444455556666. Copy it from the service in the control panel, or look it up by name or domain with the data source purge_cdn_service.`},
		"a_url_without_a_slash":    {cdnAsset, asset, arguments{"url": `"a.css"`}, "", "Invalid path of an asset", `url must start with a slash. Use "/a.css".`},
		"a_url_with_a_scheme":      {cdnAsset, asset, arguments{"url": `"https://www.example.com/a.css"`}, "", "Invalid path of an asset", `url must be a path without a scheme and host. Use "/a.css".`},
		"a_url_with_a_password":    {cdnAsset, asset, arguments{"url": `"https://user:hunter2@www.example.com/a.css"`}, "", "Invalid path of an asset", `url must be a path without a scheme and host. Use "/a.css".`},
		"a_url_with_a_host":        {cdnAsset, asset, arguments{"url": `"//www.example.com/a.css"`}, "", "Invalid path of an asset", `url must not start with two slashes. A prefix before the path is probably empty. If "www.example.com" is a host, use "/a.css".`},
		"a_url_with_a_fragment":    {cdnAsset, asset, arguments{"url": `"/a.html#top"`}, "", "Invalid path of an asset", `url must not contain a fragment. Use "/a.html", or write %23 for a # in a file name.`},
		"a_url_with_a_line_break":  {cdnAsset, asset, arguments{"url": `"/a.css\n"`}, "", "Invalid path of an asset", `url must not contain control characters, such as a line break. Use "/a.css".`},
		"an_empty_url":             {cdnAsset, asset, arguments{"url": `""`}, "", "Invalid path of an asset", `url must not be empty.`},
		"a_url_with_dots":          {cdnAsset, asset, arguments{"url": `"/./dist/a.css"`}, "", "Invalid path of an asset", `url must not contain "." or ".." as a segment, because clients remove these before they request a path. Use "/dist/a.css".`},
		"a_url_of_two_paths":       {cdnAsset, asset, arguments{"url": `"/a, /b"`}, "", "Invalid path of an asset", `url must be one path, but contains a space before a slash. Write %20 if the space is part of the path.`},
		"a_query_in_a_soft_one":    {cdnAsset, asset.with(arguments{"hard": "false"}), arguments{"url": `"/a.css?v=1"`}, "", "Invalid path of an asset", `url must not contain a query in a soft purge, because the CDN matches the path without the query. Use "/a.css" to invalidate it with every query, or set hard = true.`},
		"a_wildcard_by_default":    {cdnAsset, asset, arguments{"url": `"/css/*"`}, "", "Invalid path of an asset", wildcardRule},
		"a_wildcard_in_a_hard_one": {cdnAsset, asset.with(arguments{"hard": "true"}), arguments{"url": `"/css/*"`}, "", "Invalid path of an asset", wildcardRule},
		"the_name_of_an_install":   {wpengineCache, install, arguments{"install_id": `"acmeprod"`}, "", "Invalid install_id", `install_id must be a UUID such as 0a1b2c3d-1111-2222-3333-444455556666. ` + installIDHint},
		"an_unknown_wp_cache":      {wpengineCache, install, arguments{"cache_type": `"element"`}, "", "Invalid cache_type", `cache_type must be one of object, page, cdn, or all.`},

		"a_soft_wildcard":     {target: cdnAsset, good: asset.with(arguments{"url": `"/css/*"`, "hard": "false"})},
		"spaces_and_umlauts":  {target: cdnAsset, good: asset.with(arguments{"url": `"/Größen und Maße.html"`})},
		"a_query":             {target: cdnAsset, good: asset.with(arguments{"url": `"/a.css?v=1&w=2+3"`})},
		"a_percent_of_itself": {target: cdnAsset, good: asset.with(arguments{"url": `"/100%.html"`})},
		"lower_case":          {target: mstrCache, good: mstr.with(arguments{"project_id": "lower(" + longest + ")"})},
		"upper_case":          {target: wpengineCache, good: install.with(arguments{"install_id": `upper("` + cdntest.DeployedID + `")`})},
	}
	w := newWorld(t)
	for _, target := range targets {
		f := w.fixture(t, target)
		rows[target.name+"_null_in_triggers"] = row{
			target, f.here,
			arguments{"triggers": `{ release = null }`},
			"",
			"Null value in triggers", `triggers["release"] is null. Remove the key, or set it to a value.`,
		}
		for name, text := range map[string]string{"create": "soon", "update": "0s", "delete": "-5m"} {
			rows[target.name+"_timeouts_"+name] = row{
				target, f.here,
				arguments{"timeouts": fmt.Sprintf("{ %s = %q }", name, text)},
				"",
				"Invalid timeouts." + name, duration(name),
			}
		}
	}
	var config strings.Builder
	var want []trouble
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		fmt.Fprintf(&config, "resource \"purge_%s\" %q {\n%s}\n", r.target.name, name, r.good.with(r.bad))
		for argument, value := range r.bad {
			line := cmp.Or(r.line, argument+" = "+value)
			want = append(want, trouble{Address: name, Line: line, Summary: r.summary, Detail: r.detail})
		}
	}
	tf := newTerraform(t, w, config.String())
	got := tf.troubles(t, "validate", "-json")
	for i := range got {
		// validate has no address, but the line contains it.
		got[i].Address = strings.Split(got[i].Context, `"`)[3]
		got[i].Context = ""
	}
	slices.SortFunc(got, func(a, b trouble) int { return strings.Compare(a.Address, b.Address) })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	w.compareSent(t, step{name: "validate"})
}
