/* support/actor_tool.c - drives the decision kinds as a tick does, for tests in other languages.
 *
 *   actor_tool DIR [--trace]     DIR: the project directory (moontide.lua, policies/lib)
 *
 * A line of standard input:   { "do": "read" | "check" | "apply", "subjects": [ { "kind",
 *                               "resource", "region", "account", "wanted": {...} }, ... ] }
 * A line of standard output:  a list, for each subject { "code", "current", "problem", "changes",
 *                               "direction", "infeasible", "busy", "notes", "applied": { "code",
 *                               "unsent", "text", "calls" } }, as far as it went; or { "error" }
 *
 * `check` reads, compares, and checks what differs; `apply` also makes the changes of what is
 * neither infeasible nor busy. */
#include "moontide/base/clock.h"
#include "moontide/base/json.h"
#include "moontide/bind/config.h"
#include "moontide/bind/kinds.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBJECTS_MAX = 20000, TEXT_MAX = 16 * 1024 * 1024, OUT_MAX = 256 * 1024 * 1024 };

struct line {
    char *verb;
    struct subject subjects[SUBJECTS_MAX];
    size_t count;
};

static struct loop *loop;
static struct actor *actor;
static bool done;

static char *copy(const char *text, size_t len)
{
    char *made = strndup(text, len);
    if (!made) abort();
    return made;
}

/* The value after a key, as it stands. */
static char *raw_value(struct json_reader *r)
{
    const char *from = r->begin + json_offset(r);
    if (json_skip(r) < 0) return NULL;
    while (*from == ':' || *from == ' ')
        from++;
    return copy(from, (size_t)(r->begin + json_offset(r) - from));
}

static bool key_is(const struct json_reader *r, const char *name)
{
    return r->len == strlen(name) && memcmp(r->text, name, r->len) == 0;
}

static bool read_subject(struct json_reader *r, struct subject *subject)
{
    static const char *const names[] = {"kind", "resource", "region", "account"};
    const char **into[] = {&subject->kind, &subject->resource, &subject->region, &subject->account};
    int token;
    while ((token = json_next(r)) == JSON_KEY) {
        size_t i = 0;
        while (i < COUNT_OF(names) && !key_is(r, names[i]))
            i++;
        if (i < COUNT_OF(names)) {
            if (json_next(r) != JSON_STRING) return false;
            *into[i] = copy(r->text, r->len);
        } else if (key_is(r, "wanted")) {
            subject->wanted = raw_value(r);
        } else {
            return false;
        }
    }
    return token == JSON_OBJECT_END && subject->kind && subject->resource && subject->wanted;
}

static bool read_line(const char *text, struct line *line)
{
    struct json_reader r;
    bool good = true;
    int token;
    json_reader_init(&r, text, strlen(text), TEXT_MAX);
    good = json_next(&r) == JSON_OBJECT;
    while (good && json_next(&r) == JSON_KEY) {
        if (key_is(&r, "do")) {
            good = json_next(&r) == JSON_STRING;
            if (good) line->verb = copy(r.text, r.len);
            continue;
        }
        good = key_is(&r, "subjects") && json_next(&r) == JSON_ARRAY;
        while (good && (token = json_next(&r)) == JSON_OBJECT)
            good = line->count < SUBJECTS_MAX && read_subject(&r, &line->subjects[line->count++]);
    }
    json_reader_done(&r);
    return good && line->verb;
}

static void line_done(struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct subject *s = &line->subjects[i];
        const char *texts[] = {s->kind, s->resource, s->region, s->account, s->wanted};
        for (size_t j = 0; j < COUNT_OF(texts); j++)
            free((char *)(uintptr_t)texts[j]);
        subject_done(&line->subjects[i]);
    }
    free(line->verb);
    free(line);
}

static void wait_until_done(void)
{
    while (!done)
        (void)loop_turn(loop, true);
    done = false;
}

static void on_read(void *data)
{
    (void)data;
    done = true;
}

struct checked {
    int code;
    struct feasibility feasibility;
    struct fault fault;
};

static void on_checked(void *data, int code, struct feasibility *take, const struct fault *fault)
{
    struct checked *checked = data;
    *checked = (struct checked){.code = code, .feasibility = *take};
    if (fault) checked->fault = *fault;
    done = true;
}

static void key_text(struct json_writer *w, const char *key, const char *text)
{
    if (!text) return;
    json_key(w, key);
    json_string(w, text);
}

static void key_raw(struct json_writer *w, const char *key, const char *json)
{
    if (!json) return;
    json_key(w, key);
    json_raw(w, json, strlen(json));
}

static void on_applied(void *data, const struct applied *applied)
{
    struct json_writer *w = data;
    char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32] = "";
    if (applied->fault) fault_print(applied->fault, text, sizeof text);
    json_key(w, "applied");
    json_object(w);
    json_key(w, "code");
    json_string(w, applied->code ? err_name(applied->code) : "OK");
    json_key(w, "unsent");
    json_bool(w, applied->unsent);
    key_text(w, "text", *text ? text : NULL);
    key_raw(w, "calls", applied->calls);
    json_object_end(w);
    done = true;
}

static void check_and_apply(const struct line *line, const struct subject *subject,
                            const struct comparison *comparison, struct json_writer *w)
{
    struct checked checked;
    if (actor->vtable->check(actor, subject, comparison, on_checked, &checked, NULL) < 0) abort();
    wait_until_done();
    if (checked.code < 0) {
        key_text(w, "check_code", err_name(checked.code));
        key_text(w, "check_text", checked.fault.text);
    }
    key_text(w, "infeasible", checked.feasibility.infeasible);
    key_text(w, "busy", checked.feasibility.busy);
    key_raw(w, "notes", checked.feasibility.notes);
    bool can = checked.code == OK && !checked.feasibility.infeasible && !checked.feasibility.busy;
    feasibility_done(&checked.feasibility);
    if (!can || strcmp(line->verb, "apply") != 0) return;
    if (actor->vtable->apply(actor, subject, comparison, on_applied, w, NULL) < 0) abort();
    wait_until_done();
}

static void go_on(const struct line *line, const struct subject *subject, struct json_writer *w)
{
    struct comparison comparison;
    struct fault fault;
    if (actor->vtable->compare(actor, subject, NULL, 0, &comparison, &fault) < 0) {
        char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(&fault, text, sizeof text);
        key_text(w, "error", text);
        return;
    }
    key_raw(w, "changes", comparison.changes ? comparison.changes : "[]");
    key_text(w, "direction", direction_names[comparison.direction]);
    if (comparison.changes) check_and_apply(line, subject, &comparison, w);
    comparison_done(&comparison);
}

static void answer(struct line *line, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    if (actor->vtable->read(actor, line->subjects, line->count, on_read, NULL, NULL) < 0) abort();
    wait_until_done();
    json_array(&w);
    for (size_t i = 0; i < line->count; i++) {
        const struct subject *subject = &line->subjects[i];
        json_object(&w);
        json_key(&w, "code");
        json_string(&w, subject->code ? err_name(subject->code) : "OK");
        key_raw(&w, "current", subject->current);
        key_text(&w, "problem", subject->problem);
        if (subject->code == OK && strcmp(line->verb, "read") != 0) go_on(line, subject, &w);
        json_object_end(&w);
    }
    json_array_end(&w);
}

int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct http *http = NULL;
    struct kinds *kinds = NULL;
    struct clock clock;
    struct faults faults;
    faults_init(&faults);
    if (argc < 2 || config_load(argv[1], &config, &faults) < 0 || loop_new(&loop) < 0) {
        fprintf(stderr, "actor_tool: %s\n", faults.count ? faults.items[0].text : "DIR");
        return 1;
    }
    clock_init_real(&clock);
    if (http_new(loop, NULL, &http) < 0) abort();
    struct host host = {.loop = loop,
                        .http = http,
                        .clock = &clock,
                        .config = config,
                        .world_name = "aws",
                        .trace_aws = argc > 2};
    if (kinds_new(&host, &kinds) < 0) abort();
    actor = kinds_actor(kinds);
    char *text = NULL;
    size_t cap = 0;
    struct strbuf out;
    strbuf_init(&out, OUT_MAX);
    while (getline(&text, &cap, stdin) > 0) {
        struct line *line = calloc(1, sizeof *line);
        if (!line) abort();
        strbuf_reset(&out);
        if (read_line(text, line))
            answer(line, &out);
        else
            strbuf_adds(&out, "{\"error\":\"malformed\"}");
        line_done(line);
        puts(strbuf_cstr(&out));
        fflush(stdout);
    }
    free(text);
    strbuf_done(&out);
    kinds_free(kinds);
    http_free(http);
    config_free(config);
    faults_done(&faults);
    return loop_free(loop);
}
