package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// stage is where the story is told: a terraform, the sandbox that the provider
// is pointed at, and who watches.
type stage struct {
	terraform *terraform
	sandbox   *sandbox.Sandbox
	out       io.Writer
}

// tell plays the story up to the first step that is not as it should be.
func (s *stage) tell(ctx context.Context) error {
	steps := story(s.sandbox)
	for i, st := range steps {
		fmt.Fprintf(s.out, "\n%d. %s\n%s\n", i+1, st.title, indent(st.why))
		o, err := s.play(ctx, st)
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
func (s *stage) play(ctx context.Context, st step) (o observation, err error) {
	if st.before != nil {
		if err := st.before(s); err != nil {
			return o, err
		}
	}
	args := []string{"-input=false", "-no-color", "-out=demo.tfplan", "-var=release=" + st.release}
	for name, value := range s.sandbox.Inputs() {
		args = append(args, "-var="+name+"="+value)
	}
	if o.plan, err = s.terraform.run(ctx, append([]string{"plan", "-detailed-exitcode"}, args...)...); err != nil {
		return o, err
	}
	o.planned = s.sandbox.Take()
	s.show("plan -detailed-exitcode -var release="+st.release, o.plan)
	if o.plan.exit == 1 {
		return o, errors.New("the plan failed")
	}
	if o.apply, err = s.terraform.run(ctx, "apply", "-input=false", "-no-color", "demo.tfplan"); err != nil {
		return o, err
	}
	o.applied, o.openSessions = s.sandbox.Take(), s.sandbox.MSTR.OpenSessions()
	s.show("apply", o.apply)
	return o, nil
}

// show prints what matters of a run: its changes, its summary and its errors.
func (s *stage) show(args string, r result) {
	s.print(fmt.Sprintf("$ %s %s   (exit code %d)\n%s%s", filepath.Base(s.terraform.binary), args, r.exit, telling(r.stdout), r.stderr))
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
