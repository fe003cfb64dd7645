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

// settings reads the arguments of one service: the attribute, or else its
// environment variable. An empty string counts as not set, because it is a common
// default of variables. If an attribute is unknown, its environment variable is not
// read. No message contains a value.
type settings struct {
	service     string // the argument of the provider block, such as "cdn"
	title       string // the name of the system, such as "Rackspace CDN"
	getenv      func(string) string
	insecure    bool
	diags       diag.Diagnostics
	unknown     bool
	inConfig    map[string]bool   // the arguments that are set in the configuration
	source      map[string]string // the name of each argument in messages
	suspects    []string          // credentials that look mistyped
	alternative string            // follows the list of missing arguments in messages
	transport   transport.Options // for this service
	rand        func() float64    // see Options.Rand
	open        *[]closer         // shared by all services
}

// nested reads a nested attribute, which can be null or unknown.
func (s *settings) nested(ctx context.Context, object types.Object, into any) {
	if object.IsUnknown() {
		s.unknown = true
	}
	s.diags.Append(object.As(ctx, into, basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true, UnhandledUnknownAsEmpty: true})...)
}

// raw reads an argument that has an environment variable. It removes line breaks at
// the end, because files and pasted secrets often have one.
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

// text reads an argument that is a single line.
func (s *settings) text(name string, value types.String) string {
	text := s.raw(name, value)
	if strings.ContainsFunc(text, unicode.IsControl) {
		s.invalid(name, "must not contain control characters, such as a line break.")
		return ""
	}
	return text
}

// credential reads an argument that a login sends unchanged. A value that looks
// mistyped can be correct, so a message names it only if the API rejects it.
func (s *settings) credential(name string, value types.String) string {
	text := s.text(name, value)
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	if text != "" && (stray(first) || stray(last)) {
		s.suspects = append(s.suspects, s.service+"."+name)
	}
	return text
}

// stray reports whether credentials rarely begin or end with a character.
func stray(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\"'`“”„‘’«»", r)
}

// suspect returns a sentence for the error that the API rejected the credentials.
func (s *settings) suspect() string {
	switch len(s.suspects) {
	case 0:
		return ""
	case 1:
		return "The value of " + s.suspects[0] + " begins or ends with a space or a quotation mark."
	default:
		return "The values of " + enumerate(s.suspects, "and") + " begin or end with a space or a quotation mark."
	}
}

// address reads and checks an argument that is a URL.
func (s *settings) address(name string, value types.String, check func(string, bool) (string, error)) string {
	text := strings.TrimSpace(s.text(name, value))
	if text == "" {
		return ""
	}
	base, err := check(text, s.insecure)
	if err != nil {
		s.invalid(name, err.Error()+".")
	}
	return base
}

// addresses reads and checks an argument that is a list of URLs, or an environment
// variable that contains a comma-separated list.
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
			s.invalid(name, fmt.Sprintf("is invalid. URL number %d %s.", i+1, err))
		case slices.Contains(bases, base):
			s.invalid(name, fmt.Sprintf("contains URL number %d twice.", i+1))
		default:
			bases = append(bases, base)
		}
	}
	return bases
}

// checked reads an argument that is a single line and passes it to check.
func (s *settings) checked(name string, value types.String, check func(string) (string, error)) string {
	text, err := check(s.text(name, value))
	if err != nil {
		s.invalid(name, err.Error()+".")
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
	s.invalid(name, fmt.Sprintf("must be from %d to %d.", lowest, highest))
	return otherwise
}

// invalid reports an invalid argument. The problem completes a sentence that begins
// with its name.
func (s *settings) invalid(name, problem string) {
	s.diags.AddAttributeError(path.Root(s.service).AtName(name), "Invalid "+s.service+"."+name, s.source[name]+" "+problem)
}

// exclusive keeps one of several kinds of credentials. The configuration takes
// precedence over the environment. Two kinds in the same place are an error.
func (s *settings) exclusive(values map[string]*string, names ...string) {
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
			s.source[set[1]]+" and "+s.source[set[0]]+" are both set. Set only one of them.")
	}
}

// finish returns the service for its settings. It reports errors in the
// configuration immediately. An error in the environment is reported only if the
// service is used, because the variables can be for another program. The address is
// a URL of the service, to find its proxy.
func finish[C closer](s *settings, address string, missing []string, diags *diag.Diagnostics, create func(transport.Options) C) service[C] {
	switch {
	case s.diags.HasError() && len(s.inConfig) > 0:
		diags.Append(s.diags...)
		return service[C]{title: s.diags[0].Summary(), problem: s.diags[0].Detail()}
	case s.unknown:
		return service[C]{unknown: true, problem: "An argument of " + s.service + " in the provider block is known only after apply."}
	case s.diags.HasError():
		return service[C]{title: s.diags[0].Summary(), problem: s.diags[0].Detail()}
	case len(missing) > 0:
		return service[C]{problem: strings.TrimSpace("Set " + enumerate(missing, "and") + ". " + s.alternative)}
	}
	if err := s.transport.Proxies.Check(address); err != nil {
		return service[C]{title: "Invalid proxy for " + s.title, problem: err.Error()}
	}
	s.transport.Suspect = s.suspect()
	client := create(s.transport)
	*s.open = append(*s.open, client)
	return service[C]{client: client, ready: true}
}
