// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// resumed returns the tasks of a create that takes over a state, as paths with
// reasons.
func resumed(h *handover, next *cdnAssetModel) prints {
	s, strays := h.take("key", next)
	if s == nil {
		return nil
	}
	prior, _ := s.state.(model)
	return inWords(decideResumed(cdnAsset, s, strays, prior, next)).Tasks
}

func handOver(states ...*cdnAssetModel) *handover {
	h := new(handover)
	for _, m := range states {
		h.put("key", &deleted{state: m, unfinished: unfinishedCreate(pendingOf(m))})
	}
	return h
}

func TestTheTasksOfAResumedCreate(t *testing.T) {
	t.Parallel()
	abc := prints{"/a": "1", "/b": "1", "/c": "1"}
	all := prints{"/a": "created", "/b": "created", "/c": "created"}
	tests := map[string]struct {
		state, next *cdnAssetModel
		want        prints
	}{
		"the rest of an unfinished create":                          {assetModel(abc, waiting(prints{"/b": "created"})), assetModel(abc), prints{"/b": "created"}},
		"with items that changed since":                             {assetModel(abc, waiting(prints{"/b": "created"})), assetModel(prints{"/a": "2", "/b": "1", "/c": "1"}), prints{"/a": "created", "/b": "created"}},
		"with items that were removed":                              {assetModel(abc, waiting(prints{"/b": "created"})), assetModel(prints{"/a": "1"}), prints{"/b": "removed", "/c": "removed"}},
		"everything, if triggers changed":                           {assetModel(abc, waiting(prints{"/b": "created"})), assetModel(abc, released("2")), all},
		"everything, if hard changed":                               {assetModel(abc, waiting(prints{"/b": "created"})), assetModel(abc, soft), all},
		"everything of a complete resource":                         {assetModel(abc, waiting(prints{"/b": "changed"})), assetModel(abc), all},
		"with pending items that were removed":                      {assetModel(abc, waiting(prints{"/x": "removed"})), assetModel(abc), prints{"/a": "created", "/b": "created", "/c": "created", "/x": "removed"}},
		"pending items, if the create only records":                 {assetModel(abc, waiting(prints{"/b": "changed"})), assetModel(abc, recording), prints{"/b": "changed"}},
		"items of an unfinished create, if the create only records": {assetModel(abc, waiting(prints{"/b": "created"})), assetModel(abc, recording), prints{"/b": "added"}},
		"items that were removed from an unfinished create":         {assetModel(abc, waiting(prints{"/x": "created"})), assetModel(abc), prints{"/x": "removed"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, resumed(handOver(test.state), test.next)); diff != "" {
				t.Errorf("the create sends (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStateIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	ab := prints{"/a": "1", "/b": "1"}
	h := handOver(assetModel(ab, waiting(prints{"/b": "created"})))
	if got := resumed(h, assetModel(ab)); len(got) != 1 {
		t.Errorf("the first create sends %v", got)
	}
	if s, _ := h.take("key", assetModel(ab)); s != nil {
		t.Error("the state is handed over twice")
	}
	if s, _ := handOver(assetModel(ab)).take("another key", assetModel(ab)); s != nil {
		t.Error("the state is handed over to another target")
	}
}

// TestAMixUpLosesNothing has two resources of one service. Each create also sends
// the pending items of the other state.
func TestAMixUpLosesNothing(t *testing.T) {
	t.Parallel()
	mine := assetModel(prints{"/a": "1"}, waiting(prints{"/x": "removed", "/y": "removed"}))
	other := assetModel(prints{"/a": "1", "/b": "1"}, waiting(prints{"/b": "created", "/a": "created"}))
	h := handOver(mine, other)
	next := assetModel(prints{"/a": "1", "/b": "1", "/c": "1"})
	want := prints{"/a": "created", "/b": "created", "/c": "created", "/x": "removed", "/y": "removed"}
	if diff := cmp.Diff(want, resumed(h, next)); diff != "" {
		t.Errorf("the first create sends (-want +got):\n%s", diff)
	}
	want = prints{"/a": "created", "/x": "removed", "/y": "removed"}
	if diff := cmp.Diff(want, resumed(h, assetModel(prints{"/a": "1"}))); diff != "" {
		t.Errorf("the second create sends (-want +got):\n%s", diff)
	}
}

// TestADroppedPathIsNotAccepted replaces an unfinished create with
// purge_on_destroy whose Delete drops a path that the API rejects.
func TestADroppedPathIsNotAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	const kind = "purge_cdn_asset"
	w.rejects(func(path string) bool { return path == "/0002.css" })
	config := manyAssets(3, "1", object{"purge_on_destroy": true})
	state, _, _ := p.deploy(nil, config)
	if diff := cmp.Diff(object{"/0002.css": "created, failed"}, state["pending"]); diff != "" {
		t.Fatalf("pending after the create (-want +got):\n%s", diff)
	}
	planned, _ := p.plan(kind, nil, config)
	if left, reported := p.destroy(kind, state); left != nil {
		t.Fatalf("the delete leaves %v and diagnostics: %q", left, reported)
	}
	w.Journal.Reset()
	state, reported := p.apply(kind, nil, planned, config)
	w.compareSent(t, step{name: "the create", sent: journaled(true, 400, "/0002.css")})
	if diff := cmp.Diff(object{"/0002.css": "created, failed"}, state["pending"]); diff != "" || len(reported) != 1 {
		t.Errorf("diagnostics: %q; pending after the replacement (-want +got):\n%s", reported, diff)
	}
}
