// SPDX-License-Identifier: MPL-2.0

package wpenginetest

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// realInstalls is the address in next and previous, whatever the host of the
// request is. A client that follows them sends its credentials there.
const realInstalls = "https://api.wpengineapi.com/v1/installs"

// maxLimit is the largest page and the default page.
const maxLimit = 100

// page is the response of GET /installs. Count is the number of installs on all
// pages. Previous and Next are null on the first and last page.
type page struct {
	Previous *string   `json:"previous"`
	Next     *string   `json:"next"`
	Count    int       `json:"count"`
	Results  []Install `json:"results"`
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, problems := number(query, "limit", maxLimit, 1, maxLimit)
	offset, more := number(query, "offset", 0, 0, math.MaxInt32)
	problems = append(problems, more...)
	account := query.Get("account_id")
	if query.Has("account_id") && !uuid.MatchString(account) {
		problems = append(problems, wrong("account_id", "invalid", "account_id must be a UUID")...)
	}
	if len(problems) > 0 {
		invalid(w, problems, reference)
		return
	}

	visible := s.visible(account)
	start := min(offset, len(visible))
	end := min(start+limit, len(visible))
	p := page{Count: len(visible), Results: visible[start:end]}
	if end < len(visible) {
		p.Next = pageURL(account, limit, offset+limit)
	}
	if offset > 0 {
		p.Previous = pageURL(account, limit, max(offset-limit, 0))
	}
	respond(w, http.StatusOK, p)
}

// visible returns the installs of an account, or of all accounts if it is empty.
// It is never nil, because the API returns an empty list as [].
func (s *Server) visible(account string) []Install {
	installs := []Install{}
	if s.AccessOff {
		return installs
	}
	for _, in := range s.Installs {
		if account == "" || strings.EqualFold(in.Account.ID, account) {
			installs = append(installs, in)
		}
	}
	return installs
}

func pageURL(account string, limit, offset int) *string {
	query := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	if account != "" {
		query.Set("account_id", account)
	}
	u := realInstalls + "?" + query.Encode()
	return &u
}

func number(query url.Values, name string, absent, least, most int) (int, []problem) {
	if !query.Has(name) {
		return absent, nil
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < least || n > most {
		return 0, wrong(name, "invalid", fmt.Sprintf("%s must be a number from %d to %d", name, least, most))
	}
	return n, nil
}
