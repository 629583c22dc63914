/* app/console_decisions.c - the last decisions of this process and what became of them, for those
 * who ask in a console. One that comes to the same again, tick after tick, is kept once, with how
 * often. A target that decides nothing costs nothing. */
#include "console_server.h"

#include "moontide/base/hash.h"
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT = 256, BYTES_MAX = 8 * 1024 };

struct kept {
    uint64_t key; /* of what it is about, and what came of it */
    uint64_t times;
    char *json;
};

struct decisions {
    const struct clock *clock;
    struct kept items[KEPT]; /* the oldest first */
    size_t count;
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
    for (size_t i = 0; i < decisions->count; i++)
        free(decisions->items[i].json);
    free(decisions);
}

static char *write_one(const struct decisions *decisions, const struct target_report *report,
                       const struct decision_report *decision, uint64_t times)
{
    struct strbuf json;
    struct json_writer w;
    char at[TIME_TEXT_MAX];
    time_format(clock_now_ms(decisions->clock) / 1000 * 1000, at);
    strbuf_init(&json, BYTES_MAX);
    json_writer_init(&w, &json);
    json_object(&w);
    json_put_given(&w, "at", at);
    json_key(&w, "times");
    json_int(&w, (int64_t)times);
    json_put_given(&w, "id", decision->id);
    json_put_given(&w, "policy", report->policy);
    json_put_given(&w, "target", report->target);
    json_put_given(&w, "kind", decision->decision->kind);
    json_put_given(&w, "resource", decision->decision->resource);
    json_put_given(&w, "outcome", outcome_names[decision->outcome]);
    json_put_given(&w, "reason", decision->reason);
    json_put_given(&w, "text", decision->text);
    json_put_raw(&w, "current", decision->current);
    json_put_raw(&w, "wanted", decision->wanted);
    json_put_raw(&w, "changes", decision->changes);
    json_object_end(&w);
    char *text = strbuf_status(&json) == OK ? strbuf_take(&json, NULL) : NULL;
    strbuf_done(&json);
    return text;
}

static uint64_t key_of(const struct target_report *report, const struct decision_report *decision)
{
    const char *const parts[] = {report->policy,
                                 report->target,
                                 decision->decision->kind,
                                 decision->decision->resource,
                                 outcome_names[decision->outcome],
                                 decision->reason ? decision->reason : ""};
    uint64_t key = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        key = hash64(parts[i], strlen(parts[i]) + 1, key);
    return key;
}

static void take_out(struct decisions *decisions, size_t i)
{
    free(decisions->items[i].json);
    decisions->count--;
    memmove(&decisions->items[i], &decisions->items[i + 1],
            (decisions->count - i) * sizeof decisions->items[0]);
}

/* One that is too long, or that there is no memory for, is left out: the journal has it. */
static void add(struct decisions *decisions, const struct target_report *report,
                const struct decision_report *decision)
{
    uint64_t key = key_of(report, decision), times = 1;
    for (size_t i = 0; i < decisions->count; i++) {
        if (decisions->items[i].key != key) continue;
        times += decisions->items[i].times;
        take_out(decisions, i);
        break;
    }
    char *json = write_one(decisions, report, decision, times);
    if (!json) return;
    if (decisions->count == KEPT) take_out(decisions, 0);
    decisions->items[decisions->count++] = (struct kept){key, times, json};
}

void decisions_add(struct decisions *decisions, const struct target_report *report)
{
    for (size_t i = 0; i < report->decision_count; i++)
        add(decisions, report, &report->decisions[i]);
}

void decisions_json(const struct decisions *decisions, struct strbuf *out)
{
    strbuf_addc(out, '[');
    for (size_t i = 0; i < decisions->count; i++) {
        if (i) strbuf_addc(out, ',');
        strbuf_adds(out, decisions->items[i].json);
    }
    strbuf_addc(out, ']');
}
