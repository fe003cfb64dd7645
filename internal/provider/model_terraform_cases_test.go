// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// realTale is a tale about the behavior of Terraform, played with a real terraform.
type realTale struct{ *realPlayer }

func tellReal(t *testing.T, begins object, story func(x *realTale)) {
	t.Helper()
	x := &realTale{newRealPlayer(t, sequence{kinds: []string{"purge_cdn_asset"}})}
	x.config = begins
	x.write()
	story(x)
}

// sends runs terraform apply, or the given command, and compares the paths for
// which purges were sent.
func (x *realTale) sends(fails bool, want []string, args ...string) string {
	x.t.Helper()
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		args = append([]string{"apply", "-auto-approve", "-no-color"}, args...)
	}
	x.watch(0, nil)
	output, err := x.tf.run(args...)
	if (err != nil) != fails {
		x.t.Fatalf("terraform %v: %v\n%s", args, err, output)
	}
	if got := x.keys(false); want != nil {
		if diff := cmp.Diff(want, got); diff != "" {
			x.t.Errorf("terraform %v sent (-want +got):\n%s", args, diff)
		}
	}
	return output
}

// keys returns the paths that arrived, or only the accepted ones.
func (x *realTale) keys(accepted bool) []string {
	keys := []string{}
	arrivals, _ := x.seen()
	for _, a := range arrivals {
		if !accepted || a.accepted() {
			keys = append(keys, a.key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (x *realTale) then(pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		x.config = edited(x.config, edit{pairs[i].(string), pairs[i+1]}) //nolint:forcetypeassert // as in tale
	}
	x.write()
}

func (x *realTale) planEmpty() {
	x.t.Helper()
	if output, err := x.tf.run("plan", "-detailed-exitcode", "-no-color"); err != nil {
		x.t.Errorf("the plan is not empty: %s", output)
	}
}

func TestACreateOfAThousandResumes(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(x *realTale, rest []string){
		"an apply":          func(x *realTale, rest []string) { x.sends(false, rest) },
		"without a refresh": func(x *realTale, rest []string) { x.sends(false, rest, "-refresh=false") },
		"after an untaint":  func(x *realTale, rest []string) { x.tf.mustRun(x.t, "untaint", x.address()); x.sends(false, rest) },
		"a saved plan": func(x *realTale, rest []string) {
			x.sends(false, []string{}, "plan", "-out=kept")
			x.sends(false, rest, "apply", "kept")
		},
		"after a move": func(x *realTale, rest []string) {
			config := map[string]any{
				"resource": map[string]any{x.kind: map[string]any{"that": x.config}},
				"moved":    []any{map[string]any{"from": x.address(), "to": x.kind + ".that"}},
			}
			text, err := json.Marshal(config)
			if err != nil {
				x.t.Fatal(err)
			}
			x.tf.write(x.t, "it.tf.json", string(text))
			x.sends(false, rest)
		},
		"after rejected credentials": func(x *realTale, rest []string) {
			x.harm(thing{scope: services[0]}, illUnauthorized, false)
			x.sends(true, nil)
			if len(x.keys(true)) > 0 {
				x.t.Errorf("accepted with rejected credentials: %v", x.keys(true))
			}
			x.heal()
			x.sends(false, rest)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 100
			if name == "an apply" {
				n = 1000
			}
			tellReal(t, object{"service_id": services[0], "assets": numbered(n)}, func(x *realTale) {
				x.allowed(n * 2 / 5)
				x.sends(true, nil)
				accepted := x.keys(true)
				if len(accepted) != n*2/5 {
					t.Fatalf("%d are accepted, want %d", len(accepted), n*2/5)
				}
				x.allowed(0)
				var rest []string
				for path := range numbered(n) {
					if !slices.Contains(accepted, path) {
						rest = append(rest, path)
					}
				}
				slices.Sort(rest)
				again(x, rest)
				x.planEmpty()
			})
		})
	}
}

func TestAPathOfAFailedCreateIsRemoved(t *testing.T) {
	t.Parallel()
	tellReal(t, threeAssets(), func(x *realTale) {
		x.harm(thing{services[0], "/b"}, illBroken, false)
		x.sends(true, abc)
		x.heal()
		x.then("asset:/b", nil)
		x.sends(false, []string{"/b"})
		x.planEmpty()
	})
}

func TestAFailedCreateIsRemoved(t *testing.T) {
	t.Parallel()
	tellReal(t, threeAssets(), func(x *realTale) {
		x.harm(thing{services[0], "/b"}, illBroken, false)
		x.sends(true, abc)
		x.wanted = false
		x.write()
		if output := x.sends(false, []string{}, "plan", "-no-color"); !containing("1 purge is still pending", "drops").MatchString(output) {
			t.Errorf("the plan does not list what is dropped:\n%s", output)
		}
		x.sends(false, []string{})
	})
}

func TestAnImportIsReplacedAfterAFailedUpdate(t *testing.T) {
	t.Parallel()
	tellReal(t, threeAssets(), func(x *realTale) {
		x.sends(false, []string{}, "import", x.address(), services[0])
		x.sends(false, []string{})
		x.then("triggers", releasing("2"))
		x.harm(thing{scope: services[0]}, illForbidden, false)
		x.sends(true, nil)
		x.heal()
		x.sends(false, abc, "-replace="+x.address())
		x.planEmpty()
	})
}

func TestARejectedPathStaysWhileAssetsAreIgnored(t *testing.T) {
	t.Parallel()
	tellReal(t, threeAssets(), func(x *realTale) {
		x.ignore = []string{"assets"}
		x.write()
		x.sends(false, abc)
		x.harm(thing{services[0], "/b"}, illRejected, false)
		x.then("triggers", releasing("2"))
		x.sends(true, abc)
		x.heal()
		x.sends(false, []string{"/b"})
		x.planEmpty()
		x.then("triggers", releasing("3"))
		x.sends(false, abc)
	})
}

func TestCredentialsThatAreUnknownDuringPlanning(t *testing.T) {
	t.Parallel()
	tellReal(t, threeAssets("purge_on_destroy", true), func(x *realTale) {
		withKey := func(edition string) {
			x.tf.write(t, "main.tf", fmt.Sprintf("resource \"terraform_data\" \"key\" {\n  input            = %q\n  triggers_replace = %q\n}\n\n"+
				"provider \"purge\" {\n  cdn = {\n    username = %q\n    api_key  = terraform_data.key.output\n  }\n}\n", x.CDN.APIKey, edition, x.CDN.Username))
		}
		withKey("1")
		x.sends(false, abc)
		withKey("2")
		x.then("service_id", services[1], "asset:/b", nil)
		x.sends(false, abc)
		if arrivals, _ := x.seen(); len(arrivals) != 5 {
			t.Errorf("%d purges are sent, want 3 of the previous service and 2 of the new one", len(arrivals))
		}
	})
}

func TestASecretThatMoves(t *testing.T) {
	t.Parallel()
	tellReal(t, object{"service_id": services[0], "url": "/a", "triggers": releasing("1")}, func(x *realTale) {
		const secret, address = "hunter2hunter2", "terraform_data.it"
		x.tf.skipBelow(t, "1.8.0", "1.10.0") // moves between types
		variable := "variable \"pw\" {\n  sensitive = true\n  default   = \"" + secret + "\"\n}\n"
		x.wanted = false
		x.write()
		x.tf.write(t, "main.tf", variable+"resource \"terraform_data\" \"it\" {\n  input = { pw = var.pw }\n}\n"+realProvider)
		x.sends(false, []string{})

		x.wanted = true
		x.write()
		x.tf.write(t, "main.tf", realProvider+"moved {\n  from = "+address+"\n  to   = "+x.address()+"\n}\n")
		if output := x.sends(false, []string{}, "plan", "-no-color", "-out=kept"); strings.Contains(output, secret) {
			t.Errorf("the plan shows the secret:\n%s", output)
		}
		if output := x.sends(false, []string{"/a"}, "apply", "-no-color", "kept"); strings.Contains(output, secret) {
			t.Errorf("the apply shows the secret:\n%s", output)
		}
		state, err := os.ReadFile(filepath.Join(x.tf.Path, "terraform.tfstate"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(state), secret) {
			t.Errorf("the state contains the secret:\n%s", state)
		}
		x.planEmpty()
	})
}
