// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
)

// verificationModel is the configuration or the state of a verification.
type verificationModel struct {
	BaseURL        types.String   `tfsdk:"base_url"`
	Assets         types.Map      `tfsdk:"assets"`
	URLs           types.List     `tfsdk:"urls"`
	Contains       types.String   `tfsdk:"contains"`
	PurgedAt       types.String   `tfsdk:"purged_at"`
	Triggers       types.Map      `tfsdk:"triggers"`
	LastVerifiedAt types.String   `tfsdk:"last_verified_at"`
	Summary        types.String   `tfsdk:"summary"`
	Pending        types.Map      `tfsdk:"pending"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`
}

func (m *verificationModel) check(diags *diag.Diagnostics) {
	checkMaps(diags, m.Triggers, m.Timeouts)
	if known(m.BaseURL) {
		if _, err := verify.BaseURL(m.BaseURL.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("base_url"), "Invalid base_url", "base_url "+err.Error()+".")
		}
	}
	if known(m.PurgedAt) {
		if _, err := time.Parse(time.RFC3339, m.PurgedAt.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("purged_at"), "Invalid purged_at",
				"purged_at must be a time in RFC 3339 format, such as 2026-11-23T20:29:23Z. Use last_purged_at of the resource that purges the site.")
		}
	}
	switch {
	case m.Assets.IsNull() && m.URLs.IsNull():
		diags.AddAttributeError(path.Root("assets"), "Nothing to verify", "Set assets for files with fingerprints, or urls and contains for pages.")
	case known(m.Assets) && known(m.URLs):
		diags.AddAttributeError(path.Root("urls"), "Both assets and urls", "Set assets or urls, not both.")
	case known(m.URLs) && m.Contains.IsNull():
		diags.AddAttributeError(path.Root("urls"), "urls without contains", "Set contains to a text that the pages contain, because a page has no fingerprint.")
	case known(m.Assets) && known(m.Contains):
		diags.AddAttributeError(path.Root("contains"), "contains without urls", "contains is for the pages of urls. The content of assets is compared with their fingerprints.")
	case known(m.Contains) && m.Contains.ValueString() == "":
		diags.AddAttributeError(path.Root("contains"), "Invalid contains", "contains must not be empty, because every page contains the empty string.")
	case known(m.URLs) && len(m.URLs.Elements()) == 0:
		diags.AddAttributeError(path.Root("urls"), "Nothing to verify", "urls must contain at least one path.")
	}
	checkAssets(m.Assets,
		func(name string) string { _, err := urlpath.Encode(name); return errorText(err) },
		func(fingerprint string) string { return errorText(verify.CheckFingerprint(fingerprint)) }, diags)
	m.checkURLs(diags)
}

func (m *verificationModel) checkURLs(diags *diag.Diagnostics) {
	seen := make(map[string]bool)
	for i, value := range m.URLs.Elements() {
		at, label := path.Root("urls").AtListIndex(i), fmt.Sprintf("urls[%d]", i)
		text, ok := value.(types.String)
		if !ok || text.IsUnknown() {
			continue
		}
		key := urlpath.Key(text.ValueString())
		_, err := urlpath.Encode(text.ValueString())
		switch {
		case text.IsNull():
			diags.AddAttributeError(at, "Null path", label+" is null. Remove it, or set it to a path.")
		case err != nil:
			diags.AddAttributeError(at, "Invalid path", label+" "+err.Error()+".")
		case seen[key]:
			diags.AddAttributeError(at, "One path twice", label+" is another spelling of an earlier path. Keep one of them.")
		}
		seen[key] = true
	}
}

func (m *verificationModel) items() (map[string]item, bool) {
	if m.Assets.IsUnknown() || m.URLs.IsUnknown() {
		return nil, false
	}
	items := make(map[string]item, len(m.Assets.Elements())+len(m.URLs.Elements()))
	for name, value := range m.Assets.Elements() {
		fingerprint, ok := value.(types.String)
		if !ok || fingerprint.IsUnknown() {
			return nil, false
		}
		items[urlpath.Key(name)] = item{name: name, fingerprint: fingerprint.ValueString()}
	}
	for _, value := range m.URLs.Elements() {
		name, ok := value.(types.String)
		if !ok || name.IsUnknown() {
			return nil, false
		}
		items[urlpath.Key(name.ValueString())] = item{name: name.ValueString()}
	}
	return items, true
}

func (*verificationModel) key(name string) string { return urlpath.Key(name) }

func (*verificationModel) requests(tasks []task) [][]request { return [][]request{oneEach(tasks)} }

func (m *verificationModel) pending() *types.Map { return &m.Pending }

func (m *verificationModel) copyOptions(next tracked) {
	if n, ok := next.(*verificationModel); ok {
		m.Timeouts = n.Timeouts
	}
}

// forget does nothing, because a verification has no previous target.
func (*verificationModel) forget(map[string]bool) {}

// site returns the identity of a verification: its base_url, and whether it has
// assets or urls. If it changes, the apply verifies everything and drops pending
// items.
func (m *verificationModel) site() (string, bool) {
	address, _ := verify.BaseURL(m.BaseURL.ValueString())
	return fmt.Sprint(address, " ", m.Assets.IsNull()), known(m.BaseURL)
}

// decideVerification compares the prior state with the configuration. A create has
// no prior state. The plan and the apply both call it.
func decideVerification(prior, next *verificationModel) decision {
	items, itemsKnown := next.items()
	site, siteKnown := next.site()
	var d decision
	switch {
	case !itemsKnown || prior != nil && !siteKnown:
		return decision{unknown: true}
	case prior == nil:
		d = decision{creates: true, tasks: tasksFor(items, nil, reasonCreated)}
	default:
		if priorSite, _ := prior.site(); site != priorSite {
			d = decision{moves: true, tasks: tasksFor(items, nil, reasonAdded)}
			break
		}
		d = decideAgain(prior, next, items)
	}
	return d.prepare(nil, next)
}

// decideAgain decides for an update of the same site. If only purged_at changes,
// everything was purged. If the files change too, purged_at is the time of their
// purge.
func decideAgain(prior, next *verificationModel, items map[string]item) decision {
	before, _ := prior.items()
	pending := pendingOf(prior)
	triggered, triggersKnown := triggersChanged(prior.Triggers, next.Triggers)
	all := triggered || !next.Contains.Equal(prior.Contains) || !next.URLs.IsNull() && !maps.Equal(before, items)
	filesChanged := !next.Assets.IsNull() && !maps.Equal(fingerprints(before), fingerprints(items))
	switch {
	case !triggersKnown || next.Contains.IsUnknown():
		return decision{unknown: true}
	case all || filesChanged:
	case next.PurgedAt.IsUnknown():
		return decision{unknown: true}
	default:
		all = !next.PurgedAt.Equal(prior.PurgedAt)
	}
	return decision{tasks: withGone(delta(before, items, pending, all), before, pending)}
}

func fingerprints(items map[string]item) map[string]string {
	all := make(map[string]string, len(items))
	for key, it := range items {
		all[key] = it.fingerprint
	}
	return all
}

// withGone adds the fingerprint of the content that must be gone to removed items. It
// omits removed pages, because they have no fingerprint.
func withGone(tasks []task, before map[string]item, pending map[string]task) []task {
	for i, t := range tasks {
		if t.reason == reasonRemoved {
			tasks[i].gone = before[t.key].fingerprint
			if gone := pending[t.key].gone; gone != "" {
				tasks[i].gone = gone
			}
		}
	}
	return slices.DeleteFunc(tasks, func(t task) bool { return t.reason == reasonRemoved && t.gone == "" })
}

// resumeVerification decides for a create that takes over the state of a deleted
// resource. It verifies the configured items that this state does not show as
// verified. It ignores items that only the state contains, because another resource
// can still have them.
func resumeVerification(s *deleted, next *verificationModel) decision {
	prior, _ := s.state.(*verificationModel)
	triggered, _ := triggersChanged(prior.Triggers, next.Triggers)
	alike := !triggered && next.Contains.Equal(prior.Contains) && next.PurgedAt.Equal(prior.PurgedAt)
	tasks := slices.DeleteFunc(s.resume(next, nil, alike), func(t task) bool { return t.reason == reasonRemoved })
	return decision{creates: true, tasks: tasks}.prepare(nil, next)
}

// resumed returns a prior state with the items that the deleted resource verified, or
// nil if there are none.
func (m *verificationModel) resumed(s *deleted, d decision) *verificationModel {
	items, _ := m.items()
	if len(d.tasks) == len(items) {
		return nil
	}
	before, _ := s.state.(*verificationModel)
	verified := *m
	verified.LastVerifiedAt = before.LastVerifiedAt
	return &verified
}

// item returns the item to verify for a task.
func (m *verificationModel) item(t task, items map[string]item) verify.Item {
	base, _ := verify.BaseURL(m.BaseURL.ValueString())
	it := verify.Item{BaseURL: base, Path: t.name}
	if known(m.PurgedAt) {
		it.PurgedAt, _ = time.Parse(time.RFC3339, m.PurgedAt.ValueString()) // check accepted it
	}
	switch {
	case t.gone != "":
		it.Gone = t.gone
	case m.Assets.IsNull():
		it.Contains = m.Contains.ValueString()
	default:
		it.Want = items[t.key].fingerprint
	}
	return it
}
