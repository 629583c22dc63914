set(SOURCES_io backoff.c http.c http_call.c http_head.c http_url.c loop.c process.c watch.c)
