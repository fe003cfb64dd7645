// SPDX-License-Identifier: MPL-2.0

package realcache

import (
	"fmt"
	"strconv"
)

// Varnish stores one object for all values of Accept-Encoding, because it
// compresses responses itself.
func Varnish() Kind {
	return Kind{
		Name: "Varnish", PurgeMethod: "PURGE",
		needs: []string{"varnishd"}, configure: configureVarnish,
	}
}

func configureVarnish(s *setup) ([]string, error) {
	purgers := "127.0.0.1"
	if s.Deny {
		purgers = "192.0.2.1"
	}
	acl, purge := fmt.Sprintf("acl purgers { %q; }", purgers), `
  if (req.method == "PURGE") {
    if (client.ip !~ purgers) { return (synth(405, "Not allowed.")); }
    return (purge);
  }`
	if s.NoPurge {
		acl, purge = "", "" // the built-in VCL pipes unknown methods
	}
	err := s.write("default.vcl", fmt.Sprintf(`vcl 4.1;
backend default { .host = "127.0.0.1"; .port = %q; }
%s
sub vcl_recv {%s
}
sub vcl_backend_response { set beresp.ttl = 1h; }
sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; } else { set resp.http.X-Cache = "MISS"; }
}
`, portOf(s.origin), acl, purge))
	return []string{
		find("varnishd"), "-F", "-a", s.port, "-f", s.dir + "/default.vcl", "-n", s.dir + "/work",
		"-s", "malloc," + strconv.Itoa(memory) + "m", "-j", "none",
	}, err
}
