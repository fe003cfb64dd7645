// SPDX-License-Identifier: MPL-2.0

package realcache

import (
	"fmt"
	"path/filepath"
)

// TrafficServer is configured to store only responses with an explicit
// lifetime.
func TrafficServer() Kind {
	return Kind{
		Name: "Apache Traffic Server", PurgeMethod: "PURGE",
		needs: []string{"traffic_server"}, configure: configureTrafficServer,
	}
}

func configureTrafficServer(s *setup) ([]string, error) {
	program := find("traffic_server")
	methods := "ALL"
	if s.Deny || s.NoPurge { // ip_allow.yaml configures purges
		methods = "[GET, HEAD]"
	}
	for name, content := range map[string]string{
		"runroot.yaml": fmt.Sprintf(`prefix: %[1]s
exec_prefix: %[1]s
bindir: %[2]s
sbindir: %[2]s
sysconfdir: %[1]s/etc
datadir: %[1]s/cache
includedir: %[1]s/include
libdir: %[1]s/lib
libexecdir: %[1]s/modules
localstatedir: %[1]s/run
runtimedir: %[1]s/run
logdir: %[1]s/log
mandir: %[1]s/man
infodir: %[1]s/info
cachedir: %[1]s/cache
`, s.dir, filepath.Dir(program)),
		"etc/records.config": fmt.Sprintf(`CONFIG proxy.config.http.server_ports STRING %s:ip-in=127.0.0.1
CONFIG proxy.config.http.cache.required_headers INT 2
CONFIG proxy.config.http.insert_age_in_response INT 1
CONFIG proxy.config.http.wait_for_cache INT 1
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig.enabled INT 0
CONFIG proxy.config.exec_thread.limit INT 2
`, portOf(s.port)),
		"etc/remap.config":   "map / http://" + s.origin + "/\n",
		"etc/storage.config": fmt.Sprintf("%s/cache %dM\n", s.dir, memory),
		"etc/ip_allow.yaml":  "ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: " + methods + "\n",
		"etc/plugin.config":  "",
		"cache/empty":        "",
		"log/empty":          "",
		"run/empty":          "",
	} {
		if err := s.write(name, content); err != nil {
			return nil, err
		}
	}
	return []string{program, "--run-root=" + s.dir + "/runroot.yaml"}, nil
}
