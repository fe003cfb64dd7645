import {
  to = purge_mstr_content_cache.sales
  id = "B7CA92F04B9FAE8D941C3E9B7E0CD754/content"
}
