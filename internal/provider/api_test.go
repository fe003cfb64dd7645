// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// apiError is one error of an API, with the message that a user sees.
type apiError struct {
	target *target
	args   object
	// world changes the world to one that returns the error, and together groups
	// the errors that one apply can have, because their worlds do not exclude each
	// other.
	world    func(*world)
	together string
	// fault responds to requests whose URL contains what.
	fault http.HandlerFunc
	where string

	attribute, summary string
	detail             []string // paragraphs
}

const (
	uuidA = "aaaaaaaa-1111-4222-8333-444455556666"
	uuidB = "bbbbbbbb-1111-4222-8333-444455556666"
	uuidC = "cccccccc-1111-4222-8333-444455556666"
)

func mstrArgs(project, cacheType string) object {
	return object{"project_id": project, "cache_type": cacheType}
}

func assetArgs(service string) object { return object{"service_id": service, "url": "/a.css"} }

func installArgs(install, cacheType string) object {
	return object{"install_id": install, "cache_type": cacheType}
}

func apiErrors() map[string]apiError {
	prod := wpenginetest.New().Install("acmeprod").ID
	stage := wpenginetest.New().Install("acmestage").ID
	var unloaded string
	for _, p := range mstrtest.New().Projects {
		if p.Status < 0 {
			unloaded = p.ID
		}
	}
	return map[string]apiError{
		"mstr_project": {
			target: mstrCache, args: mstrArgs("00000000000000000000000000000000", "object"), together: "as it is",
			attribute: "project_id",
			summary:   "MicroStrategy rejected the purge",
			detail: []string{
				"While purging the object cache of project 00000000000000000000000000000000, MicroStrategy returned 400 Bad Request: The given Project ID (00000000000000000000000000000000) does not exist (code ERR006, ticket …).",
				"Check project_id. The project's properties and GET /api/projects show it. The data source purge_mstr_project finds the ID of a project by its name.",
			},
		},
		"mstr_type": {
			target: mstrCache, args: mstrArgs(projectHex, "report"), together: "as it is",
			world:     func(w *world) { w.MSTR.CacheTypes = []string{"element", "object"} },
			attribute: "cache_type",
			summary:   "MicroStrategy rejected the purge",
			detail: []string{
				"While purging the report cache of project B7CA92F04B9FAE8D941C3E9B7E0CD754, MicroStrategy returned 400 Bad Request: The cache type has to be element or object (code ERR006, ticket …).",
				`The server does not support this cache type. "report" and "all" require a newer server than "element" and "object".`,
			},
		},
		"mstr_not_loaded": {
			target: mstrCache, args: mstrArgs(unloaded, "object"), together: "as it is",
			attribute: "project_id",
			summary:   "MicroStrategy cannot purge this now",
			detail: []string{
				"While purging the object cache of project A1B2C3D44E5F60718293A4B5C6D7E8F9, MicroStrategy returned 404 Not Found: There are no Intelligence Servers in the cluster with the project A1B2C3D44E5F60718293A4B5C6D7E8F9 available (code ERR001, iServerCode -2147209151, ticket …).",
				"The project is not loaded. Load it on the Intelligence Server, or check project_id.",
			},
		},
		"mstr_login": {
			target: mstrCache, args: mstrArgs(projectHex, "object"), together: "credentials",
			world:   func(w *world) { w.env["MSTR_PASSWORD"] = "wrong" },
			summary: "MicroStrategy rejected the credentials",
			detail: []string{
				"While logging in before purging the object cache of project B7CA92F04B9FAE8D941C3E9B7E0CD754, MicroStrategy returned 401 Unauthorized: Login failure (code ERR003, iServerCode -2147216959, ticket …).",
				"Check mstr.username (or MSTR_USERNAME), mstr.password (or MSTR_PASSWORD), and mstr.login_mode (or MSTR_LOGIN_MODE). A user who signs in with SAML or OIDC cannot log in here. For such a user, set mstr.api_token (or MSTR_API_TOKEN).",
			},
		},
		"mstr_session": {
			target: mstrCache, args: mstrArgs(projectHex, "object"), together: "sessions",
			world: func(w *world) {
				w.MSTR.Fail("purge", -1, mstrtest.Error(http.StatusUnauthorized, "ERR009", "", "The user's session has expired, please reauthenticate"))
			},
			summary: "MicroStrategy rejected the credentials",
			detail: []string{
				"While purging the object cache of project B7CA92F04B9FAE8D941C3E9B7E0CD754, MicroStrategy returned 401 Unauthorized: The user's session has expired, please reauthenticate (code ERR009, ticket …).",
				"The provider tried 6 times, because of 401 responses.",
				"The server accepts neither the session nor a new one. Check that all requests reach the same server with their cookies.",
			},
		},
		"mstr_privilege": {
			target: mstrCache, args: mstrArgs(projectHex, "object"), together: "permissions",
			world:   func(w *world) { w.MSTR.Privileged = false },
			summary: "MicroStrategy denied permission",
			detail: []string{
				"While purging the object cache of project B7CA92F04B9FAE8D941C3E9B7E0CD754, MicroStrategy returned 403 Forbidden: The user does not have the privilege DssXmlPrivilegesCacheAdministration (code ERR014, ticket …).",
				"A purge requires the privilege DssXmlPrivilegesCacheAdministration (Administer caches) on the project. Grant it to the user.",
			},
		},
		"mstr_too_old": {
			target: mstrCache, args: mstrArgs(projectHex, "object"), together: "limits",
			world:   func(w *world) { w.MSTR.TooOld = true },
			summary: "MicroStrategy cannot be used as configured",
			detail: []string{
				"While purging the object cache of project B7CA92F04B9FAE8D941C3E9B7E0CD754, MicroStrategy returned 404 Not Found: HTTP 404 Not Found (code ERR004, ticket …).",
				"The request was DELETE http://…/mstr/MicroStrategyLibrary/api/monitors/projects/B7CA92F04B9FAE8D941C3E9B7E0CD754/caches/object.",
				"The server does not have this path. Either it is older than 2021 Update 8 (I-Server 11.3.0800), which does not have this API, or mstr.base_url (or MSTR_BASE_URL) is not the Library root (https://host/MicroStrategyLibrary).",
			},
		},
		"mstr_server": {
			target: mstrCache, args: mstrArgs(projectHex, "object"), together: "faults", where: projectHex,
			fault:   mstrtest.Error(http.StatusInternalServerError, "ERR002", "-2147216373", "The Intelligence Server reports an error"),
			summary: "MicroStrategy returned a server error",
			detail: []string{
				"While purging the object cache of project B7CA92F04B9FAE8D941C3E9B7E0CD754, MicroStrategy returned 500 Internal Server Error: The Intelligence Server reports an error (code ERR002, iServerCode -2147216373, ticket …).",
				"Apply again. If the error persists, contact the administrator or vendor support with the ID above.",
			},
		},
		"cdn_url": {
			target: cdnAsset, args: assetArgs(uuidC), together: "faults", where: uuidC,
			fault:     cdntest.Error(http.StatusBadRequest, "non ascii character present in url"),
			attribute: "url",
			summary:   "Rackspace CDN rejected the purge",
			detail: []string{
				"While purging /a.css on service cccccccc-1111-4222-8333-444455556666, Rackspace CDN returned 400 Bad Request: non ascii character present in url.",
				"Check the path.",
			},
		},
		"cdn_multi_factor": {
			target: cdnAsset, args: assetArgs(cdntest.DeployedID), together: "credentials",
			world: func(w *world) {
				w.CDN.MultiFactor = true
				w.env["RAX_PASSWORD"] = w.CDN.Password
				delete(w.env, "RAX_API_KEY")
			},
			summary: "Rackspace Identity rejected the credentials",
			detail: []string{
				"While logging in before purging /a.css on service 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0, Rackspace Identity returned 401 Unauthorized: Additional authentication credentials required.",
				"The account uses multi-factor authentication, which does not permit a login with a password. Set cdn.api_key (or RAX_API_KEY) instead of cdn.password (or RAX_PASSWORD).",
			},
		},
		"cdn_token": {
			target: cdnAsset, args: assetArgs(cdntest.DeployedID), together: "sessions",
			world:   func(w *world) { w.CDN.Fail("purge", -1, cdntest.HTML(http.StatusUnauthorized)) },
			summary: "Rackspace CDN rejected the credentials",
			detail: []string{
				`While purging /a.css on service 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0, Rackspace CDN returned 401 Unauthorized: an HTML page with the title "401 Unauthorized".`,
				"The provider tried 6 times, because of 401 responses.",
				"If the token comes from cdn.auth_token (or RAX_AUTH_TOKEN), set a new one. Otherwise, check that cdn.project_id (or RAX_PROJECT_ID) is the project of the account. The response is a web page, so also check for a proxy, firewall, or login page in between.",
			},
		},
		"cdn_role": {
			target: cdnAsset, args: assetArgs(cdntest.DeployedID), together: "permissions",
			world:   func(w *world) { w.CDN.Fail("purge", -1, cdntest.HTML(http.StatusForbidden)) },
			summary: "Rackspace CDN denied permission",
			detail: []string{
				`While purging /a.css on service 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0, Rackspace CDN returned 403 Forbidden: an HTML page with the title "403 Forbidden".`,
				"Grant the user a role that administers the CDN (cdn:admin). The response is a web page, so also check for a proxy, firewall, or login page in between.",
			},
		},
		"cdn_service": {
			target: cdnAsset, args: assetArgs(cdntest.MissingID), together: "as it is",
			attribute: "service_id",
			summary:   "Rackspace CDN could not find the service",
			detail: []string{
				"While purging /a.css on service ffffffff-0000-4000-8000-0123456789ab, Rackspace CDN returned 404 Not Found: service ffffffff-0000-4000-8000-0123456789ab does not exist.",
				"The request was DELETE http://…/rackspace/v1.0/110011/services/ffffffff-0000-4000-8000-0123456789ab/assets.",
				"Check service_id, and that the service belongs to the project of these credentials. The data source purge_cdn_service finds the ID of a service by its name or a domain.",
			},
		},
		"cdn_failed": {
			target: cdnAsset, args: assetArgs(cdntest.FailedID), together: "as it is",
			world:     func(w *world) { w.CDN.SetStatus(cdntest.FailedID, cdntest.StatusFailed, "Domain is not valid") },
			attribute: "service_id",
			summary:   "Rackspace CDN cannot purge this now",
			detail: []string{
				"While waiting for the service to be deployed before purging /a.css on service 3c8e5f70-9a2b-4e14-8d6f-7b0c1a2d3e4f, Rackspace CDN reported: the service has the status failed: Domain is not valid.",
				"The CDN accepts purges only while the service is deployed. Fix the service in the control panel. Apply again when the service is deployed.",
			},
		},
		"cdn_limit": {
			target: cdnAsset, args: assetArgs(cdntest.DeployedID), together: "limits",
			world:   func(w *world) { w.CDN.Fail("purge", -1, cdntest.OverLimit(http.StatusRequestEntityTooLarge, "86400")) },
			summary: "Rackspace CDN rate limit exceeded",
			detail: []string{
				"While purging /a.css on service 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0, Rackspace CDN returned 413 Request Entity Too Large: OverLimit Retry...",
				"Rackspace CDN requires a wait of 24 hours, which is longer than the time left.",
				"Another client or an earlier run has used the quota of the account (usually 20 purges per minute). Lower cdn.requests_per_minute, raise timeouts.update, or purge one wildcard path with hard = false.",
			},
		},
		"wp_field": {
			target: wpengineCache, args: installArgs(uuidA, "page"), together: "faults", where: uuidA,
			fault:     wpenginetest.FieldError("install_id", "invalid", "is of an archived install", "https://wpengineapi.com/reference"),
			attribute: "install_id",
			summary:   "WP Engine rejected the purge",
			detail: []string{
				"While purging the page cache of install aaaaaaaa-1111-4222-8333-444455556666, WP Engine returned 400 Bad Request: Invalid Request; install_id: is of an archived install (code invalid, request ID …).",
				"See https://wpengineapi.com/reference",
				"Check install_id and cache_type. The data source purge_wpengine_install finds the ID of an install by its name.",
			},
		},
		"wp_type": {
			target: wpengineCache, args: installArgs(uuidB, "cdn"), together: "faults", where: uuidB,
			fault:     wpenginetest.FieldError("type", "invalid", "is not enabled", ""),
			attribute: "cache_type",
			summary:   "WP Engine rejected the purge",
			detail: []string{
				"While purging the cdn cache of install bbbbbbbb-1111-4222-8333-444455556666, WP Engine returned 400 Bad Request: Invalid Request; type: is not enabled (code invalid, request ID …).",
				"Check install_id and cache_type.",
			},
		},
		"wp_credentials": {
			target: wpengineCache, args: installArgs(prod, "page"), together: "credentials",
			world:   func(w *world) { w.env["WPE_API_PASSWORD"] = "wrong" },
			summary: "WP Engine rejected the credentials",
			detail: []string{
				"While purging the page cache of install a5b768f4-c7c4-46bd-88e6-157fd3d77e58, WP Engine returned 401 Unauthorized: Bad Credentials (request ID …).",
				"Check wpengine.username (or WPE_API_USER_ID) and wpengine.password (or WPE_API_PASSWORD). They are the credentials of API access (User Portal, API Access), not of a User Portal login.",
			},
		},
		"wp_permission": {
			target: wpengineCache, args: installArgs(prod, "page"), together: "as it is",
			world:   func(w *world) { w.WPEngine.Forbidden = map[string]bool{prod: true} },
			summary: "WP Engine denied permission",
			detail: []string{
				"While purging the page cache of install a5b768f4-c7c4-46bd-88e6-157fd3d77e58, WP Engine returned 403 Forbidden: You do not have permission to access this install (request ID …).",
				"Give the API user access to the account of this install (User Portal, Users), or check install_id.",
			},
		},
		"wp_address": {
			target: wpengineCache, args: installArgs(prod, "page"), together: "permissions",
			world:   func(w *world) { w.env["WPE_API_BASE_URL"] += "2" },
			summary: "WP Engine cannot be used as configured",
			detail: []string{
				"While purging the page cache of install a5b768f4-c7c4-46bd-88e6-157fd3d77e58, WP Engine returned 403 Forbidden: Missing Authentication Token (request ID …).",
				"The API returns this message for an unknown path, not for a missing permission. Check wpengine.base_url (or WPE_API_BASE_URL). Its default is https://api.wpengineapi.com/v1.",
			},
		},
		"wp_install": {
			target: wpengineCache, args: installArgs(uuidA, "page"), together: "as it is",
			attribute: "install_id",
			summary:   "WP Engine could not find the install",
			detail: []string{
				"While purging the page cache of install aaaaaaaa-1111-4222-8333-444455556666, WP Engine returned 404 Not Found: Install not found (request ID …).",
				"The request was POST http://…/wpengine/v1/installs/aaaaaaaa-1111-4222-8333-444455556666/purge_cache.",
				"Check install_id. The API user has access to no install with this ID. The data source purge_wpengine_install finds the ID of an install by its name.",
			},
		},
		"wp_limit": {
			target: wpengineCache, args: installArgs(prod, "object"), together: "faults", where: prod,
			fault:   wpenginetest.Error(http.StatusTooManyRequests, "Object cache purges are rate-limited to one request every 60 seconds for each install"),
			summary: "WP Engine rate limit exceeded",
			detail: []string{
				"While purging the object cache of install a5b768f4-c7c4-46bd-88e6-157fd3d77e58, WP Engine returned 429 Too Many Requests: Object cache purges are rate-limited to one request every 60 seconds for each install (request ID …).",
				"WP Engine requires a wait of 1 minute, which is longer than the time left.",
				"WP Engine accepts one purge of the object cache per install in 60 seconds, and received another one shortly before. Apply again later or raise timeouts.update.",
			},
		},
		"wp_server": {
			target: wpengineCache, args: installArgs(stage, "page"), together: "faults", where: stage,
			fault:   wpenginetest.Error(http.StatusInternalServerError, "Internal Server Error"),
			summary: "WP Engine returned a server error",
			detail: []string{
				"While purging the page cache of install 160de8c4-af41-4db9-85a7-9ae12f63b8ef, WP Engine returned 500 Internal Server Error: Internal Server Error (request ID …).",
				"Apply again. If the error persists, contact the administrator or vendor support with the ID above.",
			},
		},
	}
}

// put changes the world to one with all of some errors.
func put(w *world, all map[string]apiError) {
	for _, r := range all {
		if r.world != nil {
			r.world(w)
		}
	}
	respond := func(rw http.ResponseWriter, req *http.Request) {
		for _, r := range all {
			if r.where != "" && strings.Contains(req.URL.Path, r.where) {
				r.fault(rw, req)
				return
			}
		}
		panic("no fault for " + req.URL.Path)
	}
	faulty := slices.ContainsFunc(slices.Collect(maps.Values(all)), func(r apiError) bool { return r.fault != nil })
	if faulty {
		w.MSTR.Fail("purge", -1, respond)
		w.CDN.Fail("purge", -1, respond)
		w.WPEngine.Fail("purge", -1, respond)
	}
}

// shortTimeout is shorter than the waits that the APIs require.
const shortTimeout = 20 * time.Second

var changing = regexp.MustCompile(`(ticket|request ID) [0-9A-Za-z-]+`)

// steady replaces values that differ between responses.
func steady(text string) string {
	return loopbackPort.ReplaceAllString(changing.ReplaceAllString(text, "$1 …"), "http://…/")
}

var loopbackPort = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)

func TestTheTextsOfAPIErrors(t *testing.T) {
	t.Parallel()
	for name, r := range apiErrors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			put(w, map[string]apiError{name: r})
			c, faults := configure(t, w.env, nil)
			if len(faults) > 0 {
				t.Fatalf("errors: %q", faults)
			}
			m := r.target.parse(t, r.args)
			ctx, cancel := quota.WithTimeout(t.Context(), shortTimeout)
			defer cancel()
			items, _ := m.items()
			var err error
			for _, u := range items { // there is only one
				_, err = m.send(ctx, c, request{name: u.name}, r.target.endpoint(c))
			}
			if err == nil {
				t.Fatal("nothing was rejected")
			}
			d := r.target.diagnose(operationUpdate.voice(), err)
			got := apiError{summary: d.Summary(), detail: strings.Split(steady(d.Detail()), "\n\n")}
			if located, ok := d.(diag.DiagnosticWithPath); ok {
				got.attribute = located.Path().String()
			}
			want := apiError{attribute: r.attribute, summary: r.summary, detail: r.detail}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(apiError{}), cmpopts.IgnoreFields(apiError{}, "target", "world", "fault")); diff != "" {
				t.Errorf("the output (-want +got):\n%s", diff)
			}
		})
	}
}

// parse returns a model with arguments.
func (t *target) parse(tb *testing.T, args object) model {
	tb.Helper()
	var resp resource.SchemaResponse
	(&purgeResource{target: t}).Schema(context.Background(), resource.SchemaRequest{}, &resp)
	config := tfsdk.Config{Schema: resp.Schema, Raw: value(resp.Schema.Type().TerraformType(context.Background()), args)}
	m := t.model()
	if diags := config.Get(context.Background(), m); diags.HasError() {
		tb.Fatalf("%s %v: %v", t.name, args, diags)
	}
	return m
}

func TestAPIErrorsAsTerraformShowsThem(t *testing.T) {
	t.Parallel()
	groups := make(map[string]map[string]apiError)
	for name, r := range apiErrors() {
		if groups[r.together] == nil {
			groups[r.together] = make(map[string]apiError)
		}
		groups[r.together][name] = r
	}
	for group, all := range groups {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			put(w, all)
			config := "provider \"purge\" {\n  max_retries = 0\n}\n"
			want := make(map[string]trouble)
			for name, r := range all {
				block := fmt.Sprintf("resource \"purge_%s\" %q", r.target.name, name)
				expressions := arguments{"timeouts": fmt.Sprintf("{ create = %q }", shortTimeout)}
				for argument, v := range r.args {
					expressions[argument] = fmt.Sprintf("%q", v)
				}
				config += block + " {\n" + expressions.String() + "}\n"
				line := block + " {"
				if r.attribute != "" {
					line = r.attribute + " = " + expressions[r.attribute]
				}
				address := "purge_" + r.target.name + "." + name
				want[address] = trouble{
					Address: address, Context: block, Line: line, Summary: r.summary,
					Detail: strings.ReplaceAll(strings.Join(r.detail, "\n\n"), "timeouts.update", "timeouts.create"),
				}
			}
			got := make(map[string]trouble)
			for _, shown := range newTerraform(t, w, config).troubles(t, "apply", "-auto-approve", "-json") {
				shown.Detail = steady(shown.Detail)
				got[shown.Address] = shown
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if open := w.MSTR.OpenSessions(); open != 0 {
				t.Errorf("%d MicroStrategy sessions are open at the end, want none", open)
			}
		})
	}
}
