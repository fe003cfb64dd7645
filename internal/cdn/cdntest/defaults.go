// SPDX-License-Identifier: MPL-2.0

package cdntest

import "fmt"

// The services of New that tests use by ID. The others are also deployed.
const (
	// DeployedID and OtherID are two services that are deployed.
	DeployedID = "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0"
	OtherID    = "0a4f7c2e-5b1d-4d3a-9c68-e2f10b7d9a35"
	// FailedID is a service whose last deployment failed.
	FailedID = "3c8e5f70-9a2b-4e14-8d6f-7b0c1a2d3e4f"
	// DisabledID is a service that the operator has disabled. It accepts purges.
	DisabledID = "b7d2e9a1-4c3f-4b58-a0e6-1f9d8c7b6a50"
	// MissingID is the UUID of no service.
	MissingID = "ffffffff-0000-4000-8000-0123456789ab"
)

// TwinName is the name of two services of New, which are never on the same page.
const TwinName = "twin"

func defaultServices() []Service {
	services := []Service{
		newService(DeployedID, "website", StatusDeployed),
		newService(OtherID, "images", StatusDeployed),
		newService(FailedID, "broken", StatusFailed, "Policy failed to deploy"),
		newService(DisabledID, "unpaid", StatusDeployed),
		newService("00c1d2e3-f4a5-4b6c-8d7e-9f0a1b2c3d4e", TwinName, StatusDeployed),
		newService("fec1d2e3-f4a5-4b6c-8d7e-9f0a1b2c3d4e", TwinName, StatusDeployed),
	}
	services[3].Disabled = true
	for i := range 17 {
		id := fmt.Sprintf("%02xd0c4b8-7e6f-4a5b-9c0d-1e2f3a4b5c6d", 16+12*i)
		services = append(services, newService(id, fmt.Sprintf("service-%02d", i+1), StatusDeployed))
	}
	return services
}

func newService(id, name, status string, errors ...string) Service {
	return Service{
		ID:      id,
		Name:    name,
		Status:  status,
		Errors:  errors,
		Domains: []Domain{{Domain: name + ".example.com", Protocol: "http"}, {Domain: "secure-" + name + ".example.com", Protocol: "https"}},
		Origins: []Origin{{Origin: "origin.example.com", Port: 80, HostHeaderType: "domain", Rules: []Rule{}}},
		Caching: []Caching{
			{Name: "default", TTL: 3600},
			{Name: "images", TTL: 86400, Rules: []Rule{{Name: "images", RequestURL: "/images/*"}}},
		},
		Flavor: "cdn",
	}
}
