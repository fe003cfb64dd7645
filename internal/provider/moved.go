// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// movedKey is the key of a digest in the private state of a resource.
const movedKey = "moved"

// digest is a salted hash of the values that a resource had as triggers before it
// was moved. The values can be sensitive, and a move loses the marks of sensitive
// values, so the state must not contain them.
type digest struct {
	Salt []byte `json:"salt"`
	Sum  []byte `json:"sum"`
}

// newDigest returns the digest of values, independent of their order.
func newDigest(values []string) *digest {
	d := &digest{Salt: make([]byte, sha256.Size)}
	_, _ = rand.Read(d.Salt) // never fails
	d.Sum = d.of(values)
	return d
}

func (d *digest) of(values []string) []byte {
	mac := hmac.New(sha256.New, d.Salt)
	for _, v := range slices.Sorted(slices.Values(values)) {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(v))) // writes to a hash never fail
		mac.Write([]byte(v))
	}
	return mac.Sum(nil)
}

// matches reports whether the triggers, or the fingerprints of the items, have the
// values of the digest, whatever their keys. It returns false for known if that
// depends on an unknown value.
func (d *digest) matches(m model) (same, known bool) {
	if d == nil {
		return false, true
	}
	triggers, triggersKnown := triggerValues(m.common())
	if triggersKnown && d.equals(triggers) {
		return true, true
	}
	items, itemsKnown := m.items()
	var fingerprints []string
	for _, it := range items {
		if it.fingerprint != "" {
			fingerprints = append(fingerprints, it.fingerprint)
		}
	}
	if len(fingerprints) > 0 && d.equals(fingerprints) {
		return true, true
	}
	return false, triggersKnown && itemsKnown
}

func (d *digest) equals(values []string) bool { return hmac.Equal(d.of(values), d.Sum) }

// triggerValues returns the values of the triggers, or false if one is unknown.
func triggerValues(m *commonModel) ([]string, bool) {
	values := make([]string, 0, len(m.Triggers.Elements()))
	for _, value := range m.Triggers.Elements() {
		text, ok := value.(types.String)
		if !ok || text.IsUnknown() {
			return nil, false
		}
		values = append(values, text.ValueString())
	}
	return values, !m.Triggers.IsUnknown()
}

// private is the private state of a resource.
type private interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// store writes the digest to private state.
func (d *digest) store(ctx context.Context, p private) diag.Diagnostics {
	text, err := json.Marshal(d)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Invalid digest", err.Error())}
	}
	return p.SetKey(ctx, movedKey, text)
}

// loadDigest reads the digest of a move. Without one, it returns nil, and the first
// apply purges.
func loadDigest(ctx context.Context, p private) *digest {
	text, diags := p.GetKey(ctx, movedKey)
	d := new(digest)
	if diags.HasError() || len(text) == 0 || json.Unmarshal(text, d) != nil {
		return nil
	}
	return d
}
