// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// withConnection adds the arguments that a gateway in front of a system can require:
// a client certificate and headers.
func withConnection(service string, attributes map[string]schema.Attribute) map[string]schema.Attribute {
	env := func(name string) string { return environment[service+"."+name] }
	maps.Copy(attributes, map[string]schema.Attribute{
		"client_certificate": secret("Client certificate, in PEM format, for a server or gateway that requires one (mutual TLS). "+
			"Intermediate certificates can follow it. Requires `client_key`.", env("client_certificate")),
		"client_key": secret("Private key of `client_certificate`, in PEM format, without a passphrase.", env("client_key")),
		"headers": schema.MapAttribute{
			ElementType: types.StringType, Optional: true, Sensitive: true,
			MarkdownDescription: "Headers to send with each request, including logins, such as the key of a gateway. " +
				"The provider rejects headers that contain the credentials of this system and headers that HTTP itself requires. " +
				"The environment variable contains a JSON object of strings. Environment variable: `" + env("headers") + "`.",
		},
	})
	return attributes
}

// connection reads the arguments of withConnection. own contains the headers that
// carry the credentials of the service.
func (s *settings) connection(m connectionModel, own []string) {
	s.certificate(m.ClientCertificate, m.ClientKey)
	var err error
	if s.transport.Header, err = transport.Headers(s.headers(m.Headers), own); err != nil {
		s.invalid("headers", err.Error()+".")
	}
}

func (s *settings) certificate(certificate, key types.String) {
	public, private := s.raw("client_certificate", certificate), s.raw("client_key", key)
	s.transport.Secrets = secretsOfKey(private)
	switch {
	case certificate.IsUnknown() || key.IsUnknown() || public+private == "":
		return
	case public == "":
		s.invalid("client_key", "requires "+s.service+".client_certificate, which is not set.")
		return
	case private == "":
		s.invalid("client_certificate", "requires "+s.service+".client_key, which is not set.")
		return
	}
	pair, ofKey, err := transport.ClientCertificate(public, private)
	switch {
	case err != nil && ofKey:
		s.invalid("client_key", err.Error()+".")
	case err != nil:
		s.invalid("client_certificate", err.Error()+".")
	}
	s.transport.Certificate = pair
}

// secretsOfKey returns a key in PEM format and each of its lines, because messages
// contain single lines. The last line can be too short to be a secret.
func secretsOfKey(key string) []string {
	secrets := []string{key}
	for _, line := range strings.Split(key, "\n") {
		if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			secrets = append(secrets, line)
		}
	}
	return secrets
}

func (s *settings) headers(value types.Map) map[string]string {
	headers := make(map[string]string)
	for name, element := range value.Elements() {
		text, ok := element.(types.String)
		if !ok || element.IsUnknown() {
			s.unknown = true
			return nil
		}
		headers[name] = text.ValueString()
	}
	if value.IsUnknown() {
		s.unknown = true
		return nil
	}
	text := s.orEnvironment("headers", "", len(headers) > 0)
	if text != "" && json.Unmarshal([]byte(text), &headers) != nil {
		s.invalid("headers", `must be a JSON object of strings, such as {"X-Gateway-Key": "…"}.`)
		return nil
	}
	return headers
}
