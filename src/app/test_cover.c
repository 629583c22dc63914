/* app/test_cover.c - the table of coverage: lines by policy, and those that did not run. */
#include "moontide/app/policy_dir.h"
#include "moontide/app/policy_scan.h"
#include "moontide/app/tests.h"

#include <string.h>

void test_cover_sources(struct cover *cover, const struct config *config)
{
    struct policy_scan scan;
    policy_scan_read(&scan, config->policies_dir, config->source_bytes, POLICY_FILES_MAX);
    for (size_t i = 0; i < scan.count; i++)
        if (scan.files[i].text)
            cover_source(cover, path_shown(scan.files[i].path), scan.files[i].text,
                         scan.files[i].len);
    policy_scan_done(&scan);
}

struct table {
    FILE *out;
    double threshold;
    bool color;
    size_t below, active, hit;
    int width;
};

static double percent(size_t hit, size_t active)
{
    return active ? 100.0 * (double)hit / (double)active : 100;
}

/* "12-15, 30" */
static void print_missed(const struct table *table, const struct cover_file *file)
{
    size_t count = file->active - file->hit, shown = 0;
    for (size_t i = 0; i < count; shown++) {
        size_t last = i;
        while (last + 1 < count && file->missed[last + 1] == file->missed[last] + 1)
            last++;
        if (shown == 12) {
            fputs(", ...", table->out);
            break;
        }
        fprintf(table->out, "%s%zu", shown ? ", " : "  not run: ", file->missed[i]);
        if (last > i) fprintf(table->out, "-%zu", file->missed[last]);
        i = last + 1;
    }
}

static void print_file(void *data, const struct cover_file *file)
{
    struct table *table = data;
    double share = percent(file->hit, file->active);
    bool below = table->threshold >= 0 && share < table->threshold;
    const char *paint = !table->color ? ""
                        : below       ? "\033[31m"
                        : share < 100 ? "\033[33m"
                                      : "\033[32m";
    table->below += below;
    table->active += file->active;
    table->hit += file->hit;
    fprintf(table->out, "%s%6.1f %%%s  %5zu of %5zu  %s", paint, share,
            table->color ? "\033[0m" : "", file->hit, file->active, file->name);
    print_missed(table, file);
    fputc('\n', table->out);
}

size_t test_cover_print(const struct cover *cover, double threshold, FILE *out, bool color)
{
    struct table table = {.out = out, .threshold = threshold, .color = color};
    cover_each(cover, print_file, &table);
    fprintf(out, "%6.1f %%  %5zu of %5zu  lines in all\n", percent(table.hit, table.active),
            table.hit, table.active);
    if (table.below > 0)
        fprintf(out, "%zu file%s below the threshold of %g %%\n", table.below,
                table.below == 1 ? " is" : "s are", threshold);
    if (cover_status(cover) < 0)
        fprintf(out, "the figures are not whole: %s\n", err_text(cover_status(cover)));
    return table.below;
}
