/* bench/bench_calls.h - the ways by which bench_calls.c has its calls made. */
#ifndef MOONTIDE_BENCH_CALLS_H
#define MOONTIDE_BENCH_CALLS_H

#include <stddef.h>

struct http;
struct loop;

/* What is asked, and where: a POST of a small body to `url`, `at_once` of them under way. */
struct calls {
    const char *url, *ca_file, *body;
    size_t body_len;
    int at_once;
};

void calls_die(const char *what);

/* ---- bench_calls_curl.c: libcurl alone, unsigned, headers as curl makes them ---- */
struct curl_calls;
/* by_uv: its sockets are watched by libuv, as ours are; else by curl_multi_poll(). */
struct curl_calls *curl_calls_new(const struct calls *calls, int by_uv);
void curl_calls_run(struct curl_calls *c, int count);
void curl_calls_free(struct curl_calls *c);

/* ---- bench_calls_lua.c: client:describe_services() in a script state ---- */
struct lua_calls;
struct lua_calls *lua_calls_new(const struct calls *calls, struct loop *loop, struct http *http);
void lua_calls_run(struct lua_calls *c, int count);
void lua_calls_free(struct lua_calls *c);

#endif
