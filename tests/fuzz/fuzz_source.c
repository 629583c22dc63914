/* fuzz/fuzz_source.c - any bytes as a Lua file for the token scan of bind/source.c: every place it
 * names lies inside the text. */
#include "moontide/base/err.h"
#include "moontide/bind/source.h"
#include "target.h"

struct extent {
    int lines, width; /* of the longest line */
};

static struct extent measure(const char *text, size_t len)
{
    struct extent e = {.lines = 1};
    int column = 0;
    for (size_t i = 0; i < len; i++) {
        column = text[i] == '\n' ? 0 : column + 1;
        e.lines += text[i] == '\n';
        if (column > e.width) e.width = column;
    }
    return e;
}

static void on_local(void *data, const char *name, int line, int column)
{
    const struct extent *e = data;
    fuzz_require(name && name[0]);
    fuzz_require(line >= 1 && line <= e->lines && column >= 1 && column <= e->width);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const functions[] = {"issue", "policy", "cloudwatch", "return", "limits"};
    char *text = fuzz_copy(bytes, len);
    struct extent e = measure(text, len);
    struct source *source = NULL;
    fuzz_require(source_new("@fuzz.lua", text, len, &source) == OK);
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        for (int line = 0; line < 4; line++) {
            int at_line = 1, at_column = 1;
            (void)source_field(source, functions[i], line, "when", &at_line, &at_column);
            fuzz_require(at_line >= 1 && at_line <= e.lines);
            fuzz_require(at_column >= 1 && at_column <= e.width + 1);
        }
    }
    source_free(source);
    int code = source_assigned_locals(text, len, on_local, &e);
    fuzz_require(code == OK || code == ERR_LIMIT);
    free(text);
    return 0;
}
