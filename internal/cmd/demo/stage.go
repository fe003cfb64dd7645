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

// stage is where the story is told: a terraform, the sandbox that the provider
// is pointed at, and who watches.
type stage struct {
	terraform *terraform
	sandbox   *sandbox.Sandbox
	out       io.Writer
	// save, if not empty, is a directory that gets what each command wrote to the
	// terminal, in color.
	save string
	// served is when the origin of the site serves the latest deploy.
	served time.Time
	// behindEdge: the site has an edge, with visitors. Purges reach it from then on.
	behindEdge atomic.Bool
}

// tell plays the story up to the first step that is not as it should be.
func (s *stage) tell(ctx context.Context) error {
	steps := story(s.sandbox)
	for i, st := range steps {
		fmt.Fprintf(s.out, "\n%d. %s\n%s\n", i+1, st.title, indent(st.why))
		o, err := s.play(ctx, i+1, st)
		if err != nil {
			return err
		}
		s.print(table(o.applied))
		if problems := st.want.problems(o); len(problems) > 0 {
			s.print("NOT AS IT SHOULD BE:\n- " + strings.Join(problems, "\n- "))
			return fmt.Errorf("step %d is not as it should be", i+1)
		}
		s.print(st.want.verdict())
	}
	fmt.Fprintf(s.out, "\nAll %d steps are as they should be.\n", len(steps))
	return nil
}

// play does one step: a plan, and an apply of just that plan.
func (s *stage) play(ctx context.Context, number int, st step) (o observation, err error) {
	if st.before != nil {
		if err := st.before(s); err != nil {
			return o, err
		}
	}
	plan := []string{"plan", "-detailed-exitcode", "-out=release.tfplan", "-var=release=" + st.release}
	if st.verified {
		plan = append(plan, "-var=handbook_origin="+s.sandbox.OriginURL, "-var=handbook_url="+s.sandbox.SiteURL)
	}
	if o.plan, err = s.run(ctx, number, plan...); err != nil {
		return o, err
	}
	o.planned = s.sandbox.Take()
	if o.plan.exit == 1 {
		return o, errors.New("the plan failed")
	}
	if st.verified {
		if err := s.upload(lag); err != nil {
			return o, err
		}
	}
	if o.apply, err = s.run(ctx, number, "apply", "release.tfplan"); err != nil {
		return o, err
	}
	o.applied, o.openSessions = s.sandbox.Take(), s.sandbox.MSTR.OpenSessions()
	if st.verified {
		o.early, o.stale = s.early(o.applied), s.stale()
	}
	return o, nil
}

// run runs terraform and prints what matters: changes, summary and errors.
func (s *stage) run(ctx context.Context, number int, args ...string) (result, error) {
	r, err := s.terraform.run(ctx, args...)
	if err != nil {
		return r, err
	}
	command := "$ " + filepath.Base(s.terraform.Binary.Path) + " " + strings.Join(args, " ")
	if s.save != "" {
		name := fmt.Sprintf("%d-%s.ansi", number, args[0])
		err = os.WriteFile(filepath.Join(s.save, name), []byte(command+"\n"+r.terminal+"\n"), 0o600)
	}
	s.print(fmt.Sprintf("%s   (%s)\n%s%s", command, ending(args[0], r.exit), telling(r.stdout), r.stderr))
	return r, err
}

// ending is an exit code in words. That of a plan with changes is no failure.
func ending(command string, exit int) string {
	if command == "plan" && exit == 2 {
		return "exit code 2: there are changes"
	}
	return fmt.Sprintf("exit code %d", exit)
}

func (s *stage) print(text string) {
	fmt.Fprintf(s.out, "\n%s\n", indent(strings.TrimRight(text, "\n")))
}

// indent sets text off from the headings.
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
