package cdn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// service puts the purges of one CDN service in order.
type service struct {
	// gate is first come, first served: a hard purge takes one place, a soft
	// one takes all.
	gate *semaphore.Weighted

	mu      sync.Mutex
	pending *Deployment // of the latest soft purge, until it is known to be over
}

const allPlaces = math.MaxInt32

func (c *Client) service(id string) *service {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.services[id]
	if s == nil {
		s = &service{gate: semaphore.NewWeighted(allPlaces)}
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
func (c *Client) enter(ctx context.Context, p Purge) (leave func(), err error) {
	s, places := c.service(p.Service), int64(1)
	if !p.Hard {
		places = allPlaces
	}
	resume := quota.Pause(ctx)
	defer resume()
	if err := s.gate.Acquire(ctx, places); err != nil {
		return nil, waiting(ctx, p, "waiting for other purges of the same service", context.Cause(ctx))
	}
	if d := s.getPending(); d != nil {
		// A service that is stuck must not hold up the others for ever.
		timer := time.AfterFunc(time.Until(d.patience), resume)
		defer timer.Stop()
		if err := d.Wait(ctx); err != nil {
			s.gate.Release(places)
			return nil, waiting(ctx, p, "waiting for the service to be deployed", err)
		}
		s.setPending(nil)
	}
	return func() { s.gate.Release(places) }, nil
}

// waiting makes the error of a purge that was not sent.
func waiting(ctx context.Context, p Purge, what string, err error) error {
	var e *transport.Error
	if errors.As(err, &e) && ctx.Err() == nil {
		own := *e
		own.Doing = fmt.Sprintf("purging %s of service %s", p.Path, p.Service)
		own.Waiting = what
		return &own
	}
	kind := transport.KindCanceled
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		kind = transport.KindTimeout
	}
	return &transport.Error{
		System: System, Kind: kind, Doing: fmt.Sprintf("purging %s of service %s", p.Path, p.Service),
		Waiting: what, Err: context.Cause(ctx), Last: e,
	}
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

// deploying notes that a soft purge was accepted: who comes next waits for it.
func (c *Client) deploying(ctx context.Context, id string) *Deployment {
	d := c.follow(id)
	d.patience, _ = ctx.Deadline()
	c.service(id).setPending(d)
	return d
}

// Wait returns when the service is deployed, when it can't be any more (an
// error of KindState or KindNotFound), or with the context's error.
func (d *Deployment) Wait(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if d.over && d.err == nil {
		return nil
	}
	// A failure is asked about again: meanwhile somebody may have mended it.
	var last error
	for interval := max(d.client.config.PollInterval/16, time.Millisecond); ; interval = min(2*interval, d.client.config.PollInterval) {
		over, err := d.look(ctx)
		if over {
			d.over, d.err = true, err
			return err
		}
		if err != nil {
			last = err
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), last)
		}
	}
}

// look asks for the status once. Errors that may pass are not the end.
func (d *Deployment) look(ctx context.Context) (over bool, err error) {
	s, err := d.client.Service(ctx, d.service)
	var e *transport.Error
	if errors.As(err, &e) {
		passing := e.Status == 0 || e.Status >= http.StatusInternalServerError || e.Refused()
		return !passing || ctx.Err() == nil && e.Kind == transport.KindCredentials, err
	}
	if err != nil {
		return true, err
	}
	switch s.Status {
	case "deployed":
		return true, nil
	case "create_in_progress", "update_in_progress":
		return false, nil
	default:
		return true, notDeployable(s)
	}
}

// notDeployable is the error of a service that will not come to be deployed.
func notDeployable(s *Service) error {
	reasons := make([]string, len(s.Errors))
	for i, e := range s.Errors {
		reasons[i] = string(e.Message)
	}
	return &transport.Error{
		System: System, Doing: "waiting for service " + s.ID + " to be deployed", Kind: transport.KindState, Status: http.StatusOK,
		Input:   "service_id",
		Message: strings.TrimSuffix(fmt.Sprintf("the service is %s: %s", s.Status, strings.Join(reasons, "; ")), ": "),
		Advice:  "The CDN takes purges only while the service is deployed. Mend the service in the control panel, then apply again.",
	}
}

// Service is what the API says of a service.
type Service struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Errors []struct {
		Message transport.Text `json:"message"`
	} `json:"errors"`
}

// Service reads one service: GET /services/{id}.
func (c *Client) Service(ctx context.Context, id string) (*Service, error) {
	var s Service
	_, err := c.wire.Do(ctx, &transport.Request{
		Doing: "reading service " + id, Method: http.MethodGet, Path: "/services/" + url.PathEscape(id),
		Expect: []int{http.StatusOK}, Into: &s, Auth: c.auth, Explain: explain,
		Check: func(*transport.Response) error {
			if s.Status == "" {
				return errors.New("the service has no status")
			}
			return nil
		},
	})
	return &s, err
}
