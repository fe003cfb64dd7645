// SPDX-License-Identifier: MPL-2.0

package realcache

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// Squid is configured as an accelerator for one site.
func Squid() Kind {
	return Kind{
		Name: "Squid", VariantsApart: true, PurgeMethod: "PURGE",
		needs: []string{"squid"}, configure: configureSquid,
	}
}

func configureSquid(s *setup) ([]string, error) {
	owner := ""
	if os.Geteuid() == 0 { // Squid does not run as root
		owner = "cache_effective_user nobody"
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return nil, err
		}
		uid, err := strconv.Atoi(nobody.Uid)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(s.dir, uid, -1); err != nil {
			return nil, err
		}
	}
	purge := "acl purge method PURGE\nhttp_access allow purge localhost\nhttp_access deny purge"
	if s.Deny {
		purge = "acl purge method PURGE\nhttp_access deny purge"
	}
	if s.NoPurge {
		purge = ""
	}
	err := s.write("squid.conf", fmt.Sprintf(`http_port %s accel defaultsite=127.0.0.1 no-vhost
cache_peer 127.0.0.1 parent %s 0 no-query originserver name=origin
%s
http_access allow localhost
http_access deny all
cache_peer_access origin allow all
never_direct allow all
refresh_pattern . 60 100%% 60
cache_mem %d MB
maximum_object_size_in_memory 8 MB
memory_cache_shared off
visible_hostname squid
pinger_enable off
netdb_filename none
pid_filename none
access_log none
cache_log stdio:%s/cache.log
cache_store_log none
coredump_dir none
shutdown_lifetime 1 seconds
%s
`, s.port, portOf(s.origin), purge, memory, s.dir, owner))
	return []string{find("squid"), "-N", "-f", s.dir + "/squid.conf"}, err
}
