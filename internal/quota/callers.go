// SPDX-License-Identifier: MPL-2.0

package quota

import "context"

// Callers returns the contexts that the callers of the purge under ctx passed to
// Do, with their values. A purge whose request depends on its callers uses it.
// Nobody joins between Slot.Send and the end of that request, so a call after
// Send returns all callers that the request serves.
func Callers(ctx context.Context) []context.Context {
	p := purgeOf(ctx)
	if p == nil {
		return []context.Context{ctx}
	}
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	contexts := make([]context.Context, 0, len(p.callers))
	for c := range p.callers {
		contexts = append(contexts, c.ctx)
	}
	return contexts
}
