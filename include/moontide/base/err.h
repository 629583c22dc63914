/* base/err.h - one table of error codes, and the fault that carries a code with its context.
 *
 * Rule 1: functions that can fail return an int: zero or more is success, negative is one of
 *         these codes.
 * Rule 2: context (which file, which host, which field) is written once, by the function that
 *         knows it, into the caller's struct fault; callers above pass it on unchanged.
 * Rule 3: no secret is ever written into a fault. */
#ifndef MOONTIDE_BASE_ERR_H
#define MOONTIDE_BASE_ERR_H

#include "moontide/base/compiler.h"

#include <stdarg.h>
#include <stdbool.h>

/* X(name, number, text, retryable) */
#define ERR_TABLE(X)                                                                               \
    X(ERR_NOMEM, -1, "out of memory", false)                                                       \
    X(ERR_INVALID, -2, "invalid value", false)                                                     \
    X(ERR_LIMIT, -3, "a limit was reached", false)                                                 \
    X(ERR_NOT_FOUND, -4, "not found", false)                                                       \
    X(ERR_IO, -5, "input/output error", false)                                                     \
    X(ERR_PARSE, -6, "malformed input", false)                                                     \
    X(ERR_TIMEOUT, -7, "timed out", true)                                                          \
    X(ERR_CONNECT, -8, "could not connect", true)                                                  \
    X(ERR_TLS, -9, "TLS failure", false)                                                           \
    X(ERR_HTTP, -10, "unexpected HTTP answer", false)                                              \
    X(ERR_CANCELED, -11, "canceled", false)                                                        \
    X(ERR_LOCKED, -12, "locked by another process", false)                                         \
    X(ERR_CORRUPT, -13, "corrupt", false)                                                          \
    X(ERR_FULL, -14, "no space left", false)                                                       \
    X(ERR_CREDENTIALS, -15, "no credentials", false)                                               \
    X(ERR_DENIED, -16, "access denied", false)                                                     \
    X(ERR_THROTTLED, -17, "throttled", true)                                                       \
    X(ERR_SERVER, -18, "server error", true)                                                       \
    X(ERR_LUA, -19, "Lua error", false)                                                            \
    X(ERR_BUDGET, -20, "budget exceeded", false)                                                   \
    X(ERR_MEMORY_CAP, -21, "memory limit exceeded", false)                                         \
    X(ERR_VERSION, -22, "unsupported version", false)                                              \
    X(ERR_BUSY, -23, "busy", true)                                                                 \
    X(ERR_SKEW, -24, "clock skew", true)                                                           \
    X(ERR_EXPIRED, -25, "expired", true)                                                           \
    X(ERR_UNSUPPORTED, -26, "not supported", false)                                                \
    X(ERR_EXISTS, -27, "already exists", false)                                                    \
    X(ERR_CLOSED, -28, "closed", false)

enum err {
    OK = 0,
#define X(name, number, text, retryable) name = number,
    ERR_TABLE(X)
#undef X
};

/* The fixed text, the symbolic name, and whether asking again may help. Unknown codes answer
 * "unknown error", "ERR_UNKNOWN" and false. The strings live for ever. */
const char *err_text(int code);
const char *err_name(int code);
bool err_retryable(int code);

/* The code that fits an errno, and one that fits a (negative) libuv status. */
int err_from_errno(int errnum);
int err_from_uv(int status);

enum { FAULT_TEXT_MAX = 1024, FAULT_FILE_MAX = 256, FAULT_HINT_MAX = 256 };

/* A failure with its context: plain data, copied by value. `file` is empty when no source file is
 * concerned; `line` and `column` are 0 when not known. */
struct fault {
    int code;
    int line;
    int column;
    int end_column; /* behind its last byte, on the same line; 0: not known */
    const char *id; /* its kind among the findings of `check` ("E-stat"); lives for ever; or NULL */
    char file[FAULT_FILE_MAX];
    char text[FAULT_TEXT_MAX];
    char hint[FAULT_HINT_MAX]; /* what to do about it, for people; or "" */
};

/* Fills *fault (which may be NULL) and returns code, so that `return fault_set(...)` reads well.
 * Text that is too long is cut at a character boundary and ends in "...". Clears the location,
 * id and hint. The arguments may be taken from *fault. */
int fault_set(struct fault *fault, int code, const char *format, ...) PRINTF_LIKE(3, 4);
int fault_vset(struct fault *fault, int code, const char *format, va_list args) PRINTF_LIKE(3, 0);

/* Adds where it happened. fault may be NULL. */
void fault_at(struct fault *fault, const char *file, int line, int column);

/* Adds what kind of finding it is, and what to do about it (NULL: nothing). */
void fault_explain(struct fault *fault, const char *id, const char *hint);

/* Writes "file:line:column: text" (as much of it as is known) into out, always terminated. */
void fault_print(const struct fault *fault, char *out, unsigned long size);

#endif
