# <install id>/<cache type>
terraform import purge_wpengine_cache.blog 294deacc-d8b8-4005-82c4-0727ba8ddde0/page
