// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// settings reads the arguments of one service: the attribute, else the
// environment variable, else nothing. An empty string is nothing too, because
// variables default to it. An unknown attribute is neither missing nor a reason
// to fall back. No message contains a value.
type settings struct {
	service  string
	title    string // the upstream system's name
	getenv   func(string) string
	insecure bool
	diags    diag.Diagnostics
	unknown  bool
	inConfig map[string]bool   // which were set in the configuration
	source   map[string]string // what each is called in messages
	suspects []string          // credentials that look mistyped
	wire     transport.Options // of this service alone
	chance   func() float64    // see Options
	open     *[]closer         // of all services
}

// block reads a nested attribute that may be null or unknown as a whole.
func (s *settings) block(ctx context.Context, object types.Object, into any) {
	if object.IsUnknown() {
		s.unknown = true
	}
	s.diags.Append(object.As(ctx, into, basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true, UnhandledUnknownAsEmpty: true})...)
}

// raw reads an argument that the table environment has a variable for. Files
// and pasted secrets end in line breaks, which nothing here needs.
func (s *settings) raw(name string, value types.String) string {
	if value.IsUnknown() {
		s.unknown = true
		return ""
	}
	text := strings.TrimRight(value.ValueString(), "\r\n")
	return s.orEnvironment(name, text, text != "")
}

// orEnvironment returns the text of an argument, or of its environment variable
// if the argument is not set.
func (s *settings) orEnvironment(name, text string, set bool) string {
	s.source[name] = s.service + "." + name
	if set {
		s.inConfig[name] = true
		return text
	}
	env := environment[s.source[name]]
	s.source[name] += " (from " + env + ")"
	return strings.TrimRight(s.getenv(env), "\r\n")
}

// text reads an argument of one line.
func (s *settings) text(name string, value types.String) string {
	text := s.raw(name, value)
	if strings.ContainsFunc(text, unicode.IsControl) {
		s.fault(name, "contains a line break or another control character. The value is not shown here.")
		return ""
	}
	return text
}

// credential reads an argument of one line that a login sends as it is. One
// that looks mistyped may be right, so it is named only if it is rejected.
func (s *settings) credential(name string, value types.String) string {
	text := s.text(name, value)
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	if text != "" && (stray(first) || stray(last)) {
		s.suspects = append(s.suspects, s.service+"."+name)
	}
	return text
}

// stray reports whether a value rarely begins or ends with a character.
func stray(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\"'`“”„‘’«»", r)
}

// suspect is for the error that says that the credentials were rejected.
func (s *settings) suspect() string {
	switch len(s.suspects) {
	case 0:
		return ""
	case 1:
		return "The value of " + s.suspects[0] + " begins or ends with a blank or a quote."
	default:
		return "The values of " + enumerate(s.suspects, "and") + " begin or end with a blank or a quote."
	}
}

// address reads an argument that is a URL and checks it.
func (s *settings) address(name string, value types.String, check func(string, bool) (string, error)) string {
	text := strings.TrimSpace(s.text(name, value))
	if text == "" {
		return ""
	}
	base, err := check(text, s.insecure)
	if err != nil {
		s.fault(name, err.Error()+".")
	}
	return base
}

// addresses reads an argument that is a list of URLs, or a variable in which they
// are separated by commas, and checks each.
func (s *settings) addresses(name string, value types.List, check func(string, bool) (string, error)) []string {
	var texts []string
	unknown := value.IsUnknown()
	for _, element := range value.Elements() {
		text, _ := element.(types.String)
		unknown = unknown || element.IsUnknown()
		if strings.TrimSpace(text.ValueString()) != "" {
			texts = append(texts, text.ValueString())
		}
	}
	s.unknown = s.unknown || unknown
	if list := s.orEnvironment(name, "", len(texts) > 0 || unknown); list != "" {
		texts = strings.Split(list, ",")
	}
	var bases []string
	for i, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		base, err := check(text, s.insecure)
		switch {
		case err != nil:
			s.fault(name, fmt.Sprintf("is invalid: the address number %d %s.", i+1, err))
		case slices.Contains(bases, base):
			s.fault(name, fmt.Sprintf("contains the address number %d twice.", i+1))
		default:
			bases = append(bases, base)
		}
	}
	return bases
}

// checked reads an argument of one line that a client checks.
func (s *settings) checked(name string, value types.String, check func(string) (string, error)) string {
	text, err := check(s.text(name, value))
	if err != nil {
		s.fault(name, err.Error()+".")
	}
	return text
}

func (s *settings) number(name string, value types.Int64, otherwise, lowest, highest int64) int64 {
	s.source[name] = s.service + "." + name
	if value.IsUnknown() {
		s.unknown = true
	}
	if !known(value) {
		return otherwise
	}
	s.inConfig[name] = true
	if n := value.ValueInt64(); lowest <= n && n <= highest {
		return n
	}
	s.fault(name, fmt.Sprintf("must be from %d to %d.", lowest, highest))
	return otherwise
}

// fault reports what is wrong with an argument, in words that follow its name.
func (s *settings) fault(name, problem string) {
	s.diags.AddAttributeError(path.Root(s.service).AtName(name), "Invalid "+s.service+"."+name, s.source[name]+" "+problem)
}

// rivals keeps one of several kinds of credentials: what is in the
// configuration beats the environment, two in the same place are an error.
func (s *settings) rivals(values map[string]*string, names ...string) {
	var inConfig, set []string
	for _, name := range names {
		if *values[name] == "" {
			continue
		}
		set = append(set, name)
		if s.inConfig[name] {
			inConfig = append(inConfig, name)
		}
	}
	if len(inConfig) > 0 {
		for _, name := range set {
			if !s.inConfig[name] {
				*values[name] = ""
			}
		}
		set = inConfig
	}
	if len(set) > 1 {
		s.diags.AddAttributeError(path.Root(s.service).AtName(set[1]), "Two credentials for "+s.title,
			s.source[set[1]]+" and "+s.source[set[0]]+" are both set, and only one of them can be used.")
	}
}

// finish makes the service from its settings. Faults in the configuration are
// shown immediately. Faults in the environment are shown only if the service is
// used, because the variables may be meant for something else. The address is
// one that the service will use, to find its proxy.
func finish[C closer](s *settings, address string, missing []string, diags *diag.Diagnostics, create func(transport.Options) C) service[C] {
	switch {
	case s.diags.HasError() && len(s.inConfig) > 0:
		diags.Append(s.diags...)
		return service[C]{title: s.diags[0].Summary(), problem: s.diags[0].Detail()}
	case s.unknown:
		return service[C]{unknown: true, problem: "An argument of the provider's " + s.service + " settings is not known yet."}
	case s.diags.HasError():
		return service[C]{title: s.diags[0].Summary(), problem: s.diags[0].Detail()}
	case len(missing) > 0:
		return service[C]{problem: "Set " + enumerate(missing, "and") + "."}
	}
	if err := s.wire.Proxies.Check(address); err != nil {
		return service[C]{title: "Invalid proxy for " + s.title, problem: err.Error()}
	}
	s.wire.Suspect = s.suspect()
	client := create(s.wire)
	*s.open = append(*s.open, client)
	return service[C]{client: client, ready: true}
}
