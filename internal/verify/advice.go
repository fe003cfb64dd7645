// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"context"
	"errors"
	"net/http"
)

// purgeAgain follows a condition for another purge. A new apply does not purge,
// because the last purge was accepted.
const purgeAgain = "purge again, because the next apply only verifies: change a trigger of the resource that purges, " +
	"or run terraform apply -replace=<its address>."

// Advice returns advice for the user, in full sentences. The argument is the
// name of the timeout that bounds Verify, such as timeouts.create.
func (e *Error) Advice(timeout string) string {
	seen := e.Seen
	switch {
	case e.Verdict == OriginOld:
		return "The edge fetched this response from the origin after the purge: the purge worked, but the origin was out of date. " +
			e.item.updateOrigin() + ", and then " + purgeAgain +
			" To make later purges wait for the origin, let that resource depend on a verification of the origin."
	case errors.Is(e.Err, context.Canceled):
		return "Apply again."
	case e.Wait > 0:
		return "Apply again after the wait. If a firewall or bot protection limits the provider, allow its requests."
	case seen == nil:
		return "Apply again, or raise " + timeout + "."
	case seen.Err != nil:
		return "Check base_url, the network, DNS, and the proxy. If the certificate is from a private CA, set ca_certificate in the provider block. Then apply again."
	case seen.Status == http.StatusTooManyRequests, seen.Status == http.StatusForbidden:
		return "Check whether a firewall or bot protection blocks the provider, and whether the file is public. Then apply again."
	case seen.Status >= http.StatusInternalServerError:
		return "Check the site, and then apply again."
	case seen.Encoding != "":
		return "The request does not accept this Content-Encoding, so the provider cannot compare the content. " +
			"Let the site encode content only for requests that accept the encoding, and then apply again."
	case e.item.PurgedAt.IsZero():
		return e.unpurgedAdvice(timeout)
	case seen.AcceptEncoding != "":
		return "The cache keeps another variant for visitors who accept gzip, and the purge did not reach it. " +
			"Clear Accept-Encoding in the requests of the cache to the origin, and then " + purgeAgain
	default:
		return e.purgedAdvice(timeout)
	}
}

// unpurgedAdvice is for a site of which no purge is known.
func (e *Error) unpurgedAdvice(timeout string) string {
	advice := e.item.updateOrigin() + ", or check base_url and " + e.item.argument() + ". Then apply again. If the origin needs more time, raise " + timeout + "."
	if e.Seen.Age > 0 {
		advice += " If the origin is up to date, purge the cache that sent this response."
	}
	return advice
}

// purgedAdvice is for a site that a purge may not have reached.
func (e *Error) purgedAdvice(timeout string) string {
	advice := "If the purge needs more time, raise " + timeout + " and apply again. If the purge failed, " + purgeAgain +
		" A hard purge of Rackspace CDN can fail after it was accepted: the data source purge_cdn_service returns the error."
	if e.item.Want != "" {
		advice += " If the edge changes the content (minification, image conversion), compare an ETag, or a text with urls and contains."
	}
	return advice
}

// updateOrigin tells the user to bring the origin into the expected state.
func (i Item) updateOrigin() string {
	if i.Gone != "" {
		return "Remove the file from the origin"
	}
	return "Upload the content to the origin"
}

// argument is the argument that contains the expected content.
func (i Item) argument() string {
	if i.Contains != "" {
		return "contains"
	}
	return "the fingerprint"
}
