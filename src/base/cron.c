/* base/cron.c - reads cron text into bit sets. */
#include "moontide/base/cron.h"

#include "civil.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct cron_field {
    const char *name;
    int low, high;
    const char *const *names; /* of low, low + 1, ...; NULL: only numbers */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum { FIELDS = 5, WORD_MAX = 128 };
static const struct cron_field fields[FIELDS] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of month", 1, 31, NULL},
    {"month", 1, 12, month_names},
    {"day of week", 0, 7, weekday_names},
};

static const struct {
    const char *name, *means;
} nicknames[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                 {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
                 {"@annually", "0 0 1 1 *"}};

static const char *take_number(const char *at, int *out)
{
    int value = 0;
    if (!isdigit((unsigned char)*at)) return NULL;
    for (; isdigit((unsigned char)*at); at++)
        if ((value = value * 10 + (*at - '0')) > 1000) return NULL;
    *out = value;
    return at;
}

/* A number or a name within the field's range; NULL: neither. */
static const char *take_value(const struct cron_field *field, const char *at, int *out)
{
    for (int i = 0; field->names && field->names[i]; i++)
        if (strncasecmp(at, field->names[i], 3) == 0 && !isalnum((unsigned char)at[3])) {
            *out = field->low + i;
            return at + 3;
        }
    at = take_number(at, out);
    return at && *out >= field->low && *out <= field->high ? at : NULL;
}

/* "*", "5", "1-5", "*" or "1-5" with "/2"; ends at "," or the end. */
static const char *take_range(const struct cron_field *field, const char *at, uint64_t *set)
{
    int from = field->low, to = field->high, step = 1;
    bool range = true;
    if (*at == '*') {
        at++;
    } else {
        if (!(at = take_value(field, at, &from))) return NULL;
        range = *at == '-';
        to = from;
        if (range && !(at = take_value(field, at + 1, &to))) return NULL;
        if (to == 0 && from > 0 && field->names == weekday_names) to = 7; /* fri-sun */
        if (to < from) return NULL;
    }
    if (*at == '/') {
        if (!range || !(at = take_number(at + 1, &step)) || step == 0) return NULL;
    }
    for (int value = from; value <= to; value += step)
        *set |= (uint64_t)1 << value;
    return at;
}

static bool read_field(const struct cron_field *field, const char *text, uint64_t *set)
{
    *set = 0;
    for (;; text++) {
        text = take_range(field, text, set);
        if (!text) return false;
        if (*text == '\0') return true;
        if (*text != ',') return false;
    }
}

static int field_fault(const struct cron_field *field, const char *word, struct fault *fault)
{
    char names[96] = "";
    if (field->names) {
        int last = 0;
        while (field->names[last + 1])
            last++;
        snprintf(names, sizeof names, " or %s to %s", field->names[0], field->names[last]);
    }
    return fault_set(fault, ERR_INVALID,
                     "cron: the %s is '%s'; it must be of %d to %d%s, with lists (1,5), ranges "
                     "(1-5), * and steps (*/2)",
                     field->name, word, field->low, field->high, names);
}

/* Whether some month of the set has the first day of the set. */
static bool day_comes(const struct cron *cron)
{
    for (int month = 1; month <= 12; month++)
        if (cron->months >> month & 1)
            for (int day = 1; day <= days_of_month(2000, month); day++)
                if (cron->days >> day & 1) return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts the next word off; its length, or WORD_MAX when it does not fit. */
static size_t next_word(const char **at, char out[WORD_MAX])
{
    size_t len = 0;
    while (is_blank(**at))
        ++*at;
    for (; **at && !is_blank(**at); ++*at) {
        if (len == WORD_MAX - 1) return WORD_MAX;
        out[len++] = **at;
    }
    out[len] = '\0';
    return len;
}

int cron_parse(const char *text, struct cron *out, struct fault *fault)
{
    uint64_t sets[FIELDS];
    bool any[FIELDS];
    char word[WORD_MAX];
    const char *at = text;
    for (size_t i = 0; i < COUNT_OF(nicknames); i++)
        if (strcasecmp(text, nicknames[i].name) == 0) at = nicknames[i].means;
    for (size_t i = 0; i < FIELDS; i++) {
        size_t len = next_word(&at, word);
        if (len == 0 || word[0] == '@')
            return fault_set(fault, ERR_INVALID,
                             "cron: '%.100s' must have five fields (minute, hour, day of month, "
                             "month, day of week), or be @hourly, @daily, @weekly, @monthly or "
                             "@yearly",
                             text);
        if (len == WORD_MAX || !read_field(&fields[i], word, &sets[i])) {
            if (len == WORD_MAX) word[0] = '\0';
            return field_fault(&fields[i], word, fault);
        }
        any[i] = word[0] == '*';
    }
    if (next_word(&at, word) > 0)
        return fault_set(fault, ERR_INVALID, "cron: '%.100s' has more than five fields", text);
    struct cron cron = {.minutes = sets[0],
                        .hours = (uint32_t)sets[1],
                        .days = (uint32_t)sets[2],
                        .months = (uint32_t)sets[3],
                        .weekdays = (uint32_t)((sets[4] | sets[4] >> 7) & 0x7f),
                        .any_day = any[2],
                        .any_weekday = any[4]};
    if ((cron.any_day || cron.any_weekday) && !day_comes(&cron))
        return fault_set(fault, ERR_INVALID, "cron: the day of '%.100s' never comes", text);
    *out = cron;
    return OK;
}

bool cron_matches(const struct cron *cron, int month, int day, int weekday, int hour, int minute)
{
    if (!(cron->minutes >> minute & 1) || !(cron->hours >> hour & 1) ||
        !(cron->months >> month & 1))
        return false;
    bool by_day = cron->days >> day & 1, by_weekday = cron->weekdays >> weekday & 1;
    return cron->any_day || cron->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}
