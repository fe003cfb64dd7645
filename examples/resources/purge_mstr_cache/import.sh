# <project ID>/<cache type>
terraform import purge_mstr_cache.sales B7CA92F04B9FAE8D941C3E9B7E0CD754/element
