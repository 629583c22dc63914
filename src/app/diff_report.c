/* app/diff_report.c - the result of `moontide diff`, as text for people or as one JSON document. */
#include "diff.h"

#include "moontide/base/json.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DOCUMENT_BYTES_MAX = 1024 * 1024 * 1024, SPANS_SHOWN = 3, HASH_SHOWN = 8 };

static const char *const side_words[SIDES] = {"old", "new"};

/* ---- text ---- */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* "2026-01-31 12:00", or with seconds where they are not zero. */
static void show_time(int64_t at_ms, char out[TIME_TEXT_MAX])
{
    time_format(at_ms / 1000 * 1000, out);
    out[10] = ' ';
    out[strcmp(out + 17, "00Z") == 0 ? 16 : 19] = '\0';
}

static void print_span(const struct span *span)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    show_time(span->first_ms, from);
    show_time(span->last_ms, to);
    if (span->ticks == 1)
        printf("      %s  tick %llu\n", from, (unsigned long long)span->first_tick);
    else
        printf("      %s .. %s  %u ticks, %llu to %llu\n", from,
               strncmp(from, to, 11) == 0 ? to + 11 : to, span->ticks,
               (unsigned long long)span->first_tick, (unsigned long long)span->last_tick);
}

static void print_group(const struct span_group *group, bool color)
{
    static const char *const paints[] = {"\033[33m", "\033[31m", "\033[32m"};
    printf("  %s%s%s\n", color ? paints[group->side] : "", group->line, color ? "\033[0m" : "");
    for (size_t i = 0; i < group->span_count && i < SPANS_SHOWN; i++)
        print_span(&group->spans[i]);
    if (group->span_count <= SPANS_SHOWN) return;
    size_t more = group->span_count - SPANS_SHOWN;
    printf("      and %zu more time%s (%llu ticks in all), the last:\n", more, plural(more),
           (unsigned long long)group->ticks);
    print_span(&group->spans[group->span_count - 1]);
}

static void say_unrecorded(void *data, const char *key, const struct metric *metric)
{
    char text[512];
    metric_describe(metric, text, sizeof text);
    printf("  the %s version asks for %s (%s), which was not recorded: it answers unknown\n",
           (const char *)data, key, text);
}

static void print_versions(const struct diff *diff)
{
    const struct version *old = &diff->versions[SIDE_OLD], *new = &diff->versions[SIDE_NEW];
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    show_time(diff->first_ms, from);
    show_time(diff->last_ms, to);
    printf("- %s (%.*s)\n+ %s (%.*s)\n", old->shown, HASH_SHOWN, old->sha256, new->shown,
           HASH_SHOWN, new->sha256);
    if (diff->ticks)
        printf("  %s, world %s: ticks %llu to %llu, %s to %s\n", diff->found.policy,
               diff->found.world, (unsigned long long)diff->first_tick,
               (unsigned long long)diff->last_tick, from, to);
    for (int side = SIDE_OLD; side < SIDES; side++)
        rerun_each_unrecorded(diff->reruns[side], say_unrecorded,
                              (void *)(uintptr_t)side_words[side]);
}

static void print_summary(const struct diff *diff, const struct spans_totals *totals, size_t count)
{
    printf("\n%llu tick%s, %zu target%s, %llu evaluation%s by each version: ",
           (unsigned long long)diff->ticks, plural(diff->ticks), totals->targets,
           plural(totals->targets), (unsigned long long)totals->evaluations,
           plural(totals->evaluations));
    if (count == 0) {
        puts("no difference.");
    } else {
        printf("%zu difference%s on %zu target%s, in %llu tick%s and %llu evaluation%s (", count,
               plural(count), totals->targets_differing, plural(totals->targets_differing),
               (unsigned long long)totals->ticks_differing, plural(totals->ticks_differing),
               (unsigned long long)totals->differing, plural(totals->differing));
        bool first = true;
        for (int what = 0; difference_names[what]; what++) {
            if (!totals->by_what[what]) continue;
            printf("%s%s: %zu", first ? "" : ", ", difference_names[what], totals->by_what[what]);
            first = false;
        }
        puts(").");
    }
    if (diff->both_failed) {
        char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(&diff->failure, text, sizeof text);
        printf("%llu evaluation%s failed in both versions: %s\n",
               (unsigned long long)diff->both_failed, plural(diff->both_failed), text);
    }
    if (diff->damaged)
        printf("%llu damaged record%s could not be read.\n", (unsigned long long)diff->damaged,
               plural(diff->damaged));
}

static void print_text(const struct diff *diff, const struct span_group *groups, size_t count)
{
    struct spans_totals totals;
    bool color = terminal_color(STDOUT_FILENO);
    const char *target = NULL;
    spans_totals(diff->spans, &totals);
    print_versions(diff);
    for (size_t i = 0; i < count; i++) {
        if (!target || strcmp(target, groups[i].target) != 0)
            printf("\n%s%s%s\n", color ? "\033[1m" : "", groups[i].target, color ? "\033[0m" : "");
        target = groups[i].target;
        print_group(&groups[i], color);
    }
    print_summary(diff, &totals, count);
}

/* ---- JSON ---- */

static void put_time(struct json_writer *w, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_MAX];
    time_format(at_ms, text);
    json_put_string(w, key, text);
}

static void put_spans(struct json_writer *w, const struct span_group *group)
{
    json_key(w, "spans");
    json_array(w);
    for (size_t i = 0; i < group->span_count; i++) {
        const struct span *span = &group->spans[i];
        json_object(w);
        put_time(w, "from", span->first_ms);
        put_time(w, "to", span->last_ms);
        json_put_int(w, "from_tick", (int64_t)span->first_tick);
        json_put_int(w, "to_tick", (int64_t)span->last_tick);
        json_put_int(w, "ticks", span->ticks);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_unrecorded(void *data, const char *key, const struct metric *metric)
{
    struct json_writer *w = data;
    char text[512];
    metric_describe(metric, text, sizeof text);
    json_object(w);
    json_put_string(w, "key", key);
    json_put_string(w, "metric", text);
    json_object_end(w);
}

static void put_version(struct json_writer *w, const struct diff *diff, int side)
{
    json_key(w, side_words[side]);
    json_object(w);
    json_put_string(w, "version", diff->versions[side].shown);
    json_put_string(w, "sha256", diff->versions[side].sha256);
    json_key(w, "unrecorded");
    json_array(w);
    rerun_each_unrecorded(diff->reruns[side], put_unrecorded, w);
    json_array_end(w);
    json_object_end(w);
}

static void put_head(struct json_writer *w, const struct diff *diff)
{
    json_put_string(w, "policy", diff->found.policy);
    json_put_string(w, "world", diff->found.world);
    for (int side = SIDE_OLD; side < SIDES; side++)
        put_version(w, diff, side);
    if (diff->ticks) put_time(w, "from", diff->first_ms);
    if (diff->ticks) put_time(w, "to", diff->last_ms);
    json_put_int(w, "ticks", (int64_t)diff->ticks);
    json_put_int(w, "damaged", (int64_t)diff->damaged);
    json_put_int(w, "both_failed", (int64_t)diff->both_failed);
    json_put_int(w, "elapsed_ms", diff->elapsed_ms);
}

static void put_totals(struct json_writer *w, const struct spans_totals *totals, size_t count)
{
    json_put_int(w, "targets", (int64_t)totals->targets);
    json_put_int(w, "evaluations", (int64_t)totals->evaluations);
    json_key(w, "summary");
    json_object(w);
    json_put_int(w, "differences", (int64_t)count);
    json_put_int(w, "targets", (int64_t)totals->targets_differing);
    json_put_int(w, "ticks", (int64_t)totals->ticks_differing);
    json_put_int(w, "evaluations", (int64_t)totals->differing);
    json_object_end(w);
}

static int print_json(const struct diff *diff, const struct span_group *groups, size_t count)
{
    struct strbuf text;
    struct json_writer w;
    struct spans_totals totals;
    spans_totals(diff->spans, &totals);
    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    put_head(&w, diff);
    put_totals(&w, &totals, count);
    json_key(&w, "differences");
    json_array(&w);
    for (size_t i = 0; i < count; i++) {
        json_object(&w);
        json_put_string(&w, "target", groups[i].target);
        json_put_string(&w, "line", groups[i].line);
        json_key(&w, "first");
        json_raw(&w, groups[i].json, strlen(groups[i].json));
        json_put_int(&w, "ticks", (int64_t)groups[i].ticks);
        put_spans(&w, &groups[i]);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    int code = strbuf_status(&text);
    if (code == OK) puts(strbuf_cstr(&text));
    strbuf_done(&text);
    return code;
}

int diff_report(const struct diff *diff)
{
    const struct span_group *groups = NULL;
    size_t count = 0;
    int code = spans_list(diff->spans, &groups, &count);
    if (code == OK && diff->json)
        code = print_json(diff, groups, count);
    else if (code == OK)
        print_text(diff, groups, count);
    return code < 0 ? code : (int)count;
}
