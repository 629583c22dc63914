/* stats/crossing.c - when a trend reaches a threshold. */
#include "moontide/stats/crossing.h"

#include "moontide/base/err.h"
#include "moontide/stats/line.h"

const char *const crossing_way_names[CROSSING_WAYS + 1] = {"trend", "up", "down", NULL};

/* Whether the line has the threshold behind it. rise, rise_first: what there was to go upwards, now
 * and at the first datapoint. */
static bool is_past(enum crossing_way way, double rise, double rise_first)
{
    switch (way) {
    case CROSSING_UP: return rise <= 0;
    case CROSSING_DOWN: return rise >= 0;
    default: return rise == 0 || rise * rise_first < 0;
    }
}

static struct crossing judge(const struct line *line, double threshold, enum crossing_way way,
                             double now_s)
{
    struct crossing answer = {CROSSING_UNKNOWN, {NAN, NAN, NAN}};
    double rise = threshold - line_at(line, now_s);
    if (isnan(rise) || isnan(line->low)) return answer;
    if (is_past(way, rise, threshold - line_at(line, line->start_s)))
        return (struct crossing){CROSSING_PAST, {0, 0, 0}};
    answer.state = CROSSING_NEVER;
    bool sure = line->low > 0 || line->high < 0;
    if (!sure || rise / line->slope < 0) return answer;
    answer.state = CROSSING_AHEAD;
    answer.in_s = (struct interval){
        .expected = rise / line->slope,
        .low = fmin(rise / line->low, rise / line->high),
        .high = fmax(rise / line->low, rise / line->high),
    };
    return answer;
}

int crossing_find(struct trend trend, double threshold, enum crossing_way way, double now_s,
                  double confidence, struct crossing *out)
{
    struct line line;
    int code = line_theil_sen(trend, confidence, &line);
    if (code == OK) *out = judge(&line, threshold, way, now_s);
    return code;
}
