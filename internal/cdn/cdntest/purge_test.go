// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestPurgeAcceptsWhatPoppyAccepts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query string
		url   string
		hard  bool
	}{
		"one file, hard":                                   {"url=%2Fa.png&hard=true", "/a.png", true},
		"one file, soft":                                   {"url=%2Fa.png&hard=false", "/a.png", false},
		"hard in any case":                                 {"url=/a&hard=FALSE", "/a", false},
		"hard as Python's 0":                               {"url=/a&hard=0", "/a", false},
		"hard as Python's 1":                               {"url=/a&hard=1", "/a", true},
		"without hard, it is hard":                         {"url=/a", "/a", true},
		"without a url, it is everything":                  {"hard=false", "/*", false},
		"without a url, it is everything, also hard":       {"hard=true", "/*", true},
		"without a query, it is everything and hard":       {"", "/*", true},
		"an empty url":                                     {"url=&hard=true", "", true},
		"all=true without a url is everything":             {"all=true&hard=false", "/*", false},
		"a wildcard, soft":                                 {"url=%2Fimages%2F%2A&hard=false", "/images/*", false},
		"a wildcard in a hard purge":                       {"url=/images/*&hard=true", "/images/*", true},
		"a relative path":                                  {"url=a.png&hard=true", "a.png", true},
		"a full URL":                                       {"url=http%3A%2F%2Fwww.example.com%2Fa&hard=true", "http://www.example.com/a", true},
		"control characters":                               {"url=%2Fa%0Ab&hard=true", "/a\nb", true},
		"percent-encoding is decoded once":                 {"url=%2F%25C2%25A2.png&hard=true", "/%C2%A2.png", true},
		"a + is a space":                                   {"url=/a+b&hard=true", "/a b", true},
		"an encoded + stays":                               {"url=/a%2Bb&hard=true", "/a+b", true},
		"a & ends the url":                                 {"url=/a?x=1&y=2&hard=true", "/a?x=1", true},
		"a ; ends the url":                                 {"url=/a;b&hard=true", "/a", true},
		"an encoded & stays":                               {"url=/a?x=1%26y=2&hard=true", "/a?x=1&y=2", true},
		"a % without two hex digits stays":                 {"url=/100%25.png&hard=true", "/100%.png", true},
		"a % without two hex digits stays, also unencoded": {"url=/100%.png%4&hard=true", "/100%.png%4", true},
		"an encoded # stays":                               {"url=/a%23b&hard=true", "/a#b", true},
		"the last of two urls wins":                        {"url=/a&url=/b&hard=true", "/b", true},
		"a name is also decoded":                           {"%75rl=/a&hard=true", "/a", true},
		"the encoding of net/url is decoded":               {url.Values{"url": {"/%C3%A4+ &;%41?#*"}, "hard": {"false"}}.Encode(), "/%C3%A4+ &;%41?#*", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			same(t, "response", b.purge(DeployedID, tc.query), accepted(DeployedID))
			same(t, "purges", b.Purges(), []Purge{{Time: start, Service: DeployedID, URL: tc.url, Hard: tc.hard}})
		})
	}
}

func TestPurgeRejectsWhatPoppyRejects(t *testing.T) {
	t.Parallel()
	const ok = "url=/a&hard=true"
	for name, tc := range map[string]struct {
		service, query string
		want           response
	}{
		"a url that is not ASCII":                     {DeployedID, "url=%2F%C2%A2.png&hard=true", rejected(400, "non ascii character present in url")},
		"a url that is not UTF-8":                     {DeployedID, "url=%2F%A2.png&hard=true", rejected(400, "non ascii character present in url")},
		"an empty hard, with a 500":                   {DeployedID, "url=/a&hard=", rejected(500, "The server encountered an unexpected condition which prevented it from fulfilling the request.")},
		"hard that is neither true nor false":         {DeployedID, "url=/a&hard=yes", rejected(400, "hard can only be set to True or False")},
		"all=true together with a url":                {DeployedID, "url=/a&all=true&hard=true", rejected(400, "Cannot provide all=true and a url at the same time")},
		"a service id that is a name":                 {"website", ok, rejected(400, "Invalid service id")},
		"a service id that is short of a digit":       {DeployedID[1:], ok, rejected(400, "Invalid service id")},
		"a service id with a digit that is not hex":   {"g" + DeployedID[1:], ok, rejected(400, "Invalid service id")},
		"a missing service":                           {MissingID, ok, rejected(404, "service "+MissingID+" does not exist")},
		"a service that failed":                       {FailedID, ok, rejected(400, "Service "+FailedID+" is not deployed.")},
		"an invalid service id before an invalid url": {"website", "url=%C2%A2&hard=", rejected(400, "Invalid service id")},
		"an invalid url before an invalid hard":       {DeployedID, "url=%C2%A2&hard=", rejected(400, "non ascii character present in url")},
		"an invalid hard before a missing service":    {MissingID, "url=/a&hard=x", rejected(400, "hard can only be set to True or False")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			same(t, "response", b.purge(tc.service, tc.query), tc.want)
			same(t, "purges", b.Purges(), []Purge(nil))
		})
	}
}

func TestServiceIDSpellings(t *testing.T) {
	t.Parallel()
	for name, spelled := range map[string]string{
		"upper case":      "96737AE3-CFC1-4C72-BE88-5D0E7CC9A3F0",
		"without hyphens": "96737ae3cfc14c72be885d0e7cc9a3f0",
		"as a URN":        "urn:uuid:" + DeployedID,
	} {
		t.Run(name+" means the same service", func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			same(t, "response", b.purge(spelled, "url=/a&hard=true"), accepted(spelled))
			same(t, "purges", b.Purges(), []Purge{{Time: start, Service: DeployedID, URL: "/a", Hard: true}})
		})
	}
}

func TestPurgeNeedsTheService(t *testing.T) {
	t.Parallel()
	for _, status := range []string{
		StatusCreateInProgress, StatusUpdateInProgress, StatusDeleteInProgress, StatusFailed,
	} {
		for _, hard := range []string{"true", "false"} {
			t.Run(status+" rejects hard="+hard, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.SetStatus(OtherID, status)
				same(t, "response", b.purge(OtherID, "url=/a&hard="+hard), rejected(400, "Service "+OtherID+" is not deployed."))
				b.SetStatus(OtherID, StatusDeployed)
				same(t, "when deployed", b.purge(OtherID, "url=/a&hard="+hard), accepted(OtherID))
			})
		}
	}
}

func TestARemovedServiceIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Remove(OtherID)
	same(t, "DELETE", b.purge(OtherID, "url=/a&hard=true"), rejected(404, "service "+OtherID+" does not exist"))
	same(t, "GET", b.do(http.MethodGet, "/v1.0/110011/services/"+OtherID), rejected(404, "service "+OtherID+" could not be found"))
	same(t, "snapshot", b.Service(OtherID), Service{})
}

// step is a purge after some time, and the state of the service after it.
type step struct {
	after    time.Duration
	purge    string
	response response
	status   string
	errors   []string
}

func TestStateOfAService(t *testing.T) {
	t.Parallel()
	const hard, soft = "url=/a&hard=true", "url=/a&hard=false"
	busy := rejected(400, "Service "+OtherID+" is not deployed.")
	done := accepted(OtherID)
	for name, tc := range map[string]struct {
		set   func(*Server)
		steps []step
	}{
		"a hard purge changes nothing": {nil, []step{
			{0, hard, done, StatusDeployed, nil},
			{0, hard, done, StatusDeployed, nil},
			{time.Hour, hard, done, StatusDeployed, nil},
		}},
		"no purge during the deployment of a soft purge": {nil, []step{
			{0, soft, done, StatusUpdateInProgress, nil},
			{0, soft, busy, StatusUpdateInProgress, nil},
			{30 * time.Second, hard, busy, StatusUpdateInProgress, nil},
			{30*time.Second - 1, hard, busy, StatusUpdateInProgress, nil},
			{1, hard, done, StatusDeployed, nil},
		}},
		"another time of deployment": {func(s *Server) { s.DeployTime = time.Second }, []step{
			{0, soft, done, StatusUpdateInProgress, nil},
			{time.Second, soft, done, StatusUpdateInProgress, nil},
		}},
		"the end of a hard purge sets the status to deployed during a soft purge": {nil, []step{
			{0, hard, done, StatusDeployed, nil},
			{10*time.Minute - 1, soft, done, StatusUpdateInProgress, nil},
			{1, soft, done, StatusUpdateInProgress, nil},
			{time.Minute - 1, hard, done, StatusDeployed, nil},
		}},
		"a failed soft purge sets the status to failed": {func(s *Server) { s.FailNextDeploy("no policy") }, []step{
			{0, soft, done, StatusUpdateInProgress, nil},
			{time.Minute, soft, busy, StatusFailed, []string{"no policy"}},
			{time.Hour, hard, busy, StatusFailed, []string{"no policy"}},
		}},
		"a failed hard purge only adds an error": {func(s *Server) { s.FailNextHardPurge("no file") }, []step{
			{0, soft, done, StatusUpdateInProgress, nil},
			{time.Minute, hard, done, StatusDeployed, nil},
			{10*time.Minute - 1, hard, done, StatusDeployed, nil},
			{1, hard, done, StatusDeployed, []string{"no file"}},
			{time.Hour, hard, done, StatusDeployed, []string{"no file"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if tc.set != nil {
				tc.set(b.Server)
			}
			for i, step := range tc.steps {
				b.pass(step.after)
				same(t, fmt.Sprintf("response of step %d", i), b.purge(OtherID, step.purge), step.response)
				service := b.Service(OtherID)
				same(t, fmt.Sprintf("status after step %d", i), service.Status, step.status)
				same(t, fmt.Sprintf("errors after step %d", i), service.Errors, step.errors)
			}
			same(t, "another service", b.Service(DeployedID).Status, StatusDeployed)
		})
	}
}

func TestSetStatusCancelsOutcomes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.purge(OtherID, "url=/a&hard=false")
	b.SetStatus(OtherID, StatusFailed, "one", "two")
	b.pass(time.Hour)
	service := b.Service(OtherID)
	same(t, "status", service.Status, StatusFailed)
	same(t, "errors", service.Errors, []string{"one", "two"})
}
