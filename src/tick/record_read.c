/* tick/record_read.c - applies a record to what is known: see record_code.h.
 *
 * Any bytes may come. Reading past the end gives zeros and sets `bad`; what would be used as an
 * index, a size or a count is checked before; and a record that fails leaves a state that only a
 * whole record may follow, which clears it. */
#include "record_bytes.h"
#include "record_state.h"

#include <stdlib.h>

struct reading {
    struct record_code *code;
    struct bytes shape, values, texts;
};

static bool is_bad(const struct reading *in)
{
    return in->shape.bad || in->values.bad || in->texts.bad;
}

bool record_is_whole(const void *bytes, size_t len)
{
    const unsigned char *head = bytes;
    return len >= 2 && head[0] == RECORD_VERSION && head[1] == 1;
}

static int open_parts(struct reading *in, const void *bytes, size_t len)
{
    struct bytes all = {.at = bytes, .end = (const unsigned char *)bytes + len};
    unsigned version = take_byte(&all), whole = take_byte(&all);
    uint64_t shape_len = take_number(&all), values_len = take_number(&all);
    if (!all.bad && version != RECORD_VERSION) return ERR_VERSION;
    const unsigned char *shape = take_bytes(&all, shape_len);
    const unsigned char *values = take_bytes(&all, values_len);
    if (all.bad || whole > 1 || !shape || !values) return ERR_CORRUPT;
    in->shape = (struct bytes){.at = shape, .end = values};
    in->values = (struct bytes){.at = values, .end = all.at};
    in->texts = (struct bytes){.at = all.at, .end = all.end};
    return OK;
}

/* ---- names, metrics ---- */

static int read_name(struct reading *in, uint32_t *out)
{
    struct record_code *code = in->code;
    uint64_t which = take_number(&in->shape);
    if (which > code->name_count) return ERR_CORRUPT;
    if (which > 0) {
        *out = (uint32_t)(which - 1);
        return OK;
    }
    uint64_t len = take_number(&in->shape);
    const unsigned char *text = take_bytes(&in->texts, len);
    if (is_bad(in) || !text) return ERR_CORRUPT;
    *out = (uint32_t)code->name_count;
    return record_name_add(code, (const char *)text, (size_t)len, false);
}

struct draft {
    struct metric metric;
    struct metric_dimension dimensions[METRIC_DIMENSIONS_MAX];
    struct metric_input *inputs;
};

static int read_text(struct reading *in, const char **out)
{
    uint32_t number = 0;
    int rc = read_name(in, &number);
    if (rc == OK) *out = in->code->names[number]->text;
    return rc;
}

static int read_metric(struct reading *in, int depth, struct metric **out);

static int read_inputs(struct reading *in, struct draft *draft, int depth)
{
    uint64_t count = take_number(&in->shape);
    if (is_bad(in) || count > METRIC_INPUTS_MAX) return ERR_CORRUPT;
    if (count == 0) return OK;
    draft->inputs = calloc((size_t)count, sizeof *draft->inputs);
    if (!draft->inputs) return ERR_NOMEM;
    draft->metric.inputs = draft->inputs;
    int rc = OK;
    for (uint64_t i = 0; i < count && rc == OK; i++) {
        rc = read_text(in, &draft->inputs[i].id);
        if (rc == OK) rc = read_metric(in, depth + 1, &draft->inputs[i].metric);
        if (rc == OK) draft->metric.input_count++;
    }
    return rc;
}

static int read_draft(struct reading *in, struct draft *draft, int depth)
{
    struct metric *m = &draft->metric;
    const char **const names[] = {&m->region, &m->account, &m->namespace_name, &m->name,
                                  &m->stat,   &m->unit,    &m->expression};
    unsigned there = take_byte(&in->shape);
    int rc = OK;
    for (size_t i = 0; i < COUNT_OF(names) && rc == OK; i++)
        if (there & 1U << i) rc = read_text(in, names[i]);
    int64_t period_s = take_signed(&in->shape);
    uint64_t count = take_number(&in->shape);
    if (rc < 0) return rc;
    if (is_bad(in) || period_s < 0 || period_s > INT32_MAX || count > METRIC_DIMENSIONS_MAX)
        return ERR_CORRUPT;
    m->period_s = (int32_t)period_s;
    m->dimensions = draft->dimensions;
    for (; m->dimension_count < count && rc == OK; m->dimension_count++) {
        rc = read_text(in, &draft->dimensions[m->dimension_count].name);
        if (rc == OK) rc = read_text(in, &draft->dimensions[m->dimension_count].value);
    }
    return rc == OK ? read_inputs(in, draft, depth) : rc;
}

static int read_metric(struct reading *in, int depth, struct metric **out)
{
    struct draft draft = {.inputs = NULL};
    if (depth > RECORD_METRIC_DEPTH) return ERR_CORRUPT;
    int rc = read_draft(in, &draft, depth);
    if (rc == OK) rc = metric_new(&draft.metric, out);
    for (uint32_t i = 0; i < draft.metric.input_count; i++)
        metric_release(draft.inputs[i].metric);
    free(draft.inputs);
    return rc;
}

/* ---- series ---- */

static int read_values(struct reading *in, struct record_series *entry)
{
    double *values = record_values(entry);
    uint64_t count = take_number(&in->shape), first = take_number(&in->shape);
    if (is_bad(in) || count < 1 || count > entry->slots || first >= entry->slots)
        return ERR_CORRUPT;
    uint64_t slot = entry->slots - 1 - first;
    for (;;) {
        values[slot] = take_value(&in->shape, &in->values, bits_before(values, (uint32_t)slot));
        if (isinf(values[slot])) return ERR_CORRUPT; /* a series holds none */
        if (--count == 0) break;
        slot += 1 + take_number(&in->shape);
        if (slot >= entry->slots) return ERR_CORRUPT;
    }
    return is_bad(in) ? ERR_CORRUPT : OK;
}

static int read_window(struct reading *in, struct record_series *entry)
{
    uint64_t period_s = take_number(&in->shape), slots = take_number(&in->shape);
    int64_t start_s = take_signed(&in->shape);
    if (is_bad(in) || period_s > INT32_MAX || slots > SERIES_SLOTS_MAX) return ERR_CORRUPT;
    int rc = record_series_window(in->code, entry, (int32_t)period_s, (uint32_t)slots, start_s);
    if (rc == OK && entry->record == 0) {
        double *values = record_values(entry);
        for (uint32_t i = 0; i < entry->slots; i++)
            values[i] = NAN;
    }
    return rc == ERR_INVALID ? ERR_CORRUPT : rc;
}

static int read_move(struct reading *in, struct record_series *entry)
{
    int64_t moved = take_signed(&in->shape);
    if (is_bad(in) || moved < INT32_MIN || moved > INT32_MAX) return ERR_CORRUPT;
    int64_t start_s = record_start_s(entry) + moved * entry->series->period_s;
    if (entry->series->slots == entry->slots && moved > 0 && start_s < INT64_C(1) << 40) {
        series_move(entry->series, start_s + (int64_t)entry->slots * entry->series->period_s);
        return OK;
    }
    int rc = record_series_window(in->code, entry, entry->series->period_s, entry->slots, start_s);
    return rc == ERR_INVALID ? ERR_CORRUPT : rc;
}

static int read_series(struct reading *in, struct record_series *entry)
{
    unsigned flags = take_byte(&in->shape), state = 0, hint = 0;
    bool fresh = entry->record == 0;
    if (is_bad(in) || flags == 0 || flags > CHANGE_FLAGS || (fresh && !(flags & CHANGE_WINDOW)))
        return ERR_CORRUPT;
    if (flags & CHANGE_STATE) {
        state = take_byte(&in->shape);
        hint = take_byte(&in->shape);
        if (state > SERIES_FAILED || hint > SERIES_HINT_UNIT) return ERR_CORRUPT;
    }
    int rc = flags & CHANGE_WINDOW ? read_window(in, entry) : OK;
    if (rc == OK && flags & CHANGE_STATE) {
        entry->series->state = (uint8_t)state;
        entry->series->hint = (uint8_t)hint;
    }
    if (rc == OK && flags & CHANGE_MOVE) rc = read_move(in, entry);
    if (rc == OK && flags & CHANGE_VALUES) rc = read_values(in, entry);
    entry->record = in->code->record;
    return rc;
}

/* ---- targets ---- */

static int read_target_text(struct reading *in, struct record_text *text)
{
    uint64_t prefix = take_number(&in->shape);
    if (prefix == 0) {
        record_text_done(text);
        return OK;
    }
    prefix--;
    uint64_t suffix = take_number(&in->shape), len = take_number(&in->shape);
    const unsigned char *middle = take_bytes(&in->texts, len);
    if (is_bad(in) || !middle || prefix > text->len || suffix > text->len - prefix)
        return ERR_CORRUPT;
    return record_text_set(text, (size_t)prefix, (size_t)suffix, (const char *)middle, (size_t)len);
}

static int read_use(struct reading *in, struct target_use *out)
{
    struct record_code *code = in->code;
    int rc = read_name(in, &out->name);
    if (rc < 0) return rc;
    uint64_t back = take_number(&in->shape);
    if (is_bad(in) || back > code->listed_count) return ERR_CORRUPT;
    if (back > 0) {
        out->series = code->listed[code->listed_count - back];
    } else {
        struct metric *metric = NULL;
        if (code->listed_count >= RECORD_NUMBERS_MAX) return ERR_CORRUPT;
        rc = read_metric(in, 0, &metric);
        if (rc == OK) rc = record_series_of(code, metric, &out->series);
        metric_release(metric);
        if (rc == OK && out->series->listed) rc = ERR_CORRUPT;
        if (rc == OK) rc = record_series_list(code, out->series);
        if (rc < 0) return rc;
        out->series->record = 0;
    }
    uint64_t slots = take_number(&in->shape);
    if (is_bad(in) || slots > SERIES_SLOTS_MAX) return ERR_CORRUPT;
    out->slots = (uint32_t)slots;
    return OK;
}

static int read_uses(struct reading *in, struct target_entry *entry)
{
    uint64_t count = take_number(&in->shape);
    if (is_bad(in) || count > TARGET_USES_MAX) return ERR_CORRUPT;
    struct target_use *uses = calloc((size_t)count + 1, sizeof *uses);
    if (!uses) return ERR_NOMEM;
    free(entry->uses);
    entry->uses = uses;
    entry->use_count = 0;
    entry->shown_at = 0;
    for (uint64_t i = 0; i < count; i++) {
        int rc = read_use(in, &uses[i]);
        if (rc < 0) return rc;
        entry->use_count++;
    }
    return OK;
}

static int read_which(struct reading *in, struct target_entry **out)
{
    struct record_code *code = in->code;
    int64_t off = take_signed(&in->shape);
    if (is_bad(in) || off < INT32_MIN || off > INT32_MAX) return ERR_CORRUPT;
    int64_t number = (int64_t)code->expected + off;
    if (number < 0 || number > (int64_t)code->target_count) return ERR_CORRUPT;
    code->expected = (uint32_t)number + 1;
    if (number < (int64_t)code->target_count) {
        *out = code->targets[number];
        return OK;
    }
    uint64_t len = take_number(&in->shape);
    const unsigned char *id = take_bytes(&in->texts, len);
    if (is_bad(in) || !id) return ERR_CORRUPT;
    return record_target_add(code, (const char *)id, (size_t)len, false, out);
}

static int read_changes(struct reading *in, struct target_entry *entry)
{
    uint64_t at = 0;
    for (;;) {
        uint64_t gap = take_number(&in->shape);
        if (gap == 0) break;
        if (is_bad(in) || gap > entry->use_count - at) return ERR_CORRUPT;
        at += gap;
        int rc = read_series(in, entry->uses[at - 1].series);
        if (rc < 0) return rc;
    }
    return is_bad(in) ? ERR_CORRUPT : OK;
}

/* Each series that is listed is given with its first target. */
static bool all_given(const struct target_entry *entry)
{
    for (size_t i = 0; i < entry->use_count; i++)
        if (!entry->uses[i].series->shown) return false;
    return true;
}

/* ---- what is shown ---- */

/* Its uses, when a pointer in them is another than it was. */
static int show_uses(const struct record_code *code, struct target_entry *entry)
{
    if (entry->shown_at == code->moves) return OK;
    if (entry->shown_at == 0) {
        free(entry->shown);
        entry->shown = calloc(entry->use_count + 1, sizeof *entry->shown);
        if (!entry->shown) return ERR_NOMEM;
    }
    for (size_t i = 0; i < entry->use_count; i++)
        entry->shown[i] = (struct replay_use){.key = code->names[entry->uses[i].name]->text,
                                              .metric = entry->uses[i].series->metric,
                                              .series = entry->uses[i].series->series,
                                              .slots = entry->uses[i].slots};
    entry->shown_at = code->moves;
    return OK;
}

static int show(struct record_code *code)
{
    while (code->shown_cap < code->order_count) {
        struct replay_target *shown =
            record_room(code->shown, code->shown_cap, &code->shown_cap, sizeof *shown);
        if (!shown) return ERR_NOMEM;
        code->shown = shown;
    }
    for (size_t i = 0; i < code->order_count; i++) {
        struct target_entry *entry = code->order[i];
        int rc = show_uses(code, entry);
        if (rc < 0) return rc;
        code->shown[i] = (struct replay_target){.id = entry->id,
                                                .json = entry->texts[0].bytes,
                                                .extra_json = entry->texts[1].bytes,
                                                .memo_json = entry->texts[2].bytes,
                                                .uses = entry->shown,
                                                .use_count = entry->use_count};
    }
    return OK;
}

const uint64_t *record_moves(const struct record_code *code)
{
    return &code->moves;
}

int record_find(struct record_code *code, struct metric *metric, uint32_t slots,
                struct series *const **found)
{
    struct record_series *entry;
    if (slots > SERIES_SLOTS_MAX) return ERR_LIMIT;
    int rc = record_series_of(code, metric, &entry);
    if (rc < 0) return rc;
    *found = &entry->shown;
    if (slots <= entry->want) return OK;
    entry->want = slots;
    if (!entry->series || entry->series->slots >= slots) return OK;
    bool shown = entry->shown;
    rc = record_series_window(code, entry, entry->series->period_s, entry->slots,
                              record_start_s(entry));
    if (!shown) {
        entry->shown = NULL;
        code->moves++;
    }
    return rc == OK ? show(code) : rc; /* the targets may point at it */
}

/* ---- one record ---- */

static int add_to_order(struct record_code *code, struct target_entry *entry)
{
    struct target_entry **order =
        record_room(code->order, code->order_count, &code->order_cap, sizeof *order);
    if (!order) return ERR_NOMEM;
    code->order = order;
    code->order[code->order_count++] = entry;
    return OK;
}

static int read_target(struct reading *in)
{
    struct target_entry *entry = NULL;
    int rc = read_which(in, &entry);
    if (rc < 0) return rc;
    unsigned flags = take_byte(&in->shape);
    if (is_bad(in) || flags > TARGET_FLAGS || entry->record == in->code->record) return ERR_CORRUPT;
    entry->record = in->code->record;
    rc = add_to_order(in->code, entry);
    for (unsigned i = 0; i < COUNT_OF(entry->texts) && rc == OK; i++)
        if (flags & 1U << i) rc = read_target_text(in, &entry->texts[i]);
    if (rc == OK && flags & TARGET_USES) rc = read_uses(in, entry);
    if (rc == OK) rc = read_changes(in, entry);
    if (rc == OK && flags & TARGET_USES && !all_given(entry)) rc = ERR_CORRUPT;
    return rc;
}

int record_read(struct record_code *code, const void *bytes, size_t len)
{
    struct reading in = {.code = code};
    int rc = open_parts(&in, bytes, len);
    bool whole = record_is_whole(bytes, len);
    if (rc == OK && !whole && code->broken) rc = ERR_CORRUPT;
    if (rc < 0) {
        code->broken = true;
        code->order_count = 0;
        return rc;
    }
    if (whole) record_state_clear(code);
    code->broken = true;
    code->record++;
    code->expected = 0;
    code->order_count = 0;
    while (rc == OK && in.shape.at < in.shape.end)
        rc = read_target(&in);
    if (rc == OK) rc = show(code);
    if (rc < 0) code->order_count = 0;
    code->broken = rc < 0;
    return rc;
}

const struct replay_target *record_targets(const struct record_code *code, size_t *count)
{
    *count = code->order_count;
    return code->shown;
}
