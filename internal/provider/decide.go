package provider

import (
	"cmp"
	"slices"
)

// The reasons for a purge, as they are shown in the plan.
const (
	reasonAdded     = "added"
	reasonChanged   = "changed"
	reasonRemoved   = "removed"
	reasonTriggered = "triggered"
)

// job is one purge that is to be sent.
type job struct {
	model  model // whose unit it is
	key    string
	name   string
	reason string
}

// decision is what an apply is to do.
type decision struct {
	// unknown: what is to be done depends on values that are not known yet.
	unknown bool
	// adopts: the state was imported or moved, so that nothing is sent and
	// everything is only recorded.
	adopts bool
	// former purges what the resource was for before, jobs what it is for now.
	former, jobs []job
}

func (d *decision) requests() int { return len(d.former) + len(d.jobs) }

func (d *decision) sends() bool { return d.requests() > 0 }

// kept is what a failed apply leaves in the state, so that the next one sends
// only what was not done: next as far as it came, prior as long as not all of
// what the resource was for before is purged, or nil, where the state stays as
// it was.
func (d *decision) kept(prior, next model, done []bool) model {
	former, jobs := done[:len(d.former)], done[len(d.former):]
	switch {
	case !slices.Contains(done, true):
	case !slices.Contains(former, false) && next.keepDone(prior, d.jobs, jobs):
		list, _ := next.purged()
		*list = reasons(onlyDone(d.jobs, jobs))
		return next
	case len(former) > 0 && prior.keepDone(prior, d.former, former):
		list, _ := prior.purged()
		*list = reasons(onlyDone(d.former, former))
		return prior
	}
	return nil
}

func onlyDone(jobs []job, done []bool) []job {
	var accepted []job
	for i, j := range jobs {
		if done[i] {
			accepted = append(accepted, j)
		}
	}
	return accepted
}

// decide compares what was with what shall be. Both the plan and the apply ask
// it, so that a plan can't promise what an apply does not do. There is no prior
// for a create.
func decide(t *target, prior, next model) decision {
	units, unitsKnown := next.units()
	if prior == nil {
		on := next.common().PurgeOnCreate
		switch {
		case known(on) && !on.ValueBool():
			return decision{}
		case on.IsUnknown() || !unitsKnown:
			return decision{unknown: true}
		}
		return decision{jobs: jobsFor(next, units, reasonAdded)}
	}
	if prior.common().adopted() {
		return decision{adopts: true}
	}
	id, idKnown := next.identify()
	formerID, _ := prior.identify()
	triggered, triggersKnown := triggersChanged(prior.common(), next.common())
	manner, mannerKnown := next.manner()
	formerManner, _ := prior.manner()
	if !idKnown || !unitsKnown || !triggersKnown || !mannerKnown {
		return decision{unknown: true}
	}
	before, _ := prior.units()
	if t.join(id) != t.join(formerID) {
		d := decision{jobs: jobsFor(next, units, reasonAdded)}
		if next.common().PurgeOnDestroy.ValueBool() {
			d.former = jobsFor(prior, before, reasonRemoved)
		}
		return d
	}
	return decision{jobs: difference(next, before, units, triggered || manner != formerManner)}
}

// difference is the jobs for one target whose units changed.
func difference(next model, before, after map[string]unit, all bool) []job {
	var jobs []job
	for key, u := range after {
		old, existed := before[key]
		switch {
		case !existed:
			jobs = append(jobs, job{next, key, u.name, reasonAdded})
		case old.fingerprint != u.fingerprint:
			jobs = append(jobs, job{next, key, u.name, reasonChanged})
		case all:
			jobs = append(jobs, job{next, key, u.name, reasonTriggered})
		}
	}
	for key, u := range before {
		if _, remains := after[key]; !remains {
			jobs = append(jobs, job{next, key, u.name, reasonRemoved})
		}
	}
	return inOrder(jobs)
}

func jobsFor(m model, units map[string]unit, reason string) []job {
	jobs := make([]job, 0, len(units))
	for key, u := range units {
		jobs = append(jobs, job{m, key, u.name, reason})
	}
	return inOrder(jobs)
}

func inOrder(jobs []job) []job {
	slices.SortFunc(jobs, func(a, b job) int { return cmp.Compare(a.key, b.key) })
	return jobs
}
