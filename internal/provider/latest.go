// SPDX-License-Identifier: MPL-2.0

package provider

import "github.com/hashicorp/terraform-plugin-framework/types"

// latest describes the latest purge of a resource.
type latest struct {
	at    types.String // when it was accepted
	count types.Int64  // number of purged objects, if the target reports it
}

// counter is a model with an attribute for the number of objects that the latest
// purge purged.
type counter interface {
	counted() *types.Int64
}

func setLatest(m model, l latest) {
	m.common().LastPurgedAt = l.at
	if c, ok := m.(counter); ok {
		*c.counted() = l.count
	}
}

// latestOf returns the latest purge of a prior state, null values for a create.
func latestOf(prior model) latest {
	l := latest{types.StringNull(), types.Int64Null()}
	if prior == nil {
		return l
	}
	l.at = prior.common().LastPurgedAt
	if c, ok := prior.(counter); ok {
		l.count = *c.counted()
	}
	return l
}

func (o *outcome) latestPurge() latest { return latest{o.purgedAt(), types.Int64Value(o.count)} }
