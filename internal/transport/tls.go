// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
)

// Authorities returns the system's certificate authorities together with those
// of a PEM bundle. An error says which block of the bundle is at fault, in
// words that follow the name of a setting, and quotes nothing of it.
func Authorities(bundle string) (*x509.CertPool, error) {
	blocks, err := pemBlocks(bundle)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without authorities
	}
	for i, block := range blocks {
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, fmt.Errorf("contains something other than a certificate in block %d of %d", i+1, len(blocks))
		}
		pool.AddCert(cert)
	}
	return pool, nil
}

// ClientCertificate returns the certificate that a client presents, with the
// certificates that lead to its authority, if the PEM text has any. An error is
// about the key if ofKey is true, and is in words that follow the name of the
// setting; it quotes nothing of either.
func ClientCertificate(certificate, key string) (c *tls.Certificate, ofKey bool, err error) {
	chain, err := pemBlocks(certificate)
	if err != nil {
		return nil, false, err
	}
	for i, block := range chain {
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return nil, false, fmt.Errorf("contains something other than a certificate in block %d of %d", i+1, len(chain))
		}
	}
	private, err := privateKey(key)
	if err != nil {
		return nil, true, err
	}
	pair, err := tls.X509KeyPair(encode(chain...), encode(private))
	if err != nil {
		return nil, true, errors.New("does not belong to the certificate, or is not a private key that TLS supports")
	}
	return &pair, false, nil
}

// privateKey returns the only private key of a PEM text. Tools put the
// parameters of an elliptic curve before it.
func privateKey(text string) (*pem.Block, error) {
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return nil, errors.New("is encrypted with a passphrase. Use the decrypted key")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return block, nil
		}
	}
	return nil, errors.New("contains no private key")
}

func encode(blocks ...*pem.Block) []byte {
	var text []byte
	for _, block := range blocks {
		text = append(text, pem.EncodeToMemory(block)...)
	}
	return text
}

const pemBegin = "-----BEGIN "

// pemBlocks decodes all blocks of a PEM text. Package pem skips those that it
// cannot decode, and an authority would be missing without a word. Byte order
// marks, which are before each part of a bundle of files from Windows, a line
// break that is missing between two parts, and the indentation of a heredoc do
// not matter.
func pemBlocks(text string) ([]*pem.Block, error) {
	lines := strings.Split(strings.ReplaceAll(text, "\uFEFF", ""), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	parts := strings.Split(strings.Join(lines, "\n"), pemBegin)[1:]
	if len(parts) == 0 {
		return nil, errors.New("is not PEM (-----BEGIN …). Set the content of the file, not its path, for example with file(\"name.pem\")")
	}
	blocks := make([]*pem.Block, len(parts))
	for i, part := range parts {
		if blocks[i], _ = pem.Decode([]byte(pemBegin + part)); blocks[i] == nil {
			return nil, fmt.Errorf("cannot be decoded in block %d of %d: the block is damaged or cut off", i+1, len(parts))
		}
	}
	return blocks, nil
}

// tlsConfig presents the client's certificate whatever authorities a server
// says it accepts. Package tls would otherwise present none without a word if
// the issuer is not among them, and the server would not say what is wrong.
func tlsConfig(o Options) *tls.Config {
	config := &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	if o.Certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.Certificate, nil }
	}
	return config
}

// speaksPlainHTTP reports whether a TLS handshake was answered in plain HTTP.
func speaksPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/"
}

// handshakeFailure is the number of the alert that says nothing else.
const handshakeFailure = 40

// certificateAlerts are the numbers by which a server rejects the certificate
// of a client, or complains that it got none (RFC 8446, section 6).
var certificateAlerts = map[uint64]bool{42: true, 43: true, 44: true, 45: true, 46: true, 48: true, 49: true, 116: true}

// certificateRefused reports whether the server rejected the client for its
// certificate. With TLS 1.3 that comes after the handshake, as the answer to
// the first request.
func certificateRefused(err error) bool { return certificateAlerts[alert(err)] }

// alert returns the number of the alert with which the server ended a
// connection, 0 if there was none that matters. Package tls does not export
// the type of it.
func alert(err error) uint64 {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0
	}
	if number := reflect.ValueOf(op.Err); number.Kind() == reflect.Uint8 {
		return number.Uint()
	}
	return 0
}
