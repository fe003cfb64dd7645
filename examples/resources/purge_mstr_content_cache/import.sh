# <project ID>/content
terraform import purge_mstr_content_cache.sales B7CA92F04B9FAE8D941C3E9B7E0CD754/content
