// SPDX-License-Identifier: MPL-2.0

package quota

import "context"

// Callers returns the contexts of all who wait for the purge that runs under
// ctx, with the values that they gave to Do: for a purge whose request depends
// on who has joined it. Between Slot.Send and the end of that request nobody
// joins, so what Callers returns after Send includes all whom the request
// serves.
func Callers(ctx context.Context) []context.Context {
	f := flightOf(ctx)
	if f == nil {
		return []context.Context{ctx}
	}
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	callers := make([]context.Context, 0, len(f.riders))
	for r := range f.riders {
		callers = append(callers, r.ctx)
	}
	return callers
}
