# One object: <host><path>
terraform import purge_http_cache.home www.example.com/index.html

# Many assets: <host>
terraform import purge_http_cache.site www.example.com
