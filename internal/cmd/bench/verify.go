// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// A run verifies this number of assets, some of them in parallel.
const (
	verified = 2000
	parallel = 16
)

// verifications compares the verification of assets with the same requests through
// net/http, which only reads the bodies.
func verifications(ctx context.Context, out io.Writer, o options) (err error) {
	title := thousands(verified) + " assets verified"
	if !o.wants(title) {
		return nil
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.Close()) }()
	var ours, theirs []float64
	for range o.runs {
		took, err := s.verify(ctx)
		if err != nil {
			return err
		}
		ours = append(ours, took)
		if took, err = s.fetch(ctx); err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	header(out, "A verification, in process", title, "client", "net/http", "ratio")
	line(out, thousands(2*verified)+" GETs of 2 KiB", duration(median(ours)), duration(median(theirs)), ratio(ours, theirs))
	return nil
}

// verificationRequests counts the requests of a verification during a first apply
// and during an apply without changes.
func (b *bench) verificationRequests(ctx context.Context, out io.Writer, o options) (err error) {
	title := "one verification of " + thousands(verified) + " assets"
	if !o.wants(title) {
		return nil
	}
	for i := range verified {
		b.sandbox.Site.Origin.Put("/"+strconv.Itoa(i), verifytest.File{Body: strconv.Itoa(i)}, 0)
	}
	// range() has a limit of 1,024.
	assets := fmt.Sprintf("assets = { for i in concat(range(%d), range(%[1]d, %d)) : \"/${i}\" => md5(i) }", verified/2, verified)
	d, err := b.in(b.block("purge_verification", fmt.Sprintf("base_url = %q\n  %s", b.sandbox.OriginURL, assets)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.Path)) }()
	cells := []string{"requests"}
	for range 2 {
		b.sandbox.TakeEntries()
		if _, err := apply(ctx, d, 1); err != nil {
			return err
		}
		cells = append(cells, strconv.Itoa(len(b.sandbox.TakeEntries())))
	}
	header(out, "What one verification sends, exactly", title, "the first apply", "an apply without changes")
	line(out, cells...)
	return nil
}

// site is a local server that serves one page at every path, precompressed.
type site struct {
	server      *http.Server
	url         string
	page        []byte
	compressed  []byte
	fingerprint string
}

func newSite(ctx context.Context) (*site, error) {
	s := &site{page: bytes.Repeat([]byte("<p>Not all of this page is the same: 0123456789abcdef</p>\n"), 2<<10/58)}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(s.page); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	s.compressed, s.fingerprint = b.Bytes(), fmt.Sprintf("%x", sha256.Sum256(s.page))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // returns when it is closed
	return s, nil
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(s.compressed)
		return
	}
	_, _ = w.Write(s.page)
}

// verify verifies all assets and returns the duration in seconds.
func (s *site) verify(ctx context.Context) (float64, error) {
	client := verify.New(verify.Config{})
	defer func() { _ = client.Close(ctx) }() // it never fails
	return inParallel(func(i int) error {
		return client.Verify(ctx, verify.Item{BaseURL: s.url, Path: path(i), Want: s.fingerprint})
	})
}

// fetch sends the requests of verify.
func (s *site) fetch(ctx context.Context) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: parallel, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	return inParallel(func(i int) error {
		for _, encoding := range []string{"", "gzip"} {
			if err := s.get(ctx, client, path(i), encoding); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *site) get(ctx context.Context, client *http.Client, path, encoding string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return err
	}
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func path(i int) string { return fmt.Sprintf("/assets/%02x/file-%06d.html", i%256, i) }

// inParallel calls a function for each asset and returns the total duration in
// seconds.
func inParallel(do func(i int) error) (float64, error) {
	began := time.Now()
	var group errgroup.Group
	group.SetLimit(parallel)
	for i := range verified {
		group.Go(func() error { return do(i) })
	}
	err := group.Wait()
	return time.Since(began).Seconds(), err
}
