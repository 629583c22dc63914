/* stats/line.c - the line of least squares. */
#include "moontide/stats/line.h"

#include "moontide/base/err.h"
#include "moontide/stats/distribution.h"

const char *const line_method_names[LINE_METHODS + 1] = {"least-squares", "theil-sen", NULL};

/* Count, start, centre and level: two passes around the means, because epoch seconds squared would
 * eat the digits of a double. */
static struct line means_of(const struct trend *trend)
{
    struct line line = {
        .slope = NAN, .low = NAN, .high = NAN, .error = NAN, .r2 = NAN, .sigma = NAN};
    double times = 0, values = 0;
    for (size_t i = 0; i < trend->count; i++) {
        if (!trend_has(trend, i)) continue;
        if (line.count++ == 0) line.start_s = trend_time(trend, i);
        times += trend_time(trend, i) - line.start_s;
        values += trend->values[i];
    }
    line.centre_s = line.start_s + times / (double)line.count;
    line.level = values / (double)line.count;
    return line;
}

struct line line_least_squares(struct trend trend, double confidence)
{
    struct line line = means_of(&trend);
    double centre = line.centre_s - line.start_s, tv = 0, vv = 0, rest = 0;
    for (size_t i = 0; i < trend.count; i++) {
        if (!trend_has(&trend, i)) continue;
        double t = trend_time(&trend, i) - line.start_s - centre, v = trend.values[i] - line.level;
        line.squares += t * t;
        tv += t * v;
        vv += v * v;
    }
    if (line.count < 2 || !(line.squares > 0) || !isfinite(vv)) return line;
    line.slope = tv / line.squares;
    for (size_t i = 0; i < trend.count; i++) {
        if (!trend_has(&trend, i)) continue;
        double t = trend_time(&trend, i) - line.start_s - centre,
               residual = trend.values[i] - line.level - line.slope * t;
        rest += residual * residual;
    }
    if (vv > 0) line.r2 = fmax(0, 1 - rest / vv);
    if (line.count < 3) return line;
    double freedom = (double)line.count - 2;
    line.sigma = sqrt(rest / freedom);
    line.error = line.sigma / sqrt(line.squares);
    double width = student_width(confidence, freedom) * line.error;
    line.low = line.slope - width;
    line.high = line.slope + width;
    return line;
}

int line_fit(struct trend trend, enum line_method method, double confidence, struct line *out)
{
    if (method == LINE_THEIL_SEN) return line_theil_sen(trend, confidence, out);
    *out = line_least_squares(trend, confidence);
    return OK;
}

struct interval line_predict(const struct line *line, double at_s, double level)
{
    struct interval answer = {line_at(line, at_s), NAN, NAN};
    if (isnan(answer.expected) || isnan(line->sigma)) return answer;
    double away = at_s - line->centre_s,
           width = student_width(level, (double)line->count - 2) * line->sigma *
                   sqrt(1 + 1 / (double)line->count + away * away / line->squares);
    answer.low = answer.expected - width;
    answer.high = answer.expected + width;
    return answer;
}
