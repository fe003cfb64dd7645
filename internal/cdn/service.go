// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// service puts the purges of one CDN service in order.
type service struct {
	id string
	// gate is first come, first served: a hard purge takes one place, a soft
	// one takes all.
	gate *semaphore.Weighted

	mu          sync.Mutex
	pending     *Deployment // of the latest soft purge, until it is known to be over
	invalidated []string    // the pattern of the latest soft purge, which covers those before
}

const allPlaces = math.MaxInt32

func (c *Client) service(id string) *service {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.services[id]
	if s == nil {
		s = &service{id: id, gate: semaphore.NewWeighted(allPlaces)}
		c.services[id] = s
	}
	return s
}

func (s *service) setPending(d *Deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = d
}

func (s *service) getPending() *Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending
}

// enter waits for the purges of the same service that are in the way, and for
// the deployment after the latest soft one. The caller's clock stands still
// meanwhile.
func (p *purge) enter(ctx context.Context) (leave func(), err error) {
	s := p.service
	resume := quota.Pause(ctx)
	defer resume()
	if !s.gate.TryAcquire(p.places) {
		quota.Observe(ctx, "other purges of the same service", time.Time{})
		if err := s.gate.Acquire(ctx, p.places); err != nil {
			return nil, p.waiting(ctx, "waiting for other purges of the same service", context.Cause(ctx))
		}
	}
	if d := s.getPending(); d != nil {
		// A service that is stuck must not hold up the others for ever.
		timer := time.AfterFunc(time.Until(d.patience), resume)
		defer timer.Stop()
		// If the state is not to be seen, the purge is sent to find out.
		if err := d.Wait(ctx); err != nil && !errors.Is(err, ErrDisabled) {
			s.gate.Release(p.places)
			return nil, p.waiting(ctx, waitingForDeployment, err)
		}
		s.setPending(nil)
	}
	return func() { s.gate.Release(p.places) }, nil
}

const waitingForDeployment = "waiting for the service to be deployed"

// waiting completes the error of a purge that was not sent.
func (p *purge) waiting(ctx context.Context, what string, err error) error {
	var e *transport.Error
	if !errors.As(err, &e) {
		e = ended(ctx, nil)
	}
	own := *e // which others may be told too
	own.Waiting = what
	own.Doing, _ = p.request(ctx)
	return &own
}

// ended is the error of a wait whose context ended.
func ended(ctx context.Context, last *transport.Error) *transport.Error {
	e := &transport.Error{System: System, Kind: transport.KindCanceled, Err: context.Cause(ctx), Last: last}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Kind = transport.KindTimeout
	}
	return e
}

// Deployment is the way of a soft purge to the edge. Any number of callers may
// wait for it; one of them at a time asks the CDN.
type Deployment struct {
	client   *Client
	service  string
	patience time.Time // how long others stand still for it
	turn     chan struct{}
	over     bool // guarded by turn
	err      error
}

func (c *Client) follow(id string) *Deployment {
	return &Deployment{client: c, service: id, turn: make(chan struct{}, 1)}
}

// ErrDisabled says that the operator has disabled a service. The API displays
// that in place of the state, so that nobody sees when the service is deployed.
var ErrDisabled = errors.New("the service is disabled, which hides whether it is deployed")

// Wait returns when the service is deployed, when it can't be any more (an
// error of KindState or KindNotFound), when that can't be seen (ErrDisabled), or
// when the context ends (KindTimeout or KindCanceled).
func (d *Deployment) Wait(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ended(ctx, nil)
	}
	if d.over && d.err == nil {
		return nil
	}
	// A failure is asked about again: meanwhile somebody may have mended it.
	var last *transport.Error
	for interval := max(d.client.config.PollInterval/16, time.Millisecond); ; interval = min(2*interval, d.client.config.PollInterval) {
		over, err := d.look(ctx)
		if over {
			d.over, d.err = true, err
			return err
		}
		if e := (*transport.Error)(nil); errors.As(err, &e) {
			last = e
			if ctx.Err() != nil && e.Down == 0 { // then e says only that, and what was before
				last = e.Last
			}
		}
		quota.Observe(ctx, "the service to be deployed", time.Time{})
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return ended(ctx, last)
		}
	}
}

// look asks for the status once. Neither errors that may pass nor a deployment
// that goes on are the end.
func (d *Deployment) look(ctx context.Context) (over bool, err error) {
	s, err := d.client.Service(ctx, d.service)
	var e *transport.Error
	if errors.As(err, &e) {
		passing := e.Status == 0 || e.Status == http.StatusRequestTimeout || e.Status >= http.StatusInternalServerError || e.Refused()
		return !passing || ctx.Err() == nil && e.Kind == transport.KindCredentials, err
	}
	if err != nil {
		return true, err
	}
	switch s.Status {
	case statusDeployed:
		return true, nil
	case statusDisabled:
		return true, ErrDisabled
	case statusCreating, statusUpdating:
		return false, notDeployed(s, "The deployment usually ends without intervention.")
	default:
		return true, notDeployed(s, "Fix the service in the control panel, then apply again.")
	}
}

// notDeployed is the error of a service in another state.
func notDeployed(s *Service, advice string) error {
	reasons := make([]string, len(s.Errors))
	for i, e := range s.Errors {
		reasons[i] = string(e.Message)
	}
	return &transport.Error{
		System: System, Doing: "waiting for service " + s.ID + " to be deployed", Kind: transport.KindState, Status: http.StatusOK,
		Input:   "service_id",
		Message: transport.Shorten(strings.TrimSuffix(fmt.Sprintf("the service is %s: %s", s.Status, strings.Join(reasons, "; ")), ": ")),
		Advice:  "The CDN accepts purges only while the service is deployed. " + advice,
	}
}
