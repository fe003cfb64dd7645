package main

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// table shows requests in the order in which they arrived.
func table(entries []fake.Entry) string {
	if len(entries) == 0 {
		return "(nothing reached any of the systems)\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "SYSTEM\tOPERATION\tWHAT\tANSWER")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.System, e.Operation, e.Subject, answer(e))
	}
	_ = w.Flush() // into memory
	return b.String()
}

// row is a request in one line.
func row(e fake.Entry) string {
	return strings.Join(strings.Fields(e.System+" "+e.Operation+" "+e.Subject+" "+answer(e)), " ")
}

func answer(e fake.Entry) string {
	if e.Status == 0 {
		return "connection cut"
	}
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}
