/* bind/script_chunks.c - the texts that were entered. */
#include "script_chunks.h"

#include "lexer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void chunks_add(struct chunks *chunks, const char *text, size_t len)
{
    char *copy = len <= CHUNK_BYTES_MAX ? strndup(text, len) : NULL;
    if (!copy) return;
    char **slot = &chunks->texts[chunks->next++ % CHUNKS_MAX];
    free(*slot);
    *slot = copy;
}

void chunks_done(struct chunks *chunks)
{
    for (size_t i = 0; i < CHUNKS_MAX; i++)
        free(chunks->texts[i]);
}

/* Whether a `function` begins in line `first`, and an `end` stands in line `last`. */
static bool has_function(const char *text, int first, int last)
{
    struct lexer lexer;
    bool begins = first == 0, ends = first == 0;
    lexer_init(&lexer, text, strlen(text));
    for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END; t = lexer_next(&lexer)) {
        if (t.line == first && token_is(&t, "function")) begins = true;
        if (t.line == last && token_is(&t, "end")) ends = true;
    }
    return begins && ends;
}

static const char *line_of(const char *text, int line)
{
    for (int i = 1; i < line && text; i++) {
        text = strchr(text, '\n');
        if (text) text++;
    }
    return text;
}

const char *chunks_line(const struct chunks *chunks, int first, int last, int line, size_t *len)
{
    size_t count = chunks->next < CHUNKS_MAX ? chunks->next : CHUNKS_MAX;
    for (size_t i = 1; i <= count; i++) {
        const char *text = chunks->texts[(chunks->next - i) % CHUNKS_MAX];
        const char *at = has_function(text, first, last) ? line_of(text, line) : NULL;
        if (!at) continue;
        *len = strcspn(at, "\n");
        return at;
    }
    return NULL;
}
