// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// The errors of each API.

// at limits faults to one kind of request.
func at(operation string, all ...fault) []fault {
	for i := range all {
		all[i].only = []string{operation}
	}
	return all
}

// state returns a fault that is a state of the fake.
func state(name string, set func(*bench)) fault {
	return fault{name: name, inject: func(b *bench, _ exchange) { set(b) }}
}

func mstrFaults() []fault {
	const name = "X-Mstr-Authtoken"
	tokens := func(values ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()[name] = values
			w.WriteHeader(http.StatusNoContent)
		}
	}
	login := at("login",
		responds("wrong password", forever, mstrtest.Error(401, "ERR003", mstrtest.LoginFailed, "Login failure")),
		responds("account locked", forever, mstrtest.Error(401, "ERR003", mstrtest.AccountLocked, "The account is locked")),
		responds("maximum number of sessions", forever, mstrtest.Error(500, "ERR001", mstrtest.SessionCap, "Maximum number of sessions exceeded")),
		responds("login mode that is not supported", forever, mstrtest.Error(400, "ERR006", "", "The loginMode is not supported")),
		state("user without UseLibrary", func(b *bench) { b.MSTR.UseLibrary = false }),
		responds("two tokens", forever, tokens("one", "two")),
		responds("token with a line break", forever, hijacked("HTTP/1.1 204 No Content\r\n"+name+": one\r\n two\r\n\r\n")),
		responds("token with a line break that is not folded", forever, hijacked("HTTP/1.1 204 No Content\r\n"+name+": one\r\ntwo\r\n\r\n")),
	)
	purge := at("purge",
		responds("project that does not exist", forever, mstrtest.Error(400, "ERR006", "", "The given Project ID does not exist")),
		state("cache type that requires a newer server", func(b *bench) { b.MSTR.CacheTypes = []string{"element"} }),
		state("user without the privilege", func(b *bench) { b.MSTR.Privileged = false }),
		responds("missing privilege, as a 500 with the long code", forever, mstrtest.Error(500, "ERR0014", "", "No privilege")),
		responds("missing permission", forever, mstrtest.Error(403, "ERR017", "", "No permission")),
		state("project that is not loaded", func(b *bench) { b.MSTR.Projects[0].Status = -1 }),
		state("server that is too old", func(b *bench) { b.MSTR.TooOld = true }),
		state("server that supports only the singular", func(b *bench) { b.MSTR.Spelling = "cache" }),
		responds("I-Server that fails, with code and ticket", forever, mstrtest.Error(500, "ERR002", "-2147212800", "I-Server is down")),
		responds("error in a list", forever, mstrtest.WrappedError(500, "ERR002", "-2147212800", "I-Server is down")),
		responds("session that expired", 1, mstrtest.Error(401, "ERR009", "", "The user's session has expired")),
		state("session that requires the cookies of another request", func(b *bench) {
			b.fail("purge", forever, mstrtest.Error(401, "ERR009", "", "The user's session has expired"))
		}),
	)
	return append(login, purge...)
}

func mstrContentFaults() []fault {
	nodes := at("nodes",
		state("user without Monitor cluster", func(b *bench) { b.MSTR.MonitorCluster = false }),
		state("project that is not loaded", func(b *bench) { b.MSTR.Projects[0].Status = -1 }),
		state("project that does not exist", func(b *bench) { b.MSTR.Projects[0].ID = educationHex }),
		state("cluster without a running node", func(b *bench) { b.MSTR.Nodes[0].Status = "stopped" }),
	)
	contents := at("contents",
		state("user without Administer caches", func(b *bench) { b.MSTR.Privileged = false }),
		state("server that is too old", func(b *bench) { b.MSTR.ContentAPI = mstrtest.ContentNone }),
		responds("route without GET", forever, reply(405, "")),
		responds("project that the server rejects", forever, mstrtest.Error(400, "ERR006", "", "The given Project ID does not exist")),
		responds("node that stopped", forever, mstrtest.Error(503, "ERR002", "", "The cluster node 'iserver-1' is not connected or canonical name")),
		responds("endless list", forever, reply(200, `{"offset":0,"total":1000,"contentCaches":[]}`)),
		responds("list of something else", forever, reply(200, `{"offset":0,"total":1,"contentCaches":[{"A":{"id":7}}]}`)),
	)
	invalidate := at("invalidate",
		state("server that can only list", func(b *bench) { b.MSTR.ContentAPI = mstrtest.ContentListOnly }),
		state("200 instead of 202", func(b *bench) { b.MSTR.InvalidateStatus = 200 }),
		state("invalidation that takes effect later", func(b *bench) { b.MSTR.InvalidateAfter = 40 * time.Second }),
		state("invalidation that never takes effect", func(b *bench) { b.MSTR.InvalidateAfter = 24 * time.Hour }),
		state("users who run the reports again immediately", func(b *bench) {
			time.Sleep(time.Second) // otherwise, the results would look as if they were older
			b.MSTR.BusyUsers = true
		}),
		responds("cache that the server never finds", forever, mstrtest.Error(404, "ERR004", "", "The content cache is not found in Intelligence server")),
	)
	return append(append(nodes, contents...), invalidate...)
}

func cdnFaults() []fault {
	login := at("login",
		responds("wrong API key", forever, func(w http.ResponseWriter, r *http.Request) {
			reply(401, `{"unauthorized":{"code":401,"message":"Unable to authenticate user with credentials provided."}}`)(w, r)
		}),
		responds("multi-factor", forever, reply(401, `{"unauthorized":{"code":401,"message":"Additional authentication credentials required"}}`)),
		responds("account without a CDN", forever, reply(200, `{"access":{"token":{"id":"t","tenant":{"id":"1"}},"serviceCatalog":[]}}`)),
		responds("CDN at an address without TLS", forever, reply(200, `{"access":{"token":{"id":"t","tenant":{"id":"1"}},"serviceCatalog":[{"type":"rax:cdn","endpoints":[{"publicURL":"http://cdn.example.com/v1.0/1"}]}]}}`)),
		responds("token with a line break", forever, reply(200, `{"access":{"token":{"id":"t\nu","tenant":{"id":"1"}}}}`)),
	)
	purge := at("purge",
		responds("invalid service ID", forever, cdntest.Error(400, "Invalid service id")),
		responds("url that is not ASCII", forever, cdntest.Error(400, "non ascii character present in url")),
		responds("message that is an object", forever, cdntest.Error(400, map[string]any{"hard": "bad"})),
		state("service that does not exist", func(b *bench) { b.CDN.Remove(cdntest.DeployedID) }),
		state("service that failed before", func(b *bench) { b.CDN.SetStatus(cdntest.DeployedID, "failed", "Policy failed to deploy") }),
		state("service that is being deployed", func(b *bench) {
			b.CDN.SetStatus(cdntest.DeployedID, "update_in_progress")
			time.AfterFunc(5*time.Minute, func() { b.CDN.SetStatus(cdntest.DeployedID, "deployed") })
		}),
		state("service that is being deployed forever", func(b *bench) { b.CDN.SetStatus(cdntest.DeployedID, "update_in_progress") }),
		state("service that is being created and then fails", func(b *bench) {
			b.CDN.SetStatus(cdntest.DeployedID, "create_in_progress")
			time.AfterFunc(5*time.Minute, func() { b.CDN.SetStatus(cdntest.DeployedID, "failed", "No such origin") })
		}),
		state("service that disappears during the wait", func(b *bench) {
			b.CDN.SetStatus(cdntest.DeployedID, "update_in_progress")
			time.AfterFunc(5*time.Minute, func() { b.CDN.Remove(cdntest.DeployedID) })
		}),
		responds("service that is deployed and rejects purges", forever, cdntest.Error(400, "Service x is not deployed.")),
		responds("over the limit, 413 with a date", 1, func(w http.ResponseWriter, r *http.Request) {
			cdntest.OverLimit(413, time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))(w, r)
		}),
		responds("over the limit, 413 for an hour", forever, cdntest.OverLimit(413, "3600")),
		responds("over the limit, 429 without a message", 1, cdntest.OverLimit(429, "")),
		responds("over the global limit, 503 without a message", 1, cdntest.OverLimit(503, "")),
		responds("token of another project", forever, cdntest.HTML(http.StatusUnauthorized)),
		interruptedInQuota(20),
	)
	service := at("service",
		state("service that stays update_in_progress", func(b *bench) { b.CDN.DeployTime = 24 * time.Hour }),
		state("service that turns failed", func(b *bench) { b.CDN.FailNextDeploy("edge nodes refused the rule") }),
		state("service that disappears during the wait for its status", func(b *bench) {
			time.AfterFunc(30*time.Second, func() { b.CDN.Remove(cdntest.DeployedID) })
		}),
		state("service that is disabled during the wait", func(b *bench) {
			time.AfterFunc(30*time.Second, func() { b.CDN.SetStatus(cdntest.DeployedID, "disabled") })
		}),
	)
	return append(append(login, purge...), service...)
}

func wpengineFaults() []fault {
	return at("purge",
		responds("invalid cache type", forever, wpenginetest.FieldError("type", "invalid", "type must be one of object, page, cdn, all", "https://wpengineapi.com/reference")),
		responds("invalid install ID", forever, wpenginetest.FieldError("install_id", "invalid", "install_id must be a UUID", "")),
		responds("wrong password", forever, wpenginetest.Error(401, "Bad Credentials")),
		responds("install without permission", forever, wpenginetest.Error(403, "You do not have permission to access this install")),
		responds("gateway without the path", forever, wpenginetest.Error(403, "Missing Authentication Token")),
		responds("gateway that parses the credentials as a signature", forever, wpenginetest.GatewayEcho()),
		responds("install that does not exist", forever, wpenginetest.Error(404, "Install not found")),
		responds("503 as the API returns it", forever, wpenginetest.EmptyUnavailable()),
		responds("502 from a gateway, in HTML", forever, wpenginetest.HTML(502)),
		state("backend that fails after it purged", func(b *bench) { b.WPEngine.AcceptStatus = 418 }),
		state("200 instead of 202", func(b *bench) { b.WPEngine.AcceptStatus = 200 }),
		responds("purged by another client a moment ago", 1, wpenginetest.Error(429, "Object cache purges are rate-limited to one request every 45 seconds for each install")),
		state("lost response, then 429 for longer than the timeout", func(b *bench) {
			b.fail("purge", 1, b.WPEngine.LostResponse())
			b.WPEngine.ObjectWindow = time.Hour
		}),
		interruptedInQuota(1),
	)
}

// interruptedInQuota sends as many purges as the quota allows, and interrupts the
// next one while it waits.
func interruptedInQuota(allowed int) fault {
	return fault{name: "interrupted while waiting for the quota", do: func(ctx context.Context, b *bench, at exchange) diagnosis {
		for range allowed {
			if d := at.do(ctx, b); d.diag != nil {
				return d
			}
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		time.AfterFunc(2500*time.Millisecond, cancel)
		return at.do(ctx, b)
	}}
}
