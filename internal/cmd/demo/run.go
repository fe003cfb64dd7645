// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// demo runs the steps with one terraform and one sandbox.
type demo struct {
	terraform *terraform
	sandbox   *sandbox.Sandbox
	out       io.Writer
	// save, if not empty, is the directory for the terminal output of each
	// command.
	save string
	// served is when the origin of the site starts to serve the latest upload.
	served time.Time
	// behindEdge is set once the site has an edge, which purges then reach.
	behindEdge atomic.Bool
}

const introduction = `
After each step, a table lists the requests that reached the systems. The operation
"service" gets the status of a CDN service, which the provider repeats until a soft
purge is deployed. A row with a number of requests stands for identical requests.
`

const next = `Next:
  make install   installs the provider for your configurations
  make sandbox   serves the same systems, to try a configuration without an account
  docs/index.md  describes both, and the first purge
`

// run runs the steps and stops at the first one that fails.
func (d *demo) run(ctx context.Context) error {
	all := steps(d.sandbox)
	fmt.Fprint(d.out, introduction)
	for i, s := range all {
		fmt.Fprintf(d.out, "\n%d. %s\n%s\n", i+1, s.title, indent(s.description))
		o, err := d.runStep(ctx, i+1, s)
		if err != nil {
			return err
		}
		d.print(table(o.applied))
		if problems := s.want.problems(o); len(problems) > 0 {
			d.print("FAILED:\n- " + strings.Join(problems, "\n- "))
			return fmt.Errorf("step %d failed", i+1)
		}
		d.print(s.want.verdict())
	}
	fmt.Fprintf(d.out, "\nAll %d steps passed.\n\n%s", len(all), next)
	return nil
}

// runStep makes a plan and applies it.
func (d *demo) runStep(ctx context.Context, number int, s step) (o observation, err error) {
	if s.before != nil {
		if err := s.before(d); err != nil {
			return o, err
		}
	}
	plan := []string{"plan", "-detailed-exitcode", "-out=release.tfplan", "-var=release=" + s.release}
	if s.verified {
		plan = append(plan, "-var=handbook_origin="+d.sandbox.OriginURL, "-var=handbook_url="+d.sandbox.SiteURL)
	}
	if o.plan, err = d.runTerraform(ctx, number, plan...); err != nil {
		return o, err
	}
	o.planned = d.sandbox.TakeEntries()
	if o.plan.exit == 1 {
		return o, errors.New("the plan failed")
	}
	if s.verified {
		if err := d.upload(lag); err != nil {
			return o, err
		}
	}
	if o.apply, err = d.runTerraform(ctx, number, "apply", "release.tfplan"); err != nil {
		return o, err
	}
	o.applied, o.openSessions = d.sandbox.TakeEntries(), d.sandbox.MSTR.OpenSessions()
	if s.verified {
		o.early, o.stale = d.early(o.applied), d.stale()
	}
	return o, nil
}

// runTerraform runs terraform and prints the essential lines of its output.
func (d *demo) runTerraform(ctx context.Context, number int, args ...string) (result, error) {
	r, err := d.terraform.run(ctx, args...)
	if err != nil {
		return r, err
	}
	command := "$ " + filepath.Base(d.terraform.Binary.Path) + " " + strings.Join(args, " ")
	if d.save != "" {
		name := fmt.Sprintf("%d-%s.ansi", number, args[0])
		err = os.WriteFile(filepath.Join(d.save, name), []byte(command+"\n"+r.terminal+"\n"), 0o600)
	}
	d.print(fmt.Sprintf("%s   (%s)\n%s%s", command, exitText(args[0], r.exit), essentials(r.stdout), r.stderr))
	return r, err
}

func exitText(command string, exit int) string {
	if command == "plan" && exit == 2 { // of -detailed-exitcode; it is not an error
		return "exit code 2: changes"
	}
	return fmt.Sprintf("exit code %d", exit)
}

func (d *demo) print(text string) {
	fmt.Fprintf(d.out, "\n%s\n", indent(strings.TrimRight(text, "\n")))
}

// indent indents text below the titles of the steps.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("   ")
		}
		b.WriteString(line)
	}
	return b.String()
}
