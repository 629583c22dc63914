/* fuzz/fuzz_console.c - any bytes as a line of a console's client, and as the request that makes a
 * console: what is taken is within its bounds. */
#include "moontide/app/console_line.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct console_line line;
    struct console_hello hello;
    struct strbuf text;
    strbuf_init(&text, CONSOLE_LINE_MAX);
    if (console_line_read((const char *)bytes, len, &text, &line) == OK) {
        fuzz_require(line.ask == CONSOLE_RUN || line.ask == CONSOLE_COMPLETE ||
                     line.ask == CONSOLE_INTERRUPT);
        fuzz_require(line.len <= CONSOLE_LINE_MAX && line.cursor <= line.len);
        fuzz_require(line.text[line.len] == '\0');
    }
    if (console_hello_read((const char *)bytes, len, &hello) == OK)
        fuzz_require(hello.width >= 0 && hello.width <= CONSOLE_WIDTH_MAX &&
                     memchr(hello.by, '\0', sizeof hello.by));
    strbuf_done(&text);
    return 0;
}
