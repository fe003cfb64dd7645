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
	// gate is a fair lock. Hard purges share it, a soft purge has it alone.
	gate *semaphore.Weighted

	mu          sync.Mutex
	pending     *Deployment // of the latest soft purge, until it is known to have ended
	invalidated []string    // the pattern of the latest soft purge, which covers the earlier patterns
}

const maxWeight = math.MaxInt32

func (c *Client) service(id string) *service {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.services[id]
	if s == nil {
		s = &service{id: id, gate: semaphore.NewWeighted(maxWeight)}
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

// enter waits for conflicting purges of the same service and for the deployment
// after the latest soft purge. The caller's timeout is paused meanwhile.
func (p *purge) enter(ctx context.Context) (leave func(), err error) {
	s := p.service
	resume := quota.Pause(ctx)
	defer resume()
	if !s.gate.TryAcquire(p.weight) {
		quota.Observe(ctx, "other purges of the same service", time.Time{})
		if err := s.gate.Acquire(ctx, p.weight); err != nil {
			return nil, p.waiting(ctx, "waiting for other purges of the same service", context.Cause(ctx))
		}
	}
	if d := s.getPending(); d != nil {
		// A deployment that never ends must not pause the timeout forever.
		timer := time.AfterFunc(time.Until(d.deadline), resume)
		defer timer.Stop()
		// If the status hides the deployment, the purge itself is the test.
		if err := d.Wait(ctx); err != nil && !errors.Is(err, ErrDisabled) {
			s.gate.Release(p.weight)
			return nil, p.waiting(ctx, waitingForDeployment, err)
		}
		s.setPending(nil)
	}
	return func() { s.gate.Release(p.weight) }, nil
}

const waitingForDeployment = "waiting for the service to be deployed"

// waiting completes the error of a purge that was not sent with the wait in which
// it failed.
func (p *purge) waiting(ctx context.Context, what string, err error) error {
	var e *transport.Error
	if !errors.As(err, &e) {
		e = ended(ctx, nil)
	}
	own := *e // other callers may receive the same error
	own.Waiting = what
	own.Doing, _ = p.request(ctx)
	return &own
}

// ended returns the error of a wait whose context ended.
func ended(ctx context.Context, last *transport.Error) *transport.Error {
	e := &transport.Error{System: System, Kind: transport.KindCanceled, Err: context.Cause(ctx), Last: last}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Kind = transport.KindTimeout
	}
	return e
}

// Deployment is the deployment of a service after a soft purge. Any number of
// callers may wait for it. One of them at a time polls the status.
type Deployment struct {
	client   *Client
	service  string
	deadline time.Time     // until which it pauses the timeouts of other purges
	turn     chan struct{} // held by the caller that polls
	done     bool          // guarded by turn, as is err
	err      error
}

func (c *Client) follow(id string) *Deployment {
	return &Deployment{client: c, service: id, turn: make(chan struct{}, 1)}
}

// ErrDisabled is returned for a service that the operator has disabled. The API
// returns disabled instead of the real status, which hides the deployment.
var ErrDisabled = errors.New("the service is disabled, which hides whether it is deployed")

// Wait waits until the service is deployed. It returns an error of KindState or
// KindNotFound if the deployment failed, ErrDisabled if the status hides it, and
// an error of KindTimeout or KindCanceled if the context ends.
func (d *Deployment) Wait(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ended(ctx, nil)
	}
	if d.done && d.err == nil {
		return nil
	}
	// A failed deployment is polled again, because it may be fixed by now.
	var last *transport.Error
	for interval := max(d.client.config.PollInterval/16, time.Millisecond); ; interval = min(2*interval, d.client.config.PollInterval) {
		done, err := d.poll(ctx)
		if done {
			d.done, d.err = true, err
			return err
		}
		if e := (*transport.Error)(nil); errors.As(err, &e) {
			last = e
			if ctx.Err() != nil && e.Down == 0 { // e only reports the end of ctx and wraps e.Last
				last = e.Last
			}
		}
		quota.Observe(ctx, "the service to be deployed", time.Time{})
		if transport.Sleep(ctx, interval) != nil {
			return ended(ctx, last)
		}
	}
}

// poll requests the status once. Temporary errors and a deployment in progress
// do not end the wait.
func (d *Deployment) poll(ctx context.Context) (done bool, err error) {
	s, err := d.client.Service(ctx, d.service)
	var e *transport.Error
	if errors.As(err, &e) {
		passing := e.Status == 0 || e.Status == http.StatusRequestTimeout || e.Status >= http.StatusInternalServerError || e.Limited()
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
		return true, notDeployed(s, "Fix the service in the control panel.")
	}
}

// notDeployed returns the error of a service that is not deployed.
func notDeployed(s *Service, advice string) error {
	reasons := make([]string, len(s.Errors))
	for i, e := range s.Errors {
		reasons[i] = string(e.Message)
	}
	return &transport.Error{
		System: System, Doing: "waiting for service " + s.ID + " to be deployed", Kind: transport.KindState, Status: http.StatusOK,
		Input:   "service_id",
		Message: transport.Shorten(strings.TrimSuffix(fmt.Sprintf("the service has the status %s: %s", s.Status, strings.Join(reasons, "; ")), ": ")),
		Advice:  "The CDN accepts purges only while the service is deployed. " + advice,
		Retry:   "when the service is deployed",
	}
}
