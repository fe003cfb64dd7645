# <install ID>/<cache type>
terraform import purge_wpengine_cache.blog a5b768f4-c7c4-46bd-88e6-157fd3d77e58/page
