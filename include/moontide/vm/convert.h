/* vm/convert.h - between Lua values, JSON text and C.
 *
 * Tables with keys 1..n are arrays, other string-keyed ones objects (sorted by key when written, so
 * that equal tables give equal text); an empty table is an object unless marked by json.array. null
 * is json.null, a light userdata. Integers stay integers, and floats floats ("3.0"); NaN and
 * infinities are refused. */
#ifndef MOONTIDE_VM_CONVERT_H
#define MOONTIDE_VM_CONVERT_H

#include "moontide/base/strbuf.h"
#include "moontide/vm/vm.h"

enum { CONVERT_DEPTH_MAX = 128 };

/* Appends the JSON of the value at idx. ERR_INVALID (a function, a cycle, a mixed table, NaN:
 * fault->text names the path, e.g. "memo.seen[3]: functions cannot be stored"), ERR_LIMIT (depth,
 * or the buffer). `what` begins the path. Never throws; raw access only. */
MUST_CHECK int convert_to_json(lua_State *L, int idx, const char *what, struct strbuf *out,
                               struct fault *fault);
/* Pushes the value of a JSON text. ERR_PARSE, ERR_LIMIT, ERR_NOMEM, ERR_MEMORY_CAP: pushes nothing.
 * Never throws. */
MUST_CHECK int convert_from_json(lua_State *L, const char *json, size_t len, struct fault *fault);
/* json.null */
void convert_push_null(lua_State *L);
bool convert_is_null(lua_State *L, int idx);
/* What json.array does: an empty table at idx will be written as []. Throws on memory. */
void convert_mark_array(lua_State *L, int idx);
/* Pushes the metatable that marks one. */
void convert_push_array_type(lua_State *L);

/* A seconds value from a number or a duration text ("5m") at idx, in ms. Throws an argument error
 * that names `what`. */
int64_t convert_duration_ms(lua_State *L, int idx, const char *what);

/* Throws when the table at idx has a string key that is not in `known` (NULL-terminated):
 * "issue: unknown field 'serverity' (did you mean 'severity'?)". */
void convert_check_fields(lua_State *L, int idx, const char *what, const char *const *known);

/* Opens `json`: encode, decode, null, array. */
int open_json(lua_State *L);

#endif
