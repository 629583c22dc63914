/* bind/allow.c - finds the comments between the tokens of a file. */
#include "moontide/bind/allow.h"

#include "lexer.h"
#include "moontide/bind/diagnostic.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALLOWS_MAX = 500, ID_SIZE = 48 };

struct allow {
    int line, column;
    int code_line; /* the line it speaks of, when it stands alone; 0: its own */
    char id[ID_SIZE];
    bool used;
};

struct allows {
    struct allow items[ALLOWS_MAX];
    size_t count;
};

/* ---- reading ---- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
        at++;
    return at;
}

static const char *skip_word(const char *at, const char *word, const char *end)
{
    size_t len = strlen(word);
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

static bool is_code(const char *at, const char *end)
{
    return end - at > 2 && (at[0] == 'W' || at[0] == 'E') && at[1] == '-';
}

static const char *add(struct allows *allows, const char *at, const char *end, struct allow place,
                       const char *line_start)
{
    size_t len = 0;
    while (at + len < end && (isalnum((unsigned char)at[len]) || at[len] == '-'))
        len++;
    if (allows->count < ALLOWS_MAX) {
        struct allow *allow = &allows->items[allows->count++];
        *allow = place;
        allow->column = (int)(at - line_start) + 1;
        snprintf(allow->id, sizeof allow->id, "%.*s", (int)len, at);
    }
    return at + len;
}

/* A comment from behind its "--" to the end of its line. */
static void read_comment(struct allows *allows, const char *at, const char *end, struct allow place,
                         const char *line_start)
{
    at = skip_word(skip_blanks(at, end), "moontide:", end);
    at = at ? skip_word(skip_blanks(at, end), "allow", end) : NULL;
    if (!at) return;
    at = skip_blanks(at, end);
    while (is_code(at, end))
        at = skip_blanks(add(allows, at, end, place, line_start), end);
}

struct gap {
    const char *begin, *end; /* between two tokens */
    const char *line_start;
    int line, next_line; /* of its begin; of the token behind it */
    bool first;          /* nothing stands before it */
};

/* The end of a long comment whose "--" is at `at`; NULL: it is a short one. */
static const char *long_end(const char *at, const char *end)
{
    size_t level = 0;
    char close[20] = "]";
    at += 2;
    if (at >= end || *at++ != '[') return NULL;
    while (at < end && *at == '=' && level < sizeof close - 3) {
        close[++level] = '=';
        at++;
    }
    if (at >= end || *at != '[') return NULL;
    close[level + 1] = ']';
    const char *found = memmem(at, (size_t)(end - at), close, level + 2);
    return found ? found + level + 2 : end;
}

static void read_gap(struct allows *allows, const struct gap *gap)
{
    const char *line_start = gap->line_start, *after = NULL;
    int line = gap->line;
    bool alone = gap->first;
    for (const char *at = gap->begin; at < gap->end; at++) {
        bool comment = at >= after && gap->end - at > 1 && at[0] == '-' && at[1] == '-';
        const char *over = comment ? long_end(at, gap->end) : NULL;
        if (over) after = over;
        if (*at == '\n') {
            line++;
            line_start = at + 1;
            alone = true;
        } else if (comment && !over) {
            const char *end = memchr(at, '\n', (size_t)(gap->end - at));
            struct allow place = {.line = line, .code_line = alone ? gap->next_line : 0};
            if (!end) end = gap->end;
            read_comment(allows, at + 2, end, place, line_start);
            at = end - 1;
        }
    }
}

int allows_read(const char *text, size_t len, struct allows **out)
{
    struct allows *allows = calloc(1, sizeof *allows);
    struct lexer lexer;
    if (!allows) return ERR_NOMEM;
    *out = allows;
    if (!memmem(text, len, "moontide:", strlen("moontide:"))) return OK;
    lexer_init(&lexer, text, len);
    struct gap gap = {.begin = text, .line_start = text, .line = 1, .first = true};
    for (struct token token = lexer_next(&lexer);; token = lexer_next(&lexer)) {
        gap.end = token.kind == TOKEN_END ? text + len : token.begin;
        gap.next_line = token.line;
        read_gap(allows, &gap);
        if (token.kind == TOKEN_END) return OK;
        gap = (struct gap){.begin = lexer.at, .line_start = lexer.line_start, .line = lexer.line};
    }
}

void allows_free(struct allows *allows)
{
    free(allows);
}

/* ---- use ---- */

bool allows_take(struct allows *allows, int line, const char *id)
{
    bool taken = false;
    for (size_t i = 0; i < allows->count; i++) {
        struct allow *allow = &allows->items[i];
        int about = allow->code_line ? allow->code_line : allow->line;
        if (about != line || *id != 'W' || strcmp(allow->id, id) != 0) continue;
        allow->used = taken = true;
    }
    return taken;
}

static void report(const struct allow *allow, const char *file, const char *id, const char *hint,
                   struct faults *faults, const char *text)
{
    struct fault fault;
    fault_set(&fault, OK, "'%s' %s", allow->id, text);
    fault_at(&fault, file, allow->line, allow->column);
    fault.end_column = allow->column + (int)strlen(allow->id);
    fault_explain(&fault, id, hint);
    faults_add(faults, &fault);
}

void allows_report(const struct allows *allows, const char *file, bool unused,
                   struct faults *faults)
{
    for (size_t i = 0; i < allows->count; i++) {
        const struct allow *allow = &allows->items[i];
        const char *nearest = diagnostic_nearest(allow->id);
        char hint[FAULT_HINT_MAX] = "";
        if (nearest) snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
        if (!diagnostic_find(allow->id))
            report(allow, file, "W-unknown-allow", hint, faults, "is no code of a finding");
        else if (allow->id[0] == 'E')
            report(allow, file, "W-unknown-allow", NULL, faults,
                   "is an error: only warnings can be allowed");
        else if (unused && !allow->used)
            report(allow, file, "W-unused-allow", "take the comment out", faults,
                   "is allowed here, and there is none");
    }
}
