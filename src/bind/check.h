/* bind/check.h - what the Lua modules share: arguments that mean a time, and faults as Lua errors.
 */
#ifndef MOONTIDE_SRC_BIND_CHECK_H
#define MOONTIDE_SRC_BIND_CHECK_H

#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/host.h"

#include <stdint.h>

struct binding *binding_of(lua_State *L);

/* Now, as this state sees it: the tick's time in a policy, else that of the world's clock. */
int64_t binding_now_ms(const struct binding *binding);

/* A point in time at idx: seconds since the epoch, ISO 8601 text, or a duration, which means that
 * long ago. Throws an error that names `what`. */
int64_t check_time_ms(lua_State *L, int idx, const char *what);

/* A string without NUL at idx of the type check's kind; throws and names `what`. */
const char *check_text(lua_State *L, int idx, const char *what);

/* Pushes a userdata that owns an empty buffer, so that an error in between does not leak it. */
struct strbuf *push_buffer(lua_State *L, size_t max_bytes);

/* Pushes the code of an error object: "Timeout" for ERR_TIMEOUT. */
void push_error_code(lua_State *L, int code);
/* Throws fault as an error object with code ("Timeout", "Connect"), message and retryable. */
int raise_fault(lua_State *L, const char *function_name, const struct fault *fault);

#endif
