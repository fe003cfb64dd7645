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

// Authorities returns the certificate authorities of the operating system and
// those in a PEM bundle. The error completes a sentence that begins with the
// name of a setting. It names the invalid block and contains nothing from the
// bundle.
func Authorities(bundle string) (*x509.CertPool, error) {
	blocks, err := pemBlocks(bundle)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // this system has no authorities
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

// ClientCertificate returns a client certificate, with the chain to its
// authority if certificate contains it. Both arguments are PEM. If ofKey is
// true, the error is about the key. The error completes a sentence that begins
// with the name of a setting. It contains nothing from the arguments.
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

// privateKey returns the first private key of a PEM text. Some tools write the
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

// pemBlocks decodes all blocks of a PEM text. Package pem skips blocks that it
// cannot decode, so an authority would be missing without an error. pemBlocks
// accepts byte order marks, which bundles from Windows have before each part, a
// missing line break between two parts, and the indentation of a heredoc.
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

// tlsConfig returns a configuration that presents the client's certificate even
// if the server does not list its authority. Package tls would present no
// certificate, and the server would not report the reason.
func tlsConfig(o Options) *tls.Config {
	config := &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	if o.Certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return o.Certificate, nil }
	}
	return config
}

// speaksPlainHTTP reports whether the server responded to a TLS handshake in
// plain HTTP.
func speaksPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/"
}

// handshakeFailure is the number of the unspecific TLS alert.
const handshakeFailure = 40

// certificateAlerts are the TLS alerts for a client certificate that is
// rejected or missing (RFC 8446, section 6).
var certificateAlerts = map[uint64]bool{42: true, 43: true, 44: true, 45: true, 46: true, 48: true, 49: true, 116: true}

// certificateRejected reports whether the server rejected the client
// certificate or requires one. With TLS 1.3, the alert arrives after the
// handshake, instead of the first response.
func certificateRejected(err error) bool { return certificateAlerts[alert(err)] }

// alert returns the number of the TLS alert with which the server closed the
// connection, or 0. Package tls does not export the type of the alert.
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
