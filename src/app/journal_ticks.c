/* app/journal_ticks.c - `moontide journal ticks`: what is recorded, newest last. */
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/project.h"
#include "moontide/app/recorded.h"
#include "moontide/app/sheet.h"
#include "moontide/base/json.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000000, LINE_BYTES_MAX = 1 << 20 };

struct tick_line {
    uint64_t tick;
    int64_t at_ms;
    char *world, *policy;
    char sha256[SHA256_HEX_MAX];
    uint32_t targets;
    size_t bytes;
    bool whole;
};
struct tick_lines {
    struct tick_line *items;
    size_t count, cap;
    int code;
};

/* Rows come newest first and are shown newest last. */
static bool take_row(void *data, const struct recorded *row)
{
    struct tick_lines *lines = data;
    if (lines->count == lines->cap) {
        size_t cap = lines->cap ? lines->cap * 2 : 128;
        struct tick_line *items = realloc(lines->items, cap * sizeof *items);
        lines->code = items ? OK : ERR_NOMEM;
        if (!items) return false;
        lines->items = items;
        lines->cap = cap;
    }
    struct tick_line *line = &lines->items[lines->count++];
    *line = (struct tick_line){.tick = row->tick,
                               .at_ms = row->at_ms,
                               .world = strdup(row->world),
                               .policy = strdup(row->policy),
                               .targets = row->targets,
                               .bytes = row->stored_bytes,
                               .whole = row->whole};
    memcpy(line->sha256, row->sha256, sizeof line->sha256);
    if (!line->world || !line->policy) lines->code = ERR_NOMEM;
    return lines->code == OK;
}

static void lines_done(struct tick_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i].world);
        free(lines->items[i].policy);
    }
    free(lines->items);
}

static void print_json(const struct tick_line *line)
{
    char at[TIME_TEXT_MAX];
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, LINE_BYTES_MAX);
    json_writer_init(&w, &out);
    time_format(line->at_ms, at);
    json_object(&w);
    json_key(&w, "tick");
    json_int(&w, (int64_t)line->tick);
    json_key(&w, "at");
    json_string(&w, at);
    json_key(&w, "world");
    json_string(&w, line->world);
    json_key(&w, "policy");
    json_string(&w, line->policy);
    json_key(&w, "sha256");
    json_string(&w, line->sha256);
    json_key(&w, "targets");
    json_int(&w, line->targets);
    json_key(&w, "bytes");
    json_int(&w, (int64_t)line->bytes);
    json_key(&w, "whole");
    json_bool(&w, line->whole);
    json_object_end(&w);
    puts(strbuf_cstr(&out));
    strbuf_done(&out);
}

static void print_sheet(const struct tick_lines *lines)
{
    static const char *const heads[] = {"TICK",    "TIME",    "WORLD", "POLICY",
                                        "TARGETS", "VERSION", "BYTES", NULL};
    struct sheet sheet;
    sheet_init(&sheet, heads);
    for (size_t i = lines->count; i-- > 0;) {
        const struct tick_line *line = &lines->items[i];
        sheet_addf(&sheet, NULL, "%llu", (unsigned long long)line->tick);
        sheet_add_time(&sheet, line->at_ms);
        sheet_add(&sheet, NULL, line->world);
        sheet_add(&sheet, NULL, line->policy);
        sheet_addf(&sheet, NULL, "%u", line->targets);
        sheet_addf(&sheet, NULL, "%.8s", line->sha256);
        sheet_addf(&sheet, NULL, "%zu%s", line->bytes, line->whole ? " whole" : "");
    }
    sheet_print(&sheet, stdout, terminal_color(STDOUT_FILENO));
    sheet_done(&sheet);
}

static int read_filter(const struct arguments *arguments, struct recording_filter *out)
{
    const char *limit = arguments_value(arguments, "limit");
    char *end = NULL;
    long count = limit ? strtol(limit, &end, 10) : LIMIT_DEFAULT;
    if (limit && (end == limit || *end || count < 1 || count > LIMIT_MAX)) {
        fprintf(stderr, "moontide journal ticks: --limit is a number from 1 to %d, not: %s\n",
                LIMIT_MAX, limit);
        return 1;
    }
    *out = (struct recording_filter){.world = arguments_value(arguments, "world"),
                                     .policy = arguments_value(arguments, "policy"),
                                     .newest = true,
                                     .limit = (uint32_t)count};
    return project_since(arguments, NULL, &out->from_ms);
}

int command_journal_ticks(const struct arguments *arguments)
{
    struct recording_filter filter;
    struct config *config = NULL;
    struct recording_reader *reader = NULL;
    struct tick_lines lines = {.items = NULL};
    struct fault fault;
    bool json;
    if (project_format(arguments, &json) || read_filter(arguments, &filter)) return 1;
    int code = project_config(arguments, &config);
    if (code == OK) code = project_recording(config, &reader);
    if (code == OK) {
        code = recording_each(reader, &filter, take_row, &lines, &fault);
        if (code == OK && lines.code < 0)
            code = fault_set(&fault, lines.code, "the recording: %s", err_text(lines.code));
        if (code < 0) print_fault(&fault);
        for (size_t i = lines.count; code == OK && json && i-- > 0;)
            print_json(&lines.items[i]);
        if (code == OK && !json && lines.count > 0) print_sheet(&lines);
        if (code == OK && lines.count == 0 && !json) fputs("no recorded tick matches\n", stderr);
    }
    lines_done(&lines);
    recording_reader_close(reader);
    config_free(config);
    return code < 0 ? 1 : 0;
}
