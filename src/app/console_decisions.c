/* app/console_decisions.c - the last decisions of this process and what became of them, for those
 * who ask in a console. A target that decides nothing costs nothing. */
#include "console_server.h"

#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT = 256, BYTES_MAX = 8 * 1024 };

struct decisions {
    const struct clock *clock;
    char *items[KEPT]; /* JSON; a ring */
    size_t count;      /* ever */
};

int decisions_new(const struct clock *clock, struct decisions **out)
{
    struct decisions *decisions = calloc(1, sizeof *decisions);
    if (!decisions) return ERR_NOMEM;
    decisions->clock = clock;
    *out = decisions;
    return OK;
}

void decisions_free(struct decisions *decisions)
{
    if (!decisions) return;
    for (size_t i = 0; i < KEPT; i++)
        free(decisions->items[i]);
    free(decisions);
}

static void put_string(struct json_writer *w, const char *key, const char *value)
{
    if (!value) return;
    json_key(w, key);
    json_string(w, value);
}

static void put_raw(struct json_writer *w, const char *key, const char *json)
{
    if (!json) return;
    json_key(w, key);
    json_raw(w, json, strlen(json));
}

static char *write_one(const struct decisions *decisions, const struct target_report *report,
                       const struct decision_report *decision)
{
    struct strbuf json;
    struct json_writer w;
    char at[TIME_TEXT_MAX];
    time_format(clock_now_ms(decisions->clock) / 1000 * 1000, at);
    strbuf_init(&json, BYTES_MAX);
    json_writer_init(&w, &json);
    json_object(&w);
    put_string(&w, "at", at);
    put_string(&w, "id", decision->id);
    put_string(&w, "policy", report->policy);
    put_string(&w, "target", report->target);
    put_string(&w, "kind", decision->decision->kind);
    put_string(&w, "resource", decision->decision->resource);
    put_string(&w, "outcome", outcome_names[decision->outcome]);
    put_string(&w, "reason", decision->reason);
    put_string(&w, "text", decision->text);
    put_raw(&w, "current", decision->current);
    put_raw(&w, "wanted", decision->wanted);
    put_raw(&w, "changes", decision->changes);
    json_object_end(&w);
    char *text = strbuf_status(&json) == OK ? strbuf_take(&json, NULL) : NULL;
    strbuf_done(&json);
    return text;
}

/* One that is too long, or that there is no memory for, is left out: the journal has it. */
void decisions_add(struct decisions *decisions, const struct target_report *report)
{
    for (size_t i = 0; i < report->decision_count; i++) {
        char *text = write_one(decisions, report, &report->decisions[i]);
        if (!text) continue;
        char **slot = &decisions->items[decisions->count++ % KEPT];
        free(*slot);
        *slot = text;
    }
}

void decisions_json(const struct decisions *decisions, struct strbuf *out)
{
    size_t kept = decisions->count < KEPT ? decisions->count : KEPT;
    strbuf_addc(out, '[');
    for (size_t i = 0; i < kept; i++) {
        if (i) strbuf_addc(out, ',');
        strbuf_adds(out, decisions->items[(decisions->count - kept + i) % KEPT]);
    }
    strbuf_addc(out, ']');
}
