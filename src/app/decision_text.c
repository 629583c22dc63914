/* app/decision_text.c - one decision for people.
 *
 *   ~ ecs_autoscaling service/gm-tool-prod/api: proposed (MODE)
 *       max     10 -> 20
 *       target  60 -> 50
 *     ! an instance class changes with a downtime of some minutes
 */
#include "moontide/app/decision_text.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_WIDTH_MAX = 32 };

struct look {
    const char *sign, *color;
};

static struct look look_of(const struct decision_report *d)
{
    switch (d->outcome) {
    case OUTCOME_APPLIED: return (struct look){"*", "\033[32m"};
    case OUTCOME_PROPOSED: return (struct look){"~", "\033[33m"};
    case OUTCOME_UNCHANGED: return (struct look){"=", "\033[2m"};
    case OUTCOME_REFUSED: return (struct look){"-", "\033[35m"};
    default: return (struct look){"!", "\033[1;31m"};
    }
}

static char *value_text(const cJSON *value)
{
    return value && !cJSON_IsNull(value) ? cJSON_PrintUnformatted(value) : strdup("(none)");
}

static int width_of(const cJSON *changes)
{
    const cJSON *change;
    int width = 0;
    cJSON_ArrayForEach(change, changes)
    {
        const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field"));
        int len = field ? (int)strnlen(field, FIELD_WIDTH_MAX) : 0;
        if (len > width) width = len;
    }
    return width;
}

static void print_changes(FILE *out, const char *json)
{
    cJSON *changes = json ? cJSON_Parse(json) : NULL;
    const cJSON *change;
    int width = width_of(changes);
    cJSON_ArrayForEach(change, changes)
    {
        const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field"));
        char *from = value_text(cJSON_GetObjectItemCaseSensitive(change, "from"));
        char *to = value_text(cJSON_GetObjectItemCaseSensitive(change, "to"));
        fprintf(out, "      %-*s  %s -> %s\n", width, field ? field : "?", from ? from : "?",
                to ? to : "?");
        free(from);
        free(to);
    }
    cJSON_Delete(changes);
}

static void print_notes(FILE *out, const char *json, bool color)
{
    cJSON *notes = json ? cJSON_Parse(json) : NULL;
    const cJSON *note;
    cJSON_ArrayForEach(note, notes)
    {
        if (!cJSON_IsString(note)) continue;
        fprintf(out, "    %s!%s %s\n", color ? "\033[1;33m" : "", color ? "\033[0m" : "",
                note->valuestring);
    }
    cJSON_Delete(notes);
}

static void print_where(FILE *out, const struct decision *decision)
{
    if (!decision->region && !decision->account) return;
    fprintf(out, " (%s%s%s)", decision->account ? decision->account : "",
            decision->account && decision->region ? ", " : "",
            decision->region ? decision->region : "");
}

static void print_clipped(FILE *out, uint32_t clipped)
{
    const char *sep = ", clipped by ";
    for (int rail = 0; rail < RAIL_COUNT; rail++) {
        if (!(clipped & 1u << rail)) continue;
        fprintf(out, "%s%s", sep, rail_codes[rail]);
        sep = ", ";
    }
}

void decision_print(FILE *out, const struct decision_report *d, bool color)
{
    struct look look = look_of(d);
    fprintf(out, "  %s%s %s %s%s", color ? look.color : "", look.sign, d->decision->kind,
            d->decision->resource, color ? "\033[0m" : "");
    print_where(out, d->decision);
    fprintf(out, ": %s%s", d->back ? "back to former values, " : "", outcome_names[d->outcome]);
    if (d->reason[0]) fprintf(out, " (%s)", d->reason);
    print_clipped(out, d->clipped);
    fputc('\n', out);
    if (d->text) fprintf(out, "      %s\n", d->text);
    print_changes(out, d->changes);
    print_notes(out, d->notes, color);
}
