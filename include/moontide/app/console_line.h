/* app/console_line.h - what a console's client may say: one JSON object a line.
 *
 *   {"id":n,"run":"text"}   {"id":n,"complete":"line","cursor":bytes}   {"id":n,"interrupt":true}
 *
 * Members that are not known are skipped. */
#ifndef MOONTIDE_APP_CONSOLE_LINE_H
#define MOONTIDE_APP_CONSOLE_LINE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONSOLE_LINE_MAX = 256 * 1024, /* bytes of a line, from the client */
    CONSOLE_WIDTH_MAX = 1000,
    CONSOLE_BY_MAX = 64,
};

enum console_ask { CONSOLE_RUN, CONSOLE_COMPLETE, CONSOLE_INTERRUPT };

struct console_line {
    enum console_ask ask;
    int64_t id;
    const char *text; /* to run or complete; in the buffer that was given */
    size_t len;
    size_t cursor; /* at most len */
};

/* text is reset, and holds what `out` points to. ERR_PARSE: it is none of the above. */
MUST_CHECK int console_line_read(const char *line, size_t len, struct strbuf *text,
                                 struct console_line *out);

/* The request that makes a console of a connection:
 * {"command":"console","write":bool,"color":bool,"utf8":bool,"width":columns,"by":"who"}; all but
 * the first may be left out. */
struct console_hello {
    bool write, color, utf8;
    int width;               /* 0: not said */
    char by[CONSOLE_BY_MAX]; /* cut to what fits */
};
MUST_CHECK int console_hello_read(const char *line, size_t len, struct console_hello *out);

#endif
