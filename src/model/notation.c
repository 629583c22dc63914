/* model/notation.c - promtool's notation, item by item. */
#include "moontide/model/notation.h"

#include "moontide/base/number.h"
#include "moontide/model/series.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct item {
    const char *text;
    size_t len;
    size_t column; /* from 1 */
};

/* What an item says: `times` values, the first of them `first`. */
struct run {
    double first, step; /* first NaN: no datapoint */
    size_t times;
};

static int refuse(const struct item *item, struct fault *fault, const char *why)
{
    int shown = item->len < 40 ? (int)item->len : 40;
    return fault_set(fault, ERR_PARSE, "'%.*s' at character %zu: %s", shown, item->text,
                     item->column, why);
}

/* The length of the unsigned number at the start of text: digits, a point, an exponent. */
static size_t number_length(const char *text, size_t len)
{
    size_t at = 0, digits = 0;
    for (; at < len && isdigit((unsigned char)text[at]); at++)
        digits++;
    if (at < len && text[at] == '.')
        for (at++; at < len && isdigit((unsigned char)text[at]); at++)
            digits++;
    if (digits == 0) return 0;
    size_t end = at;
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < len && (text[at] == '+' || text[at] == '-')) at++;
        if (at < len && isdigit((unsigned char)text[at])) {
            while (at < len && isdigit((unsigned char)text[at]))
                at++;
            end = at;
        }
    }
    return end;
}

/* Takes a number with an optional sign from *at on. */
static bool take_number(const struct item *item, size_t *at, double *out)
{
    size_t start = *at;
    bool negative = start < item->len && item->text[start] == '-';
    if (negative || (start < item->len && item->text[start] == '+')) start++;
    size_t len = number_length(item->text + start, item->len - start);
    if (len == 0 || !number_parse(item->text + start, len, out) || !isfinite(*out)) return false;
    if (negative) *out = -*out;
    *at = start + len;
    return true;
}

/* "xN" from *at on; answers false when it is malformed. */
static bool take_times(const struct item *item, size_t *at, size_t *out)
{
    size_t i = *at + 1, times = 0;
    if (i >= item->len) return false;
    for (; i < item->len && isdigit((unsigned char)item->text[i]); i++) {
        if (times > SERIES_SLOTS_MAX) break;
        times = times * 10 + (size_t)(item->text[i] - '0');
    }
    while (i < item->len && isdigit((unsigned char)item->text[i]))
        i++;
    *at = i;
    *out = times;
    return i == item->len;
}

static int read_blank(const struct item *item, struct run *out, struct fault *fault)
{
    size_t at = 1;
    *out = (struct run){.first = NAN, .times = 1};
    if (at == item->len) return OK;
    if (item->text[at] != 'x' || !take_times(item, &at, &out->times))
        return refuse(item, fault, "a slot without a datapoint is _ or _xN");
    return OK;
}

static int read_numbers(const struct item *item, struct run *out, struct fault *fault)
{
    static const char what[] = "expected a number, a+bxN, a-bxN, axN, _, _xN or stale";
    size_t at = 0;
    *out = (struct run){.times = 1};
    if (!take_number(item, &at, &out->first)) return refuse(item, fault, what);
    if (at == item->len) return OK;
    bool steps = item->text[at] == '+' || item->text[at] == '-';
    if (steps && !take_number(item, &at, &out->step)) return refuse(item, fault, what);
    if (at == item->len) return refuse(item, fault, "how often is missing: a+bxN");
    size_t more = 0;
    if (item->text[at] != 'x' || !take_times(item, &at, &more)) return refuse(item, fault, what);
    out->times = more + 1;
    return OK;
}

static bool item_is(const struct item *item, const char *word)
{
    return item->len == strlen(word) && memcmp(item->text, word, item->len) == 0;
}

static int read_item(const struct item *item, struct run *out, bool *ends, struct fault *fault)
{
    *ends = item_is(item, "stale");
    if (*ends) {
        *out = (struct run){.first = NAN, .times = 1};
        return OK;
    }
    if (item->text[0] == '_') return read_blank(item, out, fault);
    if (item->text[0] == '{')
        return refuse(item, fault,
                      "CloudWatch has no native histograms: give a statistic's values");
    return read_numbers(item, out, fault);
}

static int append(struct notation *to, const struct run *run, struct fault *fault)
{
    if (run->times > SERIES_SLOTS_MAX - to->count)
        return fault_set(fault, ERR_LIMIT, "more than %d values", SERIES_SLOTS_MAX);
    if (run->times == 0) return OK;
    double *grown = realloc(to->values, (to->count + run->times) * sizeof *grown);
    if (!grown) return fault_set(fault, ERR_NOMEM, "out of memory");
    to->values = grown;
    for (size_t i = 0; i < run->times; i++)
        grown[to->count++] = isnan(run->first) ? NAN : run->first + (double)i * run->step;
    return OK;
}

static bool next_item(const char *text, size_t len, size_t *at, struct item *out)
{
    while (*at < len && isspace((unsigned char)text[*at]))
        ++*at;
    size_t start = *at;
    while (*at < len && !isspace((unsigned char)text[*at]))
        ++*at;
    *out = (struct item){text + start, *at - start, start + 1};
    return out->len > 0;
}

int notation_parse(const char *text, size_t len, struct notation *out, struct fault *fault)
{
    struct notation made = {0};
    struct item item;
    size_t at = 0;
    int code = OK;
    while (code == OK && next_item(text, len, &at, &item)) {
        struct run run;
        bool ends = false;
        if (made.ended)
            code = refuse(&item, fault, "nothing can follow `stale`, which ends the series");
        else
            code = read_item(&item, &run, &ends, fault);
        if (code == OK) code = append(&made, &run, fault);
        made.ended = made.ended || ends;
    }
    if (code < 0)
        free(made.values);
    else
        *out = made;
    return code;
}
