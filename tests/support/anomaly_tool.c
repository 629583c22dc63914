/* support/anomaly_tool.c - the anomaly detector over rows, for tests/bench/nab.py.
 *
 *   anomaly_tool < ROWS
 *
 * A row is "epoch-seconds value"; a line "#" begins another series. Each row is answered by
 * "score likelihood expected lower upper", and each "#" by itself; a row that the detector refuses
 * (a time that goes back) by "0 0 nan nan nan". */
#include "moontide/stats/anomaly.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double known(double x)
{
    return isnan(x) ? 0 : x;
}

int main(void)
{
    char line[256];
    struct anomaly_detector *detector;
    if (anomaly_new(&(struct anomaly_options){0}, &detector) < 0) return 1;
    while (fgets(line, sizeof line, stdin)) {
        if (line[0] == '#') {
            anomaly_reset(detector);
            puts("#");
            continue;
        }
        char *end;
        double time_s = strtod(line, &end), value = strtod(end, NULL);
        struct anomaly out = {NAN, NAN, NAN, NAN, NAN};
        if (anomaly_update(detector, time_s, value, &out) < 0)
            fprintf(stderr, "anomaly_tool: refused: %s", line);
        printf("%.17g %.17g %.17g %.17g %.17g\n", known(out.score), known(out.likelihood),
               out.expected, out.lower, out.upper);
    }
    anomaly_free(detector);
    return 0;
}
