// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestContentPurgeMatchesTheFilter(t *testing.T) {
	t.Parallel()
	sales, stores := result(first, 1, "F_SALES", "D_STORE"), result(first, 2, "D_STORE")
	old := result(second, 3)
	old.WarehouseTables, old.DBTables = []string{"F_SALES"}, nil
	misleading := result(second, 4, "F_COST")
	misleading.WarehouseTables = []string{"F_SALES"} // cube instances
	cube, document := result(first, 5, "F_SALES"), result(second, 6, "F_SALES", "F_BUDGET")
	cube.Type, document.Type = "cube", "document"
	other := result(first, 7, "F_SALES")
	other.Project = education
	all := []mstrtest.ContentCache{sales, stores, old, misleading, cube, document, other}
	untouched := []string{first + " report 5", first + " report 7"}
	type outcome struct {
		Result mstr.ContentResult
		Left   []string
	}
	tests := map[string]struct {
		filter mstr.ContentFilter
		want   outcome
	}{
		"everything but cubes and other projects": {
			mstr.ContentFilter{}, outcome{mstr.ContentResult{Invalidated: 5}, untouched},
		},
		"by table, from the field that contains the tables": {
			mstr.ContentFilter{WarehouseTables: []string{"F_SALES"}},
			outcome{mstr.ContentResult{Invalidated: 3}, []string{first + " report 2", first + " report 5", first + " report 7", second + " report 4"}},
		},
		"by any of several tables, in any case": {
			mstr.ContentFilter{WarehouseTables: []string{"d_store", "f_Cost", "D_STORE"}},
			outcome{mstr.ContentResult{Invalidated: 3}, []string{first + " report 5", first + " report 7", second + " report 3", second + " report 6"}},
		},
		"a table that nothing uses is named as it is written": {
			mstr.ContentFilter{WarehouseTables: []string{"F_SALES", "x_Sale", "F_SALE"}},
			outcome{
				mstr.ContentResult{Invalidated: 3, UnusedTables: []string{"F_SALE", "x_Sale"}},
				[]string{first + " report 2", first + " report 5", first + " report 7", second + " report 4"},
			},
		},
		"by content, in any case": {
			mstr.ContentFilter{ContentIDs: []string{strings.ToLower(sourceID(1)), sourceID(6)}},
			outcome{mstr.ContentResult{Invalidated: 2}, []string{first + " report 2", first + " report 5", first + " report 7", second + " report 3", second + " report 4"}},
		},
		"by both, and a table is used even if the content is another": {
			mstr.ContentFilter{WarehouseTables: []string{"F_SALES", "F_BUDGET"}, ContentIDs: []string{sourceID(1)}},
			outcome{mstr.ContentResult{Invalidated: 1}, []string{first + " report 2", first + " report 5", first + " report 7", second + " report 3", second + " report 4", second + " report 6"}},
		},
		"not a cube, even by its ID": {
			mstr.ContentFilter{ContentIDs: []string{sourceID(5)}},
			outcome{mstr.ContentResult{}, []string{first + " report 1", first + " report 2", first + " report 5", first + " report 7", second + " report 3", second + " report 4", second + " report 6"}},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				for _, c := range all {
					w.AddContentCache(c)
				}
				got := outcome{Result: w.mustPurge(test.filter)}
				got.Left = w.ready()
				diff(t, "outcome", test.want, got)
			})
		})
	}
}

func TestContentPurgeOnNodesWithTheProject(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Nodes = nil
		for name, node := range map[string]mstrtest.Node{
			"loaded":     {Status: "running"},
			"idle":       {Status: "running", Projects: map[string]string{tutorial: "wh_exec_idle"}},
			"closing":    {Status: "running", Projects: map[string]string{tutorial: "unloaded_pending"}},
			"not loaded": {Status: "running", Projects: map[string]string{tutorial: "unloaded"}},
			"stopped":    {Status: "stopped"},
		} {
			node.Name = name
			w.Nodes = append(w.Nodes, node)
			w.AddContentCache(result(name, 1))
		}
		diff(t, "result", mstr.ContentResult{Invalidated: 3}, w.mustPurge(mstr.ContentFilter{}))
		diff(t, "left", []string{"not loaded report 1", "stopped report 1"}, w.ready())
	})
}

func TestPagesAndBatches(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		for n := range 2050 {
			w.AddContentCache(result(first, n))
		}
		var queries []string
		w.Around = func(op string, next http.HandlerFunc) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				if op == "contents" {
					queries = append(queries, r.URL.RawQuery)
				}
				next(rw, r)
			}
		}
		diff(t, "result", mstr.ContentResult{Invalidated: 2050}, w.mustPurge(mstr.ContentFilter{}))
		diff(t, "left", []string(nil), w.ready())
		batches := w.ContentBatches()
		diff(t, "batches", []int{100, 50, 21}, []int{batches[0], batches[len(batches)-1], len(batches)})
		page := func(offset int) string {
			return fmt.Sprintf("clusterNode=iserver-1&limit=1000&offset=%d&projectId=%s&status=ready", offset, tutorial)
		}
		diff(t, "lists", []string{page(0), page(999), page(1998), page(0)}, queries)
	})
}

// TestOnlyReadyCachesOfTheProjectAreInvalidated: the request contains the filters,
// but the client does not rely on them.
func TestOnlyReadyCachesOfTheProjectAreInvalidated(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		entry := func(id, project, status string) string {
			return fmt.Sprintf(`{%q:{"projectId":%q,"source":{"type":"report"},"status":{%s}}}`, id, project, status)
		}
		list := func(entries ...string) http.HandlerFunc {
			return respond(200, nil, fmt.Sprintf(`{"total":%d,"contentCaches":[%s]}`, len(entries), strings.Join(entries, ",")))
		}
		w.Fail("contents", 1, list(
			entry("a+/=", tutorial, `"ready":true`), entry("b", "", `"ready":true,"invalid":false`),
			entry("c", education, `"ready":true`), entry("d", tutorial, `"ready":false`), entry("e", tutorial, `"ready":true,"invalid":true`),
		))
		w.Fail("contents", 1, list(entry("a+/=", tutorial, `"ready":true,"invalid":true`)))
		var sent string
		w.Fail("invalidate", 1, func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			sent = r.URL.RequestURI() + " " + string(body)
		})
		diff(t, "result", mstr.ContentResult{Invalidated: 2}, w.mustPurge(mstr.ContentFilter{}))
		diff(t, "sent", `/MicroStrategyLibrary/api/v2/monitors/caches/contents?clusterNode=iserver-1 {"operationList":[`+
			`{"op":"replace","path":"/contentCaches/a+/=/status/invalid","value":true},`+
			`{"op":"replace","path":"/contentCaches/b/status/invalid","value":true}]}`, sent)
	})
}

func TestNothingToInvalidateIsSuccess(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.AddContentCache(result(first, 1, "F_SALES"))
		want := mstr.ContentResult{UnusedTables: []string{"F_COST"}}
		diff(t, "result", want, w.mustPurge(mstr.ContentFilter{WarehouseTables: []string{"F_COST"}}))
		diff(t, "requests", []request{{"login", "", 204}, {"nodes", tutorial, 200}, {"contents", first, 200}}, w.requests())
	})
}

func TestContentPurgeWaitsForTheInvalidation(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.InvalidateAfter, w.InvalidateStatus = 40*time.Second, http.StatusOK
		w.AddContentCache(result(first, 1))
		w.mustPurge(mstr.ContentFilter{})
		diff(t, "left", []string(nil), w.ready())
		// After 0.6, 1.9, 4.4, 9.4, 19.4, 29.4, and 39.4 seconds it is still ready.
		diff(t, "lists", 1+1+8, w.Count("contents"))
		diff(t, "invalidations", 1, w.Count("invalidate"))
		diff(t, "elapsed", 49375*time.Millisecond, w.Elapsed())
	})
}

func TestPollInterval(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.config.PollInterval = 16 * time.Millisecond
		w.InvalidateAfter = 30 * time.Millisecond
		w.AddContentCache(result(first, 1))
		w.mustPurge(mstr.ContentFilter{})
		diff(t, "elapsed", 31*time.Millisecond, w.Elapsed())
	})
}

func TestRecreatedCacheIsNew(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		after       time.Duration
		elapsed     time.Duration
		invalidates int
	}{
		"at once": {5 * time.Second, 9375 * time.Millisecond, 1},
		// Within the same second, it looks like the old cache.
		"within the second of its lastUpdateTime": {0, 69375 * time.Millisecond, 2},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inCluster(t, 1, func(t *testing.T, w *world) {
				w.BusyUsers, w.InvalidateAfter = true, test.after
				w.AddContentCache(result(first, 1))
				diff(t, "result", mstr.ContentResult{Invalidated: 1}, w.mustPurge(mstr.ContentFilter{}))
				diff(t, "ready", []string{first + " report 1"}, w.ready())
				diff(t, "invalidations", test.invalidates, w.Count("invalidate"))
				diff(t, "elapsed", test.elapsed, w.Elapsed())
			})
		})
	}
}

func TestANewCacheStaysReady(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.AddContentCache(result(first, 1))
		w.before("invalidate", 1, func() { w.AddContentCache(result(first, 2)) })
		diff(t, "result", mstr.ContentResult{Invalidated: 1}, w.mustPurge(mstr.ContentFilter{}))
		diff(t, "ready", []string{first + " report 2"}, w.ready())
	})
}

func TestALostInvalidationIsSentAgain(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.AddContentCache(result(first, 1))
		w.FailNode(first, "invalidate", 1, respond(202, nil, ""))
		w.mustPurge(mstr.ContentFilter{})
		diff(t, "left", []string(nil), w.ready())
		diff(t, "invalidations", 2, w.Count("invalidate"))
	})
}

func TestInvalidationThatTakesTooLong(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.InvalidateAfter = 24 * time.Hour
		w.AddContentCache(result(first, 1))
		w.AddContentCache(result(first, 2))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := w.connect().PurgeContent(ctx, tutorial, mstr.ContentFilter{})
		diff(t, "kind", transport.KindTimeout, fieldsOf(err).Kind)
		diff(t, "error", "checking the invalidated content caches of project "+tutorial+" on node iserver-1: "+
			"timed out waiting for 2 of 2 content caches to become invalid", fmt.Sprint(err))
		diff(t, "elapsed", 10*time.Minute, w.Elapsed())
	})
}

func TestEveryWaitOfAContentPurgeCanBeInterrupted(t *testing.T) {
	t.Parallel()
	cause := errors.New("interrupted")
	for sentence, prepare := range map[string]func(*world){
		"for a cache to become invalid": func(w *world) { w.InvalidateAfter = time.Hour },
		"for the end of a rate limit, before the nodes": func(w *world) {
			w.Fail("nodes", 1, respond(429, http.Header{"Retry-After": {"3600"}}, ""))
		},
		"for the end of a rate limit, after the list": func(w *world) {
			w.Fail("invalidate", 1, respond(429, http.Header{"Retry-After": {"3600"}}, ""))
		},
		"before a retry": func(w *world) {
			w.config.Transport.Backoff = func(int) time.Duration { return time.Hour }
			w.Fail("contents", -1, respond(500, nil, ""))
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				prepare(w)
				w.AddContentCache(result(first, 1))
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Minute, func() { cancel(cause) })
				_, err := w.connect().PurgeContent(ctx, tutorial, mstr.ContentFilter{})
				if !errors.Is(err, cause) || w.Elapsed() != time.Minute {
					t.Errorf("after %s: %v", w.Elapsed(), err)
				}
			})
		})
	}
}

// TestCachesThatMoveDuringTheListAreFound removes caches between two pages, so the
// caches after them move to offsets that were already read. It also adds caches, so
// the total stays the same.
func TestCachesThatMoveDuringTheListAreFound(t *testing.T) {
	t.Parallel()
	for sentence, nth := range map[string]int{"while choosing": 2, "while checking": 4} {
		for _, come := range []int{0, 700} {
			t.Run(fmt.Sprintf("%s, %d come", sentence, come), func(t *testing.T) {
				t.Parallel()
				inCluster(t, 1, func(t *testing.T, w *world) {
					w.InvalidateAfter = 20 * time.Second
					var ids []string
					for n := range 1500 {
						ids = append(ids, w.AddContentCache(result(first, n)))
					}
					w.before("contents", nth, func() {
						for _, id := range ids[:700] {
							w.RemoveContentCache(id)
						}
						for n := range come {
							w.AddContentCache(result(first, 10_000+n))
						}
					})
					w.mustPurge(mstr.ContentFilter{})
					for _, c := range w.ContentCaches() {
						if c.Ready && slices.Contains(ids, c.ID) {
							t.Fatalf("%s is ready still", c.Source)
						}
					}
				})
			})
		}
	}
}

// TestCheckFindsAllCachesIfTheListShrinks invalidates half of the caches between two
// pages of the check. The check must find the ready caches of the second half.
func TestCheckFindsAllCachesIfTheListShrinks(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		for n := range 2000 {
			w.AddContentCache(result(first, n))
		}
		// The server loses the last 10 of 20 batches.
		count := 0
		w.Around = func(op string, next http.HandlerFunc) http.HandlerFunc {
			if op == "invalidate" {
				count++
				if count > 10 && count <= 20 {
					return respond(202, nil, "")
				}
			}
			return next
		}
		w.InvalidateAfter = time.Second
		w.Latency = 600 * time.Millisecond // the first check begins before the first half is invalid
		w.mustPurge(mstr.ContentFilter{})
		diff(t, "left", []string(nil), w.ready())
	})
}

func TestBatchWithARemovedCache(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		var ids []string
		for n := range 250 {
			ids = append(ids, w.AddContentCache(result(first, n)))
		}
		w.before("invalidate", 1, func() {
			for _, id := range ids[:10] {
				w.RemoveContentCache(id)
			}
		})
		w.mustPurge(mstr.ContentFilter{})
		diff(t, "left", []string(nil), w.ready())
	})
}

func TestRejectedBatchIsAnError(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.AddContentCache(result(first, 1))
		w.Fail("invalidate", -1, mstrtest.Error(400, "ERR006", "", "Invalid patch operations"))
		_, err := w.purgeContent(mstr.ContentFilter{})
		wantError(t, err, errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "Invalid patch operations", ID: "ticket " + mstrtest.FaultTicket, Advice: "you may be able to use purge_mstr_cache"})
		diff(t, "invalidations", 1, w.Count("invalidate"))
	})
}
