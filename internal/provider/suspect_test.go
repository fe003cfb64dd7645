// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"strings"
	"testing"
)

// TestCredentialsThatLookMistyped checks that they are sent unchanged, and named
// only if the API rejects them.
func TestCredentialsThatLookMistyped(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{
		"mstr.username", "mstr.password", "mstr.api_token", "cdn.username", "cdn.api_key", "cdn.password", "cdn.auth_token",
		"wpengine.username", "wpengine.password",
	} {
		t.Run(argument, func(t *testing.T) {
			t.Parallel()
			service, name, _ := strings.Cut(argument, ".")
			w := newWorld(t)
			env, value := w.envWith(t, service, environment[argument])
			for mistyped, suspected := range map[string]bool{
				" " + value: true, value + " ": true, value + "\u00a0": true, `"` + value + `"`: true, "'" + value + "'": true,
				"“" + value: true, "x" + value: false, value[:1] + ` "` + value[1:]: false,
			} {
				if name == "auth_token" && strings.TrimSpace(mistyped) == value {
					continue // HTTP removes spaces around the value of a header
				}
				c, faults := configure(t, env, object{service: object{name: mistyped}})
				if len(faults) > 0 {
					t.Fatalf("errors with %q: %q", mistyped, faults)
				}
				err := w.purgeAt(t, service)(t.Context(), c)
				if err == nil {
					t.Fatalf("%q was accepted", mistyped)
				}
				d := targetOf(t, service).diagnose(operationUpdate.voice(), err)
				sentence := "The value of " + argument + " begins or ends with a space or a quotation mark."
				reported := strings.Contains(strings.ReplaceAll(d.Detail(), " (or "+environment[argument]+")", ""), sentence)
				if reported != suspected {
					t.Errorf("%q: it is named: %t, want %t:\n%s", mistyped, reported, suspected, d.Detail())
				}
			}
		})
	}
}

// envWith returns an environment in which a service uses a variable, and the
// correct value of the variable.
func (w *world) envWith(t *testing.T, service, variable string) (env map[string]string, value string) {
	t.Helper()
	ways := []map[string]string{nil}
	if row := accesses[service]; row.ways != nil {
		ways = append(ways, row.ways(w.Sandbox, w.env)...)
	}
	for _, way := range ways {
		env = maps.Clone(w.env)
		maps.Copy(env, way)
		if value = env[variable]; value != "" {
			delete(env, variable)
			return env, value
		}
	}
	t.Fatalf("no way uses %s", variable)
	return nil, ""
}

func TestCorrectCredentialsInQuotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.WPEngine.Password = ` "in quotes" `
	c, faults := configure(t, with(w.env, "WPE_API_PASSWORD", w.WPEngine.Password), nil)
	if len(faults) > 0 {
		t.Fatalf("errors: %q", faults)
	}
	if err := w.purgeAt(t, "wpengine")(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// TestNoValueIsShown checks that no error contains the value of an argument,
// because Terraform would not redact it.
func TestNoValueIsShown(t *testing.T) {
	t.Parallel()
	const marker = "TOPSECRETVALUE"
	values := []string{
		marker, marker + "\nx", "https://" + marker + ":x@host", "https://host?" + marker, "https://" + marker + ":99999", "http://" + marker + ".example",
		"http://[" + marker, "-----BEGIN " + marker + "-----\nAAAA\n-----END " + marker + "-----\n", `{"` + marker + `": "x"`, `{"` + marker + `:": "` + marker + `"}`,
		`{"X-A": "` + marker + `\n` + marker + `"}`,
	}
	shown := func(where string, env map[string]string, block object) {
		c, faults := configure(t, env, block)
		shown := strings.Join(faults, "\n")
		if c != nil {
			for service := range accesses {
				if err := c.missing(service); err != nil {
					d := targetOf(t, service).diagnose(operationUpdate.voice(), err)
					shown += d.Summary() + d.Detail()
				}
			}
		}
		if strings.Contains(shown, marker) {
			t.Errorf("%s is shown:\n%s", where, shown)
		}
	}
	for _, value := range values {
		for _, a := range serviceArguments(t) {
			if a.variable == "" {
				continue
			}
			shown(a.variable+" "+value, map[string]string{a.variable: value}, nil)
			if a.name == "headers" {
				shown(a.String()+" "+value, nil, object{a.service: object{a.name: object{value: value, "X-A": value}}})
				continue
			}
			shown(a.String()+" "+value, nil, object{a.service: object{a.name: value}})
		}
		for _, name := range []string{"ca_certificate", "request_timeout"} {
			shown(name+" "+value, nil, object{name: value})
		}
		for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"} {
			shown(name+" "+value, map[string]string{name: value, "WPE_API_USER_ID": "u", "WPE_API_PASSWORD": "p"}, nil)
		}
	}
}
