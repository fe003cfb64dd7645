// SPDX-License-Identifier: MPL-2.0

package wpengine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// Install is an install as GET /installs returns it. Fields that are missing or
// null are empty.
type Install struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Account       ref    `json:"account"`
	Site          ref    `json:"site"`
	Environment   string `json:"environment"`
	CNAME         string `json:"cname"`
	PrimaryDomain string `json:"primary_domain"`
	PHPVersion    string `json:"php_version"`
	Status        string `json:"status"`
	IsMultisite   bool   `json:"is_multisite"`
	CreatedAt     string `json:"created_at"`
}

type ref struct {
	ID string `json:"id"`
}

const (
	pageSize = 100 // the maximum of the API
	maxPages = 500 // more are an error, because the list may not end
)

// Installs lists the installs that the API user can access, of one account unless
// it is empty. It pages by offset until a page is not full, because the link to
// the next page always leads to the public host and the count is unreliable. An
// install that moves to the next page meanwhile is listed once.
func (c *Client) Installs(ctx context.Context, account string) ([]Install, error) {
	var all []Install
	seen := make(map[string]bool)
	allowance := transport.NewAllowance()
	for offset := 0; offset < maxPages*pageSize; offset += pageSize {
		page, err := c.installs(ctx, account, offset, allowance)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, i := range page {
			if !seen[i.ID] {
				all = append(all, i)
			}
			seen[i.ID] = true
		}
		switch {
		case len(page) < pageSize:
			return all, nil
		case len(all) == before:
			return nil, errors.New("the list of installs does not end: it repeats a page")
		}
	}
	return nil, fmt.Errorf("the list of installs does not end: it has more than %d pages", maxPages)
}

func (c *Client) installs(ctx context.Context, account string, offset int, allowance *transport.Allowance) ([]Install, error) {
	path := fmt.Sprintf("/installs?limit=%d&offset=%d", pageSize, offset)
	if account != "" {
		path += "&account_id=" + url.QueryEscape(account)
	}
	var page struct {
		Results transport.List[Install] `json:"results"`
	}
	page.Results.Check = func(i *Install) error {
		if i.ID == "" || i.Name == "" {
			return errors.New("an install has no ID or no name")
		}
		return nil
	}
	_, err := c.transport.Do(ctx, &transport.Request{
		Doing: "listing the installs", Method: http.MethodGet, Path: path,
		Expect: []int{http.StatusOK}, Into: &page, Allowance: allowance, Auth: c.auth, Lookup: true, Explain: explain,
		Check: func(*transport.Response) error {
			if page.Results.Items == nil {
				return errors.New("the response contains no list of installs")
			}
			return nil
		},
	})
	return page.Results.Items, err
}
