// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// summaries are the summaries of errors, by kind; %s is the system.
var summaries = map[transport.Kind]string{
	transport.KindUnknown:     "%s purge failed",
	transport.KindCanceled:    "Interrupted before %s accepted the purge",
	transport.KindTimeout:     "Timed out before %s accepted the purge",
	transport.KindNoResponse:  "No complete response from %s",
	transport.KindUnknownHost: "Unknown host for %s",
	transport.KindProxy:       "No connection to %s through the proxy",
	transport.KindTLS:         "No trusted connection to %s",
	transport.KindRedirect:    "%s returned a redirect",
	transport.KindUnexpected:  "Unexpected response from %s",
	transport.KindCredentials: "%s rejected the credentials",
	transport.KindForbidden:   "%s denied permission",
	transport.KindNotFound:    "%s could not find the purge target",
	transport.KindInvalid:     "%s rejected the purge",
	transport.KindLimited:     "%s rate limit exceeded",
	transport.KindState:       "%s cannot purge this now",
	transport.KindServer:      "%s returned a server error",
	transport.KindConfig:      "%s cannot be used as configured",
	transport.KindOutage:      "%s is down",
}

// manySummaries replace those that are about one purge if there are several.
var manySummaries = map[transport.Kind]string{
	transport.KindCanceled: "Interrupted before %s accepted all purges",
	transport.KindTimeout:  "Timed out before %s accepted all purges",
}

// loginSummaries replace those that are about a purge if the login failed.
var loginSummaries = map[transport.Kind]string{
	transport.KindUnknown: "%s login failed",
	transport.KindTimeout: "Timed out logging in to %s",
	transport.KindInvalid: "%s rejected the login",
	transport.KindState:   "%s does not accept the login now",
}

// voice contains the parts of a message that depend on the failed operation.
type voice struct {
	// summaries replace those that are about a purge.
	summaries map[transport.Kind]string
	// again is the imperative that retries the operation: "apply again".
	again string
	// timeout is the argument that limits the operation, "" if there is none.
	timeout string
}

func (op operation) voice() voice {
	return voice{again: "apply again", timeout: "timeouts." + string(op)}
}

// Again returns again with a capital letter, to begin a sentence.
func (v voice) Again() string { return capital(v.again) }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (v voice) summary(e *transport.Error) string {
	text := cmp.Or(v.summaries[e.Kind], summaries[e.Kind])
	if own := loginSummaries[e.Kind]; own != "" && e.Waiting == transport.LoggingIn {
		text = own
	}
	if what, ok := strings.CutSuffix(e.Input, "_id"); ok && e.Kind == transport.KindNotFound {
		return fmt.Sprintf("%s could not find the %s", e.System, what)
	}
	return fmt.Sprintf(text, e.System)
}

// advice returns the next step after an error without advice from the client. It
// ends with how to retry if a retry can help.
func (v voice) advice(e *transport.Error) string {
	switch e.Kind {
	case transport.KindCanceled:
		return v.Again() + "."
	case transport.KindTimeout:
		why := "If " + e.System + " is only slow"
		if e.Waiting == transport.WaitingForLimit {
			why = "To send more purges in one run"
		}
		return v.Again() + v.raise(why)
	case transport.KindNoResponse:
		return "Check the address, the network, and the proxy, then " + v.again + "."
	case transport.KindUnknownHost:
		return "Check the address for a typo, and check DNS. If this network reaches the internet through a proxy, set HTTPS_PROXY."
	case transport.KindTLS:
		return "Check the address. If the server's certificate is from a private CA, set ca_certificate in the provider block."
	case transport.KindInvalid:
		if e.Message == "" {
			return "Check the arguments."
		}
		return "Check the arguments against the message above."
	case transport.KindOutage:
		return v.Again() + " when the system is up. If it is up, check the address, the network, and the proxy."
	case transport.KindServer:
		contact := "contact the administrator or vendor support"
		if e.ID != "" {
			contact += " with the ID above"
		}
		return v.Again() + ". If the error persists, " + contact + "."
	default:
		return ""
	}
}

// raise completes a sentence with the advice to raise the timeout, if any.
func (v voice) raise(why string) string {
	if v.timeout == "" {
		return "."
	}
	return ". " + why + ", raise " + v.timeout + "."
}

// retry returns how to retry after an error with advice from the client, or "" if
// a retry cannot help.
func (v voice) retry(e *transport.Error) string {
	switch {
	case e.Kind == transport.KindLimited:
		ways := slices.Clone(e.Alternatives)
		if v.timeout != "" {
			ways = slices.Insert(ways, min(len(ways), 1), "raise "+v.timeout)
		}
		if len(e.Alternatives) == 0 {
			ways = slices.Insert(ways, 0, v.again+" later")
		}
		return capital(enumerate(ways, "or")) + "."
	case e.Retry != "":
		return v.Again() + " " + e.Retry + "."
	case e.Advice != "" && slices.Contains([]transport.Kind{transport.KindNoResponse, transport.KindServer, transport.KindTimeout, transport.KindOutage}, e.Kind):
		return v.Again() + "."
	default:
		return ""
	}
}
