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

// verificationModel is what a configuration or a state says of a verification.
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
				"purged_at must be a time in RFC 3339, such as 2026-11-23T20:29:23Z. Use last_purged_at of the resource that purges.")
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
		diags.AddAttributeError(path.Root("contains"), "Invalid contains", "contains must not be empty, because every page contains an empty text.")
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
			diags.AddAttributeError(at, "One path twice", label+" is another spelling of a path before it. Keep one of them.")
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

func (m *verificationModel) keepQuiet(next tracked) {
	if n, ok := next.(*verificationModel); ok {
		m.Timeouts = n.Timeouts
	}
}

// forget is for what a previous target had accepted, which there is none of.
func (*verificationModel) forget(map[string]bool) {}

// site identifies where and how is looked: a change of it verifies everything,
// and what was pending before is withdrawn.
func (m *verificationModel) site() (string, bool) {
	address, _ := verify.BaseURL(m.BaseURL.ValueString())
	return fmt.Sprint(address, " ", m.Assets.IsNull()), known(m.BaseURL)
}

// decideVerification compares a prior state with what is configured; a create
// has no prior state. Like decide, it is for the plan and the apply.
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

// decideAgain decides for an update of the same site. A change of the purge's
// time alone says that everything was purged. With a change of the files, it is
// the time of their purge.
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

// withGone adds to removed items the fingerprint of the content that must be
// gone. A page has none, so nothing is left to look at.
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

// resumeVerification decides for a create to which the state of a deleted
// resource was handed over: it verifies what is configured and not proven in that
// state. What only the other one had is not looked at, because it may still be
// there for a resource of its own.
func resumeVerification(s *deleted, next *verificationModel) decision {
	prior, _ := s.state.(*verificationModel)
	triggered, _ := triggersChanged(prior.Triggers, next.Triggers)
	alike := !triggered && next.Contains.Equal(prior.Contains) && next.PurgedAt.Equal(prior.PurgedAt)
	tasks := slices.DeleteFunc(s.resume(next, nil, alike), func(t task) bool { return t.reason == reasonRemoved })
	return decision{creates: true, tasks: tasks}.prepare(nil, next)
}

// resumed is what is proven already when a create resumes, as if it were a prior
// state; nil if nothing is.
func (m *verificationModel) resumed(s *deleted, d decision) *verificationModel {
	items, _ := m.items()
	if len(d.tasks) == len(items) {
		return nil
	}
	before, _ := s.state.(*verificationModel)
	proven := *m
	proven.LastVerifiedAt = before.LastVerifiedAt
	return &proven
}

// item returns what is looked at for a task.
func (m *verificationModel) item(t task, items map[string]item) verify.Item {
	base, _ := verify.BaseURL(m.BaseURL.ValueString())
	it := verify.Item{BaseURL: base, Path: t.name}
	if known(m.PurgedAt) {
		it.PurgedAt, _ = time.Parse(time.RFC3339, m.PurgedAt.ValueString()) // checked before
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
