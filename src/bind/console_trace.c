/* bind/console_trace.c - one evaluation that was traced, as lines for a person:
 *
 *   12:00:05 performance environment=prod  critical in 0.21 ms
 *     read    api_p99 1203 (11:55), hits 0.91 (11:55), errors -
 *     31 yes  if m.api_p99:above(1000) then
 *     31 yes      api_p99:above(1000)
 *     40 no   elseif m.hits:below(0.8) then
 *     issue   high api_latency: API p99 is 1203 ms
 *     decide  ecs_autoscaling service/gm-tool-prod/api {...}
 *     unknown errors: no datapoint in the last 1h
 */
#include "console_state.h"

#include "moontide/base/timetext.h"
#include "moontide/tick/engine.h"

#include <string.h>

enum { CLOCK_CHARS = 8 /* "12:00:05" */, MINUTE_CHARS = 5, CLOCK_AT = 11, TEXT_MAX = 200 };

struct lines {
    struct strbuf *out;
    bool color;
};

/* Control characters would move the cursor of who reads. */
static void put_clean(struct strbuf *out, const char *text)
{
    size_t len = strlen(text), n = len > TEXT_MAX ? TEXT_MAX : len;
    while (n < len && n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        strbuf_addc(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i]);
    if (n < len) strbuf_adds(out, "...");
}

static void put_tinted(const struct lines *lines, const char *tint, const char *text)
{
    if (lines->color) strbuf_addf(lines->out, "\033[%sm", tint);
    put_clean(lines->out, text);
    if (lines->color) strbuf_adds(lines->out, "\033[0m");
}

static void put_clock(struct strbuf *out, int64_t ms, int chars)
{
    char text[TIME_TEXT_MAX];
    time_format(ms, text);
    strbuf_addf(out, "%.*s", chars, text + CLOCK_AT);
}

static void put_label(const struct lines *lines, const char *tint, const char *label)
{
    strbuf_adds(lines->out, "  ");
    put_tinted(lines, tint, label);
    strbuf_addf(lines->out, "%*s", strlen(label) < 9 ? 9 - (int)strlen(label) : 1, "");
}

static void put_reads(const struct lines *lines, const struct evaluation_trace *trace)
{
    if (trace->read_count == 0) return;
    put_label(lines, "90", "read");
    for (size_t i = 0; i < trace->read_count; i++) {
        const struct trace_read *read = &trace->reads[i];
        if (i) strbuf_adds(lines->out, ", ");
        put_clean(lines->out, read->key);
        if (!read->known) {
            strbuf_adds(lines->out, " -");
            continue;
        }
        strbuf_addc(lines->out, ' ');
        strbuf_addf(lines->out, "%.6g (", read->value);
        put_clock(lines->out, read->time_s * 1000, MINUTE_CHARS);
        strbuf_addc(lines->out, ')');
    }
    strbuf_addc(lines->out, '\n');
}

static const char *verdict_word(const struct trace_step *step)
{
    if (step->verdict == VERDICT_UNKNOWN) return step->kind == TRACE_ASKED ? "nil" : "?";
    return step->verdict == VERDICT_TRUE ? "yes" : "no";
}

static void put_steps(const struct lines *lines, const struct evaluation_trace *trace)
{
    const char *file = NULL;
    for (size_t i = 0; i < trace->step_count; i++) {
        const struct trace_step *step = &trace->steps[i];
        const char *word = verdict_word(step);
        const char *tint = *word == 'y' ? "32" : *word == 'n' && word[1] == 'o' ? "90" : "33";
        if (!file || strcmp(file, step->file) != 0) {
            put_label(lines, "90", "file");
            put_clean(lines->out, step->file);
            strbuf_addc(lines->out, '\n');
        }
        file = step->file;
        strbuf_addf(lines->out, "  %4d ", step->line);
        put_tinted(lines, tint, word);
        strbuf_addf(lines->out, "%*s", 4 - (int)strlen(word) + (step->kind == TRACE_ASKED ? 4 : 0),
                    "");
        put_clean(lines->out, step->text);
        strbuf_addc(lines->out, '\n');
    }
    if (trace->steps_left_out)
        strbuf_addf(lines->out, "  (%zu more steps)\n", trace->steps_left_out);
}

static void put_issue(const struct lines *lines, const struct issue *issue)
{
    if (issue->when == VERDICT_FALSE) return;
    const char *tint = issue->severity == SEVERITY_HIGH ? "31" : "33";
    put_label(lines, tint, issue->when == VERDICT_TRUE ? "issue" : "issue?");
    strbuf_addf(lines->out, "%s ", severity_names[issue->severity]);
    put_clean(lines->out, issue->type);
    if (issue->key[0]) {
        strbuf_addc(lines->out, ' ');
        put_clean(lines->out, issue->key);
    }
    if (issue->description[0]) strbuf_adds(lines->out, ": ");
    put_clean(lines->out, issue->description);
    strbuf_addc(lines->out, '\n');
}

static void put_pair(const struct lines *lines, const char *tint, const char *label,
                     const char *name, const char *text)
{
    put_label(lines, tint, label);
    put_clean(lines->out, name);
    strbuf_adds(lines->out, ": ");
    put_clean(lines->out, text);
    strbuf_addc(lines->out, '\n');
}

static void put_evaluation(const struct lines *lines, const struct evaluation *evaluation)
{
    for (uint32_t i = 0; i < evaluation->issue_count; i++)
        put_issue(lines, &evaluation->issues[i]);
    for (uint32_t i = 0; i < evaluation->recommendation_count; i++)
        put_pair(lines, "36", "advice", evaluation->recommendations[i].type,
                 evaluation->recommendations[i].action);
    for (uint32_t i = 0; i < evaluation->decision_count; i++) {
        const struct decision *decision = &evaluation->decisions[i];
        put_label(lines, "35", "decide");
        strbuf_addf(lines->out, "%s ", decision->kind);
        put_clean(lines->out, decision->resource);
        strbuf_addc(lines->out, ' ');
        put_clean(lines->out, decision->wanted);
        strbuf_addc(lines->out, '\n');
    }
    for (uint32_t i = 0; i < evaluation->unknown_count; i++)
        put_pair(lines, "33", "unknown", evaluation->unknowns[i].metric,
                 evaluation->unknowns[i].reason);
    if (evaluation->memo_json) {
        put_label(lines, "90", "memo");
        put_clean(lines->out, evaluation->memo_json);
        strbuf_addc(lines->out, '\n');
    }
}

void trace_text(const struct evaluation_trace *trace, bool color, struct strbuf *out)
{
    const struct lines lines = {.out = out, .color = color};
    put_clock(out, trace->at_ms, CLOCK_CHARS);
    strbuf_addc(out, ' ');
    put_tinted(&lines, "1", trace->policy);
    strbuf_addc(out, ' ');
    put_tinted(&lines, "1", trace->target);
    strbuf_addf(out, "  %s %.2f ms", trace->evaluation ? "in" : "failed after",
                (double)trace->elapsed_us / 1000);
    if (trace->slices > 1) strbuf_addf(out, ", %u slices", (unsigned)trace->slices);
    strbuf_addc(out, '\n');
    put_reads(&lines, trace);
    put_steps(&lines, trace);
    if (trace->evaluation) put_evaluation(&lines, trace->evaluation);
    if (!trace->fault) return;
    char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    fault_print(trace->fault, text, sizeof text);
    put_pair(&lines, "31", "error", text, "");
}

void trace_outcomes(const struct target_report *report, bool color, struct strbuf *out)
{
    const struct lines lines = {.out = out, .color = color};
    for (size_t i = 0; i < report->decision_count; i++) {
        const struct decision_report *decision = &report->decisions[i];
        put_label(&lines, "35", outcome_names[decision->outcome]);
        put_clean(out, decision->decision->resource);
        if (decision->reason && decision->reason[0]) {
            strbuf_addc(out, ' ');
            put_clean(out, decision->reason);
        }
        if (decision->text && decision->text[0]) {
            strbuf_adds(out, ": ");
            put_clean(out, decision->text);
        }
        strbuf_addc(out, '\n');
    }
}
