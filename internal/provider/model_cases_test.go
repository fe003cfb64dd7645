// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"strings"
	"testing"
)

// cases are sequences in which a purge was once lost or repeated.
var cases = map[string]struct {
	kind   string
	begins object
	story  func(x *tale)
}{
	"a path that was rejected is removed": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("triggers", releasing("2")).while(illRejected, "/b").fails(turn{})
		x.then("asset:/b", nil).sends(turn{}, "/b")
	}},
	"a path that was rejected, and a destroy that purges": {"purge_cdn_asset", threeAssets("purge_on_destroy", true), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("triggers", releasing("2")).while(illRejected, "/b").fails(turn{})
		x.sends(turn{verb: "destroy"}, abc...)
		x.reports("3 purges")
	}},
	"a path that was rejected while assets are ignored": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{}, abc...)
		ignoring := turn{ignore: []string{"assets"}}
		x.then("triggers", releasing("2")).while(illRejected, "/b").fails(ignoring)
		x.sends(ignoring, "/b")
		x.then("triggers", releasing("3")).sends(ignoring, abc...)
	}},
	"a url whose release was denied and reverted": {"purge_cdn_asset", object{"service_id": services[0], "url": "/a", "triggers": releasing("1")}, func(x *tale) {
		x.sends(turn{}, "/a")
		x.then("triggers", releasing("2")).while(illForbidden, "/a").fails(turn{})
		x.then("triggers", releasing("1")).sends(turn{}, "/a").sends(turn{})
	}},
	"an install whose release was denied and reverted": {"purge_wpengine_cache", universes["purge_wpengine_cache"].start, func(x *tale) {
		x.sends(turn{}, "page")
		x.then("triggers", releasing("2")).while(illForbidden, "page").fails(turn{})
		x.then("triggers", releasing("1")).sends(turn{}, "page").sends(turn{})
	}},
	"a project whose release was denied and reverted": {"purge_mstr_cache", universes["purge_mstr_cache"].start, func(x *tale) {
		x.sends(turn{}, "element")
		x.then("triggers", releasing("2")).while(illForbidden, "element").fails(turn{})
		x.then("triggers", releasing("1")).sends(turn{}, "element").sends(turn{})
	}},
	"a path that was removed with a release, failed, and comes back": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("triggers", releasing("2"), "asset:/b", nil).while(illBroken, "/b").fails(turn{})
		x.then("asset:/b", "1").sends(turn{}, "/b")
	}},
	"a path that was removed with a change to hard, failed, and comes back": {"purge_cdn_asset", threeAssets("hard", false), func(x *tale) {
		if err := x.take(turn{}); err != nil {
			x.t.Error(err)
		}
		x.then("hard", true, "asset:/b", nil).while(illBroken, "/b").fails(turn{})
		x.then("asset:/b", "1").sends(turn{}, "/b")
		if a := x.last.arrivals[0]; a.soft {
			x.t.Error("the purge is a soft one")
		}
	}},
	"a new install that denies after the previous one was purged": {"purge_wpengine_cache", edited(universes["purge_wpengine_cache"].start, edit{"purge_on_destroy", true}), func(x *tale) {
		x.sends(turn{}, "page")
		x.then("install_id", installs[1], "cache_type", "cdn").while(illForbidden, "cdn").fails(turn{})
		x.sends(turn{}, "cdn")
	}},
	"a new install with a typo after the previous one was purged": {"purge_wpengine_cache", edited(universes["purge_wpengine_cache"].start, edit{"purge_on_destroy", true}), func(x *tale) {
		x.sends(turn{}, "page")
		x.then("install_id", strings.Replace(installs[1], "0", "1", 1), "cache_type", "cdn").fails(turn{})
		x.then("install_id", installs[1]).sends(turn{}, "cdn")
		if a := x.last.arrivals[0]; a.scope != installs[1] {
			x.t.Errorf("sent to %s", a.scope)
		}
	}},
	"a create that stops partway": {"purge_cdn_asset", hundred(), func(x *tale) {
		accepted := x.stops(40)
		x.sends(turn{}, x.paths(accepted...)...)
	}},
	"a create that stops partway, and is planned without a refresh": {"purge_cdn_asset", hundred(), func(x *tale) {
		accepted := x.stops(40)
		x.sends(turn{stale: true}, x.paths(accepted...)...)
	}},
	"a create that stops partway, and rejected credentials after it": {"purge_cdn_asset", hundred(), func(x *tale) {
		accepted := x.stops(40)
		x.harm(thing{scope: services[0]}, illUnauthorized, false)
		if err := x.take(turn{}); err != nil || len(x.last.errors) == 0 || len(x.accepted()) > 0 {
			x.t.Errorf("the apply with rejected credentials: %v, %v", err, x.last)
		}
		x.heal()
		x.sends(turn{}, x.paths(accepted...)...)
	}},
	"a create that stops partway, untainted": {"purge_cdn_asset", hundred(), func(x *tale) {
		accepted := x.stops(40)
		x.sends(turn{verb: "untaint"}, x.paths(accepted...)...)
	}},
	"a create with one path that fails and is then removed": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.while(illBroken, "/b").fails(turn{})
		x.then("asset:/b", nil).sends(turn{}, "/b")
	}},
	"a create that fails partway, and the resource is removed": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.while(illRejected, "/a", "/b").fails(turn{})
		x.sends(turn{verb: "destroy"})
		x.reports("2 purges", "drop")
	}},
	"an import, an update that fails completely, and a replacement": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{verb: "import", value: services[0]})
		x.then("triggers", releasing("2")).while(illForbidden, abc...).fails(turn{})
		x.sends(turn{verb: "replace"}, abc...)
	}},
	"a service that is missing, and is corrected": {"purge_cdn_asset", threeAssets("service_id", "ffffffff-0000-4000-8000-0123456789ab"), func(x *tale) {
		if err := x.take(turn{}); err != nil || x.current != nil {
			x.t.Errorf("a create for a service that is missing: %v", err)
		}
		x.then("service_id", services[0]).sends(turn{}, abc...).onlyTo(services[0])
	}},
	"a service that is changed to one that is missing, and is corrected": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("service_id", "ffffffff-0000-4000-8000-0123456789ab")
		if err := x.take(turn{}); err != nil || len(x.last.errors) == 0 {
			x.t.Errorf("a service that is missing: %v", err)
		}
		x.then("service_id", services[1]).sends(turn{}, abc...).onlyTo(services[1])
	}},
	"20 of 50 paths are permanently rejected": {"purge_cdn_asset", object{"service_id": services[0], "assets": numbered(50)}, func(x *tale) {
		x.while(illRejected, x.paths()[:20]...)
		rejected := x.paths()[:20]
		if x.sends(turn{}, x.paths()...); len(x.accepted()) != 30 {
			x.t.Errorf("%d are delivered, want 30", len(x.accepted()))
		}
		x.reports("non ascii character", "10 others")
		if n := strings.Count(strings.Join(x.last.errors, ""), "non ascii character"); n != 10 {
			x.t.Errorf("the error quotes the API %d times, want 10", n)
		}
		x.sends(turn{}, rejected...)
	}},
	"a path that is permanently rejected, and removed": {"purge_cdn_asset", threeAssets("purge_on_create", false), func(x *tale) {
		x.sends(turn{})
		x.then("asset:/b", nil).while(illRejected, "/b").sends(turn{}, "/b")
		if len(x.last.errors) > 0 {
			x.t.Errorf("the apply fails: %q", x.last.errors)
		}
		x.reports("/b", "non ascii character")
		x.sends(turn{})
	}},
	"a destroy of an install that returns 400": {"purge_wpengine_cache", edited(universes["purge_wpengine_cache"].start, edit{"purge_on_destroy", true}), func(x *tale) {
		x.sends(turn{}, "page")
		x.while(illRejected, "page").fails(turn{verb: "destroy"})
		x.sends(turn{verb: "destroy"}, "page")
	}},
	"another service with purge_on_destroy": {"purge_cdn_asset", threeAssets("purge_on_destroy", true), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("service_id", services[1]).sends(turn{}, abc...)
		x.sums("since 2000-01-01T00:02:00Z: 3 added, 3 removed; 6 purges")
	}},
	"a path that was added and failed, and another service with purge_on_destroy": {"purge_cdn_asset", threeAssets("purge_on_destroy", true), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("asset:/d ü", "1").while(illForbidden, "/d%20%C3%BC").fails(turn{})
		x.then("service_id", services[1], "asset:/d ü", nil).sends(turn{}, "/a", "/b", "/c", "/d%20%C3%BC")
		x.sums("since 2000-01-01T00:02:00Z: 3 added, 4 removed; 7 purges")
	}},
	"a plan with unknown credentials": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{blind: true}, abc...)
		x.then("triggers", releasing("2"), "asset:/b", nil, "asset:/d ü", "1").
			sends(turn{blind: true}, "/a", "/b", "/c", "/d%20%C3%BC")
		x.sums("since 2000-01-01T00:02:00Z: 1 added, 1 removed, 2 triggered; 4 purges")
	}},
	"an unknown purge_on_destroy with another service": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("service_id", services[1], "purge_on_destroy", true).sends(turn{unknown: []string{"purge_on_destroy"}}, abc...)
		x.sums(unknown{})
		if n := len(x.last.arrivals); n != 6 {
			x.t.Errorf("%d purges are sent, want 6", n)
		}
	}},
	"two releases that change the same file": {"purge_cdn_asset", threeAssets(), func(x *tale) {
		x.sends(turn{}, abc...)
		x.then("asset:/a", "2").sends(turn{}, "/a")
		x.sums("since 2000-01-01T00:02:00Z: 1 changed; 1 purge")
		x.then("asset:/a", "3").sends(turn{}, "/a")
		x.sums("since 2000-01-01T00:04:00Z: 1 changed; 1 purge")
	}},
	"failed paths go last": {"purge_cdn_asset", object{"service_id": services[0], "assets": numbered(45)}, func(x *tale) {
		rejected := x.paths()[:5]
		x.while(illRejected, rejected...).fails(turn{})
		x.then("triggers", releasing("2")).sends(turn{}, x.paths()...)
		for i, a := range x.last.arrivals[:24] { // up to 16 are sent in parallel
			if slices.Contains(rejected, a.key) {
				x.t.Errorf("%s comes as number %d", a.key, i+1)
			}
		}
	}},
	"a directory of 10 that the server cannot purge":                {"purge_cdn_asset", unpurged(40), badDirectory(0, 10)},
	"a directory of 30 that the server cannot purge":                {"purge_cdn_asset", unpurged(60), badDirectory(0, 30)},
	"a directory of 100 in the middle that the server cannot purge": {"purge_cdn_asset", unpurged(160), badDirectory(20, 120)},
	"a path that the destroy of a replacement drops": {"purge_cdn_asset", threeAssets("purge_on_destroy", true), func(x *tale) {
		x.while(illRejected, "/c")
		x.sends(turn{}, abc...).sends(turn{}, abc...)
		x.heal()
		x.sends(turn{}, abc...) // the destroy again, and /c for the create
	}},
}

// unpurged returns a resource of which nothing was purged.
func unpurged(n int) object {
	return object{"service_id": services[0], "purge_on_create": false, "assets": numbered(n)}
}

// badDirectory releases twice while the server fails all paths from first to last.
// Each apply purges all other paths.
func badDirectory(first, last int) func(*tale) {
	return func(x *tale) {
		x.sends(turn{})
		bad := x.paths()[first:last]
		good := slices.Concat(x.paths()[:first], x.paths()[last:])
		x.while(illBroken, bad...)
		for _, release := range []string{"2", "3"} {
			if err := x.then("triggers", releasing(release)).take(turn{}); err != nil {
				x.t.Error(err)
			}
			if delivered := slices.Sorted(slices.Values(x.accepted())); !slices.Equal(good, delivered) {
				x.t.Errorf("release %s is delivered to %v", release, delivered)
			}
		}
	}
}

func TestCases(t *testing.T) {
	t.Parallel()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, c.kind, c.begins, c.story)
		})
	}
}

// TestOneCreateGetsAHandedOverState creates a resource that shares its service with
// a resource that is replaced before it, in the same apply.
func TestOneCreateGetsAHandedOverState(t *testing.T) {
	t.Parallel()
	err := playInBubble(t, sequence{
		kinds: []string{"purge_cdn_asset", "purge_cdn_asset"}, aliases: []string{"", ""},
		turns: []turn{
			{slot: 1, verb: "destroy", ills: []harm{{thing{services[0], "/b"}, illRejected, false}}},
			{slot: 1, heal: true},
		},
	})
	if err != nil {
		t.Error(err)
	}
}
