/* tick/record_write.c - a tick as the difference from the one before.
 *
 * The ordinary target is the one that stood at this place last time, with the same texts and the
 * same metrics at the same addresses: then nothing is looked up, and a series that did not change
 * is one comparison of its memory. */
#include "moontide/base/hash.h"
#include "moontide/tick/evaluator.h"

#include "record_bytes.h"
#include "record_state.h"

#include <assert.h>
#include <stdlib.h>

static bool failed(struct record_code *code, int rc)
{
    if (rc < 0 && code->status == OK) code->status = rc;
    return rc < 0;
}

int record_write_begin(struct record_code *code, bool whole)
{
    if (!whole && code->broken) return ERR_INVALID;
    if (whole) record_state_clear(code);
    strbuf_reset(&code->shape);
    strbuf_reset(&code->values);
    strbuf_reset(&code->texts);
    code->status = OK;
    code->broken = true; /* until it has ended well */
    code->expected = 0;
    code->record++;
    strbuf_addc(&code->shape, (char)RECORD_VERSION);
    strbuf_addc(&code->shape, whole ? 1 : 0);
    return OK;
}

/* ---- names, metrics ---- */

/* Answers its number. */
static uint32_t write_name(struct record_code *code, const char *text)
{
    const struct name_entry *name =
        (const struct name_entry *)table_find(&code->name_table, text, "");
    if (name) {
        add_number(&code->shape, 1 + (uint64_t)name->number);
        return name->number;
    }
    size_t len = strlen(text);
    if (failed(code, record_name_add(code, text, len, true))) return 0;
    add_number(&code->shape, 0);
    add_number(&code->shape, len);
    strbuf_add(&code->texts, text, len);
    return (uint32_t)(code->name_count - 1);
}

static void write_metric(struct record_code *code, const struct metric *metric, int depth)
{
    const char *const names[] = {metric->region,    metric->account, metric->namespace_name,
                                 metric->name,      metric->stat,    metric->unit,
                                 metric->expression};
    unsigned there = 0;
    if (depth > RECORD_METRIC_DEPTH) {
        failed(code, ERR_LIMIT);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        there |= names[i] ? 1U << i : 0;
    strbuf_addc(&code->shape, (char)there);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i]) write_name(code, names[i]);
    add_signed(&code->shape, metric->period_s);
    add_number(&code->shape, metric->dimension_count);
    for (uint32_t i = 0; i < metric->dimension_count; i++) {
        write_name(code, metric->dimensions[i].name);
        write_name(code, metric->dimensions[i].value);
    }
    add_number(&code->shape, metric->input_count);
    for (uint32_t i = 0; i < metric->input_count; i++) {
        write_name(code, metric->inputs[i].id);
        write_metric(code, metric->inputs[i].metric, depth + 1);
    }
}

/* ---- series ---- */

static bool same_value(double a, double b)
{
    return bits_of(a) == bits_of(b) || (isnan(a) && isnan(b));
}

static bool same_series(const struct record_series *entry, const struct series *now)
{
    const struct series *before = entry->series;
    return before && before->slots == now->slots && before->start_s == now->start_s &&
           before->period_s == now->period_s && before->state == now->state &&
           before->hint == now->hint &&
           memcmp(before->values, now->values, now->slots * sizeof now->values[0]) == 0;
}

/* The changed slots, when there are any: the copy takes them over. */
static void write_values(struct record_code *code, double *copy, const struct series *now,
                         uint32_t count)
{
    struct strbuf *shape = &code->shape, *values = &code->values;
    uint32_t slots = now->slots;
    size_t room = count * (size_t)(VARINT_MAX + 1) + VARINT_MAX;
    if (!strbuf_reserve(shape, room) || !strbuf_reserve(values, count * sizeof(double))) return;
    put_number(shape, count);
    for (uint32_t i = 0, next = 0; i < slots; i++) {
        if (same_value(copy[i], now->values[i])) continue;
        put_number(shape, next == 0 ? slots - 1 - i : i - next);
        put_value(shape, values, now->values[i], bits_before(copy, i));
        copy[i] = now->values[i];
        next = i + 1;
    }
}

/* Brings the copy's window to that of `now`, noting how; answers the flags of the difference. */
static unsigned compare(struct record_code *code, struct record_series *entry,
                        const struct series *now, bool fresh, int64_t *moved, uint32_t *count)
{
    const struct series *copy = entry->series;
    unsigned flags = 0;
    if (fresh || !copy || copy->slots != now->slots || copy->period_s != now->period_s ||
        (copy->start_s - now->start_s) % now->period_s != 0) {
        flags |= CHANGE_WINDOW;
    } else if (copy->start_s != now->start_s) {
        flags |= CHANGE_MOVE;
        *moved = (now->start_s - copy->start_s) / now->period_s;
    }
    if (fresh || copy->state != now->state || copy->hint != now->hint) flags |= CHANGE_STATE;
    if (flags & (CHANGE_WINDOW | CHANGE_MOVE))
        if (failed(code,
                   record_series_window(code, entry, now->period_s, now->slots, now->start_s)))
            return 0;
    if (fresh)
        for (uint32_t i = 0; i < now->slots; i++)
            entry->series->values[i] = NAN;
    *count = 0;
    for (uint32_t i = 0; i < now->slots; i++)
        *count += !same_value(entry->series->values[i], now->values[i]);
    return *count > 0 ? flags | CHANGE_VALUES : flags;
}

/* fresh: the reader knows nothing of it. */
static void write_series(struct record_code *code, struct record_series *entry,
                         const struct series *now, unsigned gap, bool fresh)
{
    struct strbuf *shape = &code->shape;
    int64_t moved = 0;
    uint32_t count = 0;
    unsigned flags = compare(code, entry, now, fresh, &moved, &count);
    if (code->status < 0 || flags == 0) return;
    if (!strbuf_reserve(shape, 8 * VARINT_MAX)) return;
    put_number(shape, gap);
    put_byte(shape, flags);
    if (flags & CHANGE_STATE) {
        put_byte(shape, now->state);
        put_byte(shape, now->hint);
        entry->series->state = now->state;
        entry->series->hint = now->hint;
    }
    if (flags & CHANGE_WINDOW) {
        put_number(shape, (uint64_t)now->period_s);
        put_number(shape, now->slots);
        put_signed(shape, now->start_s);
    }
    if (flags & CHANGE_MOVE) put_signed(shape, moved);
    if (flags & CHANGE_VALUES) write_values(code, entry->series->values, now, count);
}

/* ---- targets ---- */

static void write_text(struct record_code *code, struct record_text *text, const char *now)
{
    if (!now) {
        record_text_done(text);
        add_number(&code->shape, 0);
        return;
    }
    size_t len = strlen(now), prefix = 0, suffix = 0;
    size_t most = len < text->len ? len : text->len;
    while (prefix < most && now[prefix] == text->bytes[prefix])
        prefix++;
    while (suffix < most - prefix && now[len - 1 - suffix] == text->bytes[text->len - 1 - suffix])
        suffix++;
    add_number(&code->shape, 1 + prefix);
    add_number(&code->shape, suffix);
    add_number(&code->shape, len - prefix - suffix);
    strbuf_add(&code->texts, now + prefix, len - prefix - suffix);
    failed(code, record_text_set(text, prefix, suffix, now + prefix, len - prefix - suffix));
}

static bool same_text(const struct record_text *text, const char *now)
{
    if (!now || !text->bytes) return !now && !text->bytes;
    return strcmp(text->bytes, now) == 0;
}

/* Another generation of the policy declares the same metrics at other addresses. */
static bool same_metric(struct record_series *entry, struct metric *metric)
{
    if (entry->metric == metric) return true;
    if (!metric_equal(entry->metric, metric)) return false;
    metric_release(entry->metric);
    entry->metric = metric_retain(metric);
    return true;
}

static bool same_uses(const struct record_code *code, const struct target_entry *entry,
                      const struct target *target)
{
    if (entry->use_count != target->use_count) return false;
    for (uint32_t i = 0; i < target->use_count; i++) {
        const struct target_use *known = &entry->uses[i];
        const struct metric_use *use = &target->uses[i];
        if (known->slots != use->slots || !same_metric(known->series, use->metric) ||
            strcmp(code->names[known->name]->text, use->key) != 0)
            return false;
    }
    return true;
}

static void write_use(struct record_code *code, struct target_use *known,
                      const struct metric_use *use)
{
    struct record_series *series;
    uint32_t key = write_name(code, use->key);
    if (failed(code, record_series_of(code, use->metric, &series))) return;
    bool fresh = !series->listed;
    add_number(&code->shape, fresh ? 0 : code->listed_count - series->number);
    if (fresh) {
        write_metric(code, use->metric, 0);
        if (code->status < 0 || failed(code, record_series_list(code, series))) return;
        series->record = 0; /* the reader has no datapoint of it */
    }
    add_number(&code->shape, use->slots);
    *known = (struct target_use){.name = key, .slots = use->slots, .series = series};
}

static void write_uses(struct record_code *code, struct target_entry *entry,
                       const struct target *target)
{
    struct target_use *uses = calloc(target->use_count + 1U, sizeof *uses);
    if (!uses) {
        failed(code, ERR_NOMEM);
        return;
    }
    free(entry->uses);
    entry->uses = uses;
    entry->use_count = target->use_count;
    add_number(&code->shape, target->use_count);
    for (uint32_t i = 0; i < target->use_count && code->status == OK; i++)
        write_use(code, &uses[i], &target->uses[i]);
}

/* The entry of the target, most often the one expected; NULL: it is a new one. */
static struct target_entry *find_target(const struct record_code *code, const char *id)
{
    if (code->expected < code->target_count && strcmp(code->targets[code->expected]->id, id) == 0)
        return code->targets[code->expected];
    return (struct target_entry *)table_find(&code->target_table, id, "");
}

/* Writes which target it is, after making its entry when there is none. */
static struct target_entry *write_which(struct record_code *code, struct target_entry *entry,
                                        const char *id)
{
    uint32_t number = entry ? entry->number : (uint32_t)code->target_count;
    add_signed(&code->shape, (int64_t)number - code->expected);
    code->expected = number + 1;
    if (entry) return entry;
    size_t len = strlen(id);
    add_number(&code->shape, len);
    strbuf_add(&code->texts, id, len);
    failed(code, record_target_add(code, id, len, true, &entry));
    return entry;
}

static void write_changes(struct record_code *code, struct target_entry *entry,
                          const struct target *target, struct series *const *series)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < target->use_count && code->status == OK; i++) {
        struct record_series *known = entry->uses[i].series;
        bool fresh = known->record == 0;
        if (known->record == code->record) continue; /* another target's too */
        if (fresh || !same_series(known, series[i])) {
            size_t before = code->shape.len;
            write_series(code, known, series[i], i + 1 - next, fresh);
            if (code->shape.len > before) next = i + 1;
        }
        known->record = code->record;
    }
    add_number(&code->shape, 0);
}

void record_write_target(struct record_code *code, const struct target *target,
                         struct series *const *series, const char *extra_json,
                         const char *memo_json)
{
    if (code->status < 0) return;
    const char *const texts[] = {target->json, extra_json, memo_json};
    struct target_entry *entry = find_target(code, target->id);
    bool fresh = !entry;
    if (entry && entry->record == code->record) return; /* two of one name: the first */
    entry = write_which(code, entry, target->id);
    if (!entry || code->status < 0) return;
    if (target->use_count > TARGET_USES_MAX && failed(code, ERR_LIMIT)) return;
    entry->record = code->record;
    unsigned flags = 0;
    for (unsigned i = 0; i < COUNT_OF(texts); i++)
        if (!same_text(&entry->texts[i], texts[i])) flags |= 1U << i;
    if (fresh || !same_uses(code, entry, target)) flags |= TARGET_USES;
    strbuf_addc(&code->shape, (char)flags);
    for (unsigned i = 0; i < COUNT_OF(texts); i++)
        if (flags & 1U << i) write_text(code, &entry->texts[i], texts[i]);
    if (flags & TARGET_USES) write_uses(code, entry, target);
    if (code->status == OK) write_changes(code, entry, target, series);
}

/* ---- the end ---- */

static int assemble(struct record_code *code, char **out, size_t *len)
{
    struct strbuf body;
    strbuf_init(&body, BODY_MAX);
    size_t head = 2; /* version and whole, which begin the shape's buffer */
    const char *shape = code->shape.data;
    strbuf_reserve(&body, code->shape.len + code->values.len + code->texts.len + 2 * VARINT_MAX);
    strbuf_add(&body, shape, head);
    add_number(&body, code->shape.len - head);
    add_number(&body, code->values.len);
    strbuf_add(&body, shape + head, code->shape.len - head);
    strbuf_add(&body, code->values.data, code->values.len);
    strbuf_add(&body, code->texts.data, code->texts.len);
    int rc = strbuf_status(&body);
    if (rc == OK) *out = strbuf_take(&body, len);
    strbuf_done(&body);
    return rc;
}

int record_write_end(struct record_code *code, char **out, size_t *len)
{
    int rc = code->status;
    if (rc == OK) rc = strbuf_status(&code->shape);
    if (rc == OK) rc = strbuf_status(&code->values);
    if (rc == OK) rc = strbuf_status(&code->texts);
    if (rc == OK) rc = assemble(code, out, len);
    code->broken = rc < 0;
    return rc;
}
