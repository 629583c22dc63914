/* base/strbuf.h - a growing byte buffer with a maximum.
 *
 * Rule 1: every buffer is created with its maximum; growing past it fails with ERR_LIMIT.
 * Rule 2: a failure sticks: later appends do nothing and strbuf_status() tells the first code, so a
 *         writer may append a hundred times and check once.
 * Rule 3: the bytes are always followed by a NUL that is not counted. */
#ifndef MOONTIDE_BASE_STRBUF_H
#define MOONTIDE_BASE_STRBUF_H

#include "moontide/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *data; /* NULL until the first append; read through strbuf_cstr() */
    size_t len;
    size_t cap;
    size_t max_bytes;
    int status;
};

/* Cannot fail: allocates nothing. */
void strbuf_init(struct strbuf *buf, size_t max_bytes);
void strbuf_done(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* keeps the memory, forgets bytes and status */

/* Room for n more bytes at data + len; the caller writes them and adds to len (who writes fewer
 * puts the NUL of rule 3 behind them). NULL on failure. */
char *strbuf_reserve(struct strbuf *buf, size_t n);
void strbuf_add(struct strbuf *buf, const void *bytes, size_t n);
void strbuf_adds(struct strbuf *buf, const char *text);
void strbuf_addc(struct strbuf *buf, char c);
void strbuf_addf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void strbuf_add_int(struct strbuf *buf, int64_t value);
/* The shortest of %.15g, %.16g, %.17g that reads back as the same double. */
void strbuf_add_double(struct strbuf *buf, double value);

const char *strbuf_cstr(const struct strbuf *buf); /* "" when empty */
MUST_CHECK int strbuf_status(const struct strbuf *buf);

/* Hands the bytes over (free() them) and leaves the buffer empty. NULL if nothing or failed. */
char *strbuf_take(struct strbuf *buf, size_t *len);

#endif
