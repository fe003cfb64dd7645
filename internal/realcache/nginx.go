// SPDX-License-Identifier: MPL-2.0

package realcache

import (
	"fmt"
	"os"
)

const purgeModule = "/usr/lib/nginx/modules/ngx_http_cache_purge_module.so"

// Nginx uses the module cache_purge and purges with GET requests for /purge/….
// It returns no Age header.
func Nginx() Kind {
	return Kind{
		Name: "nginx", NoAge: true, VariantsApart: true, PurgeMethod: "GET", PurgePrefix: "/purge",
		needs: []string{"nginx", purgeModule}, configure: configureNginx,
	}
}

func configureNginx(s *setup) ([]string, error) {
	var user, variants string
	if os.Geteuid() == 0 {
		user = "user root;" // the default user cannot access the directory
	}
	if s.OneVariant {
		variants = `proxy_set_header Accept-Encoding ""; proxy_ignore_headers Vary;`
	}
	allowed := "allow 127.0.0.1; deny all;"
	if s.Deny {
		allowed = "deny all;"
	}
	purge := "location /purge/ { " + allowed + ` proxy_cache_purge zone "$host$purge_path$is_args$args"; }`
	if s.NoPurge {
		purge = ""
	}
	err := s.write("nginx.conf", fmt.Sprintf(`load_module %s;
daemon off; pid nginx.pid; error_log stderr; worker_processes 1; %s
events { worker_connections 512; }
http {
  access_log off; gzip on; gzip_min_length 0; gzip_types *; gzip_vary on; gzip_proxied any;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_cache_path cache keys_zone=zone:8m max_size=%dm use_temp_path=off;
  # $1 of a location is decoded, so it does not match paths with escapes.
  map $request_uri $purge_path { "~^/purge(?<content>/[^?]*)" $content; }
  server {
    listen %s;
    %s
    location / {
      proxy_pass http://%s;
      proxy_http_version 1.1; proxy_set_header Connection ""; %s
      proxy_cache zone; proxy_cache_key "$host$request_uri"; proxy_cache_valid 200 1h;
      add_header X-Cache $upstream_cache_status;
    }
  }
}
`, purgeModule, user, memory, s.port, purge, s.origin, variants))
	return []string{find("nginx"), "-p", s.dir, "-c", "nginx.conf", "-e", "stderr"}, err
}
