// SPDX-License-Identifier: MPL-2.0

package wpenginetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Install is one WordPress install as the API returns it.
type Install struct {
	// ID is a UUID in lower case.
	ID string `json:"id"`
	// Name matches ^[a-z][a-z0-9]{2,13}$, so it never looks like an ID. It is
	// unique only within an account.
	Name          string      `json:"name"`
	Account       Ref         `json:"account"`
	Environment   Environment `json:"environment"`
	CName         string      `json:"cname"`
	PrimaryDomain string      `json:"primary_domain"`
	PHPVersion    string      `json:"php_version"`
	// Status is active or pending.
	Status      string    `json:"status"`
	Site        Ref       `json:"site"`
	IsMultisite bool      `json:"is_multisite"`
	CreatedAt   time.Time `json:"created_at"`
}

// Ref refers to an account or a site by its ID, which is a UUID.
type Ref struct {
	ID string `json:"id"`
}

// Environment is production, staging, development, or empty for null.
type Environment string

// MarshalJSON writes the empty environment as null.
func (e Environment) MarshalJSON() ([]byte, error) {
	if e == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(e))
}

// DefaultInstalls returns 130 installs in the accounts "acme", which has more than
// a page of 100, and "other". Among them are acmeprod (production), acmestage
// (staging), acmedev (development), acmelegacy (environment null), acmenew (status
// pending), and acmetwin in both accounts. Some of these are on the second page.
func DefaultInstalls() []Install {
	installs := []Install{
		newInstall("acme", "acmeprod", "production"),
		newInstall("acme", "acmelegacy", ""),
		newInstall("acme", "acmetwin", "production"),
	}
	for i := 1; i <= 123; i++ {
		account := "acme"
		if i%12 == 0 {
			account = "other"
		}
		installs = append(installs, newInstall(account, fmt.Sprintf("site%03d", i), "production"))
	}
	pending := newInstall("acme", "acmenew", "development")
	pending.Status = "pending"
	return append(installs,
		newInstall("acme", "acmestage", "staging"),
		newInstall("acme", "acmedev", "development"),
		pending,
		newInstall("other", "acmetwin", "staging"),
	)
}

func newInstall(account, name string, environment Environment) Install {
	domain := name + ".wpengine.com"
	return Install{
		ID:            stableUUID("install", account, name),
		Name:          name,
		Account:       Ref{stableUUID("account", account)},
		Environment:   environment,
		CName:         domain,
		PrimaryDomain: domain,
		PHPVersion:    "8.2",
		Status:        "active",
		Site:          Ref{stableUUID("site", account, name)},
		CreatedAt:     time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC),
	}
}

// stableUUID returns the same UUID for the same words in every run.
func stableUUID(words ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", words))
	h := hex.EncodeToString(sum[:])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}

var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Install returns the first install of that name. It panics if there is none.
func (s *Server) Install(name string) Install {
	i := slices.IndexFunc(s.Installs, func(in Install) bool { return in.Name == name })
	if i < 0 {
		panic("wpenginetest: no install is named " + name)
	}
	return s.Installs[i]
}
