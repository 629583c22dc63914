/* app/journal.c - `moontide journal`: the newest entries, newest last, beside a running daemon. */
#include "moontide/app/entry.h"
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/project.h"
#include "moontide/base/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000000, LINE_BYTES_MAX = 4 << 20 };

/* Rows come newest first and are shown newest last, so each is kept, as the line it becomes. */
struct lines {
    char **items;
    size_t count, cap;
    bool json, color;
    int code;
};

static bool keep(struct lines *lines, char *take_line)
{
    if (lines->count == lines->cap) {
        size_t cap = lines->cap ? lines->cap * 2 : 128;
        char **items = realloc(lines->items, cap * sizeof *items);
        if (!items) {
            free(take_line);
            return false;
        }
        lines->items = items;
        lines->cap = cap;
    }
    lines->items[lines->count++] = take_line;
    return true;
}

static bool take_row(void *data, const struct journal_row *row)
{
    struct lines *lines = data;
    struct entry entry;
    struct json_writer w;
    struct strbuf text;
    lines->code = entry_init(&entry, row);
    if (lines->code < 0) return false;
    strbuf_init(&text, LINE_BYTES_MAX);
    json_writer_init(&w, &text);
    if (lines->json)
        entry_json(&entry, &w);
    else
        entry_line(&entry, lines->color, &text);
    entry_done(&entry);
    lines->code = strbuf_status(&text);
    char *line = strbuf_take(&text, &(size_t){0});
    strbuf_done(&text);
    if (lines->code == OK && (!line || !keep(lines, line))) lines->code = ERR_NOMEM;
    return lines->code == OK;
}

static void print_lines(const struct lines *lines)
{
    for (size_t i = lines->count; i-- > 0;)
        puts(lines->items[i]);
}

static void lines_done(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i]);
    free(lines->items);
}

/* 0, or 1 after saying what is wrong with the command line. */
static int read_filter(const struct arguments *arguments, struct journal_filter *out)
{
    const char *limit = arguments_value(arguments, "limit");
    char *end = NULL;
    long count = limit ? strtol(limit, &end, 10) : LIMIT_DEFAULT;
    if (limit && (end == limit || *end || count < 1 || count > LIMIT_MAX)) {
        fprintf(stderr, "moontide journal: --limit is a number from 1 to %d, not: %s\n", LIMIT_MAX,
                limit);
        return 1;
    }
    *out = (struct journal_filter){.world = arguments_value(arguments, "world"),
                                   .policy = arguments_value(arguments, "policy"),
                                   .target = arguments_value(arguments, "target"),
                                   .resource = arguments_value(arguments, "resource"),
                                   .id = arguments_value(arguments, "id"),
                                   .what = arguments_value(arguments, "what"),
                                   .limit = (uint32_t)count};
    return project_since(arguments, NULL, &out->since_ms);
}

int command_journal(const struct arguments *arguments)
{
    struct journal_filter filter;
    struct config *config = NULL;
    struct store *store = NULL;
    struct lines lines = {.color = terminal_color(STDOUT_FILENO)};
    struct fault fault;
    if (project_format(arguments, &lines.json) || read_filter(arguments, &filter)) return 1;
    int code = project_config(arguments, &config);
    if (code == OK) code = project_store(config, &store);
    if (code == OK) {
        code = store_each_journal(store, &filter, take_row, &lines, &fault);
        if (code == OK && lines.code < 0)
            code = fault_set(&fault, lines.code, "the journal: %s", err_text(lines.code));
        if (code < 0) print_fault(&fault);
        print_lines(&lines);
        if (code == OK && lines.count == 0 && !lines.json)
            fputs("nothing in the journal matches\n", stderr);
    }
    lines_done(&lines);
    store_close(store);
    config_free(config);
    return code < 0 ? 1 : 0;
}
