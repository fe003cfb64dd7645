// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// Service is a service as the API returns it.
type Service struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	FlavorID string `json:"flavor_id"`
	Domains  []struct {
		Domain   string `json:"domain"`
		Protocol string `json:"protocol"`
	} `json:"domains"`
	Origins []struct {
		Origin string `json:"origin"`
		Port   int64  `json:"port"`
		SSL    bool   `json:"ssl"`
	} `json:"origins"`
	Caching []struct {
		Name string `json:"name"`
		TTL  int64  `json:"ttl"`
	} `json:"caching"`
	Errors []struct {
		Message transport.Text `json:"message"`
	} `json:"errors"`
}

// The statuses in which a service accepts purges, or will. The API returns
// disabled instead of the real status if the operator has disabled the service.
// Such a service accepts purges like any other.
const (
	statusDisabled = "disabled"
	statusDeployed = "deployed"
	statusCreating = "create_in_progress"
	statusUpdating = "update_in_progress"
)

// Service reads one service: GET /services/{id}.
func (c *Client) Service(ctx context.Context, id string) (*Service, error) {
	var s Service
	_, err := c.transport.Do(ctx, &transport.Request{
		Doing: "reading service " + id, Method: http.MethodGet, Path: "/services/" + url.PathEscape(id),
		Expect: []int{http.StatusOK}, Into: &s, Auth: c.auth, Lookup: true, Explain: explain,
		Check: func(*transport.Response) error {
			if s.Status == "" {
				return errors.New("the service has no status")
			}
			c.clean(&s, c.transport.Lines())
			return nil
		},
	})
	return &s, err
}

// clean makes the texts of a service safe to display: its name, which the API
// escapes for HTML, and its errors, which come from the network that delivers the
// content.
func (c *Client) clean(s *Service, line func(string) string) {
	s.Name = html.UnescapeString(s.Name)
	for i, e := range s.Errors {
		s.Errors[i].Message = transport.Text(line(string(e.Message)))
	}
	s.Status = line(s.Status)
}

const (
	servicesPerPage = 20  // the maximum of the API
	maxPages        = 500 // more are an error, because the list may not end
)

// Services lists all services of the project. It pages by the ID of the last
// service and not by the link to the next page, which may lead to another host.
func (c *Client) Services(ctx context.Context) ([]Service, error) {
	var all []Service
	seen, marker := make(map[string]bool), ""
	allowance, line := transport.NewAllowance(), c.transport.Lines()
	for range maxPages {
		page, err := c.servicesAfter(ctx, marker, allowance, line)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if seen[s.ID] {
				return nil, errors.New("the list of services does not end: it repeats service " + c.transport.Line(s.ID))
			}
			seen[s.ID] = true
		}
		all = append(all, page...)
		if len(page) < servicesPerPage {
			return all, nil
		}
		marker = all[len(all)-1].ID
	}
	return nil, fmt.Errorf("the list of services does not end: it has more than %d pages", maxPages)
}

func (c *Client) servicesAfter(ctx context.Context, marker string, allowance *transport.Allowance, line func(string) string) ([]Service, error) {
	path := fmt.Sprintf("/services?limit=%d", servicesPerPage)
	if marker != "" {
		path += "&marker=" + url.QueryEscape(marker)
	}
	var page struct {
		Services transport.List[Service] `json:"services"`
	}
	page.Services.Check = func(s *Service) error {
		if s.ID == "" || s.Name == "" {
			return errors.New("a service has no ID or no name")
		}
		c.clean(s, line)
		return nil
	}
	_, err := c.transport.Do(ctx, &transport.Request{
		Doing: "listing the services", Method: http.MethodGet, Path: path,
		Expect: []int{http.StatusOK}, Into: &page, Allowance: allowance, Auth: c.auth, Lookup: true, Explain: explainList,
		Check: func(*transport.Response) error {
			if page.Services.Items == nil {
				return errors.New("the response contains no list of services")
			}
			return nil
		},
	})
	return page.Services.Items, err
}
