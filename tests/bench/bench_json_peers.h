/* bench/bench_json_peers.h - other readers of JSON that make Lua tables of it, in the same state.
 */
#ifndef MOONTIDE_BENCH_JSON_PEERS_H
#define MOONTIDE_BENCH_JSON_PEERS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Pushes the tables of a text. */
void peer_cjson(lua_State *L, const char *text, size_t len);
/* false: the benchmark was built without it (pkg-config yyjson). */
bool peer_has_yyjson(void);
void peer_yyjson(lua_State *L, const char *text, size_t len);
/* Pushes the function `decode` of the Lua module cjson; false: it is not installed. */
bool peer_push_lua_cjson(lua_State *L);

#endif
