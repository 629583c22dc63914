/* Prints docs/api.md, or with --check PATH tells whether that file is what would be printed. */
#include "moontide/base/fs.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/stubs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 8 << 20 };

static int check(const char *path, const struct strbuf *wanted)
{
    char *text = NULL;
    size_t len = 0;
    struct fault fault;
    if (fs_read_file(path, BYTES_MAX, &text, &len, &fault) < 0) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    bool same = len == wanted->len && memcmp(text, strbuf_cstr(wanted), len) == 0;
    free(text);
    if (same) return 0;
    fprintf(stderr, "%s is not what the bindings say: build the target api\n", path);
    return 1;
}

int main(int argc, char **argv)
{
    struct host host = {0};
    struct kinds *kinds = NULL;
    struct kind **loaded = NULL;
    struct strbuf text;
    size_t count = 0;
    if (kinds_new(&host, &kinds) < 0 || stubs_load_kinds(kinds, NULL, &loaded, &count) < 0)
        return 1;
    strbuf_init(&text, BYTES_MAX);
    stubs_markdown(&(struct stubs_options){loaded, count}, &text);
    int status = strbuf_status(&text) < 0;
    if (status == 0 && argc == 3 && strcmp(argv[1], "--check") == 0)
        status = check(argv[2], &text);
    else if (status == 0)
        fwrite(strbuf_cstr(&text), 1, text.len, stdout);
    strbuf_done(&text);
    stubs_free_kinds(loaded, count);
    kinds_free(kinds);
    return status;
}
