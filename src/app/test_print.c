/* app/test_print.c - results for people: what failed, with its line and its difference. */
#include "moontide/app/tests.h"
#include "moontide/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { SLOW_US = 700 * 1000, DRAW_US = 100 * 1000, TRACE_LINES_MAX = 12 };

int64_t test_now_us(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real) / 1000;
}

char *test_plain(const char *text)
{
    char *out = malloc(strlen(text) + 1), *to = out;
    for (const char *at = text; out && *at;) {
        if (at[0] == '\033' && at[1] == '[') {
            at += 2;
            at += strcspn(at, "m");
            if (*at) at++;
        } else {
            *to++ = *at++;
        }
    }
    if (out) *to = '\0';
    return out;
}

static const char *paint(const struct test_printer *printer, const char *code)
{
    return printer->color ? code : "";
}

static void wipe(struct test_printer *printer)
{
    if (!printer->drawn) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    printer->drawn = false;
}

/* Lines, each with the same indentation. */
static void print_lines(FILE *out, const char *text, const char *indent, size_t most)
{
    for (size_t n = 0; *text && n < most; n++) {
        size_t len = strcspn(text, "\n");
        fprintf(out, "%s%.*s\n", indent, (int)len, text);
        text += len + (text[len] == '\n');
    }
    if (*text) fprintf(out, "%s...\n", indent);
}

static void print_failure(const struct test_printer *printer, const struct test_file *file,
                          const struct test_record *record)
{
    FILE *out = printer->out;
    const char *off = paint(printer, "\033[0m");
    fprintf(out, "%sFAIL%s %s%s%s", paint(printer, "\033[1;31m"), off, paint(printer, "\033[1m"),
            record->name, off);
    if (record->line)
        fprintf(out, "  %s%s:%d%s", paint(printer, "\033[2m"), file->shown, record->line, off);
    fputc('\n', out);
    if (record->at_line && record->at_file[0])
        fprintf(out, "  %s%s:%d%s: %s\n", paint(printer, "\033[36m"), record->at_file,
                record->at_line, off, record->source);
    print_lines(out, record->message, "  ", SIZE_MAX);
    if (record->traceback[0] && printer->verbose)
        print_lines(out, record->traceback, "    ", TRACE_LINES_MAX);
    if (record->output[0]) {
        fprintf(out, "  %sit printed:%s\n", paint(printer, "\033[2m"), off);
        print_lines(out, record->output, "    ", SIZE_MAX);
    }
}

static void print_verbose(const struct test_printer *printer, const struct test_record *record)
{
    const char *off = paint(printer, "\033[0m");
    if (record->status == PTEST_PENDING) {
        fprintf(printer->out, "%spending%s %s (%s)\n", paint(printer, "\033[33m"), off,
                record->name, record->message);
        return;
    }
    fprintf(printer->out, "%sok%s      %s %s(%.1f ms)%s\n", paint(printer, "\033[32m"), off,
            record->name, paint(printer, "\033[2m"), (double)record->elapsed_us / 1000, off);
    print_lines(printer->out, record->output, "        ", SIZE_MAX);
}

void test_print_record(void *data, const struct test_file *file, const struct test_record *record)
{
    struct test_printer *printer = data;
    if (record->status != PTEST_FAILED && !printer->verbose) return;
    wipe(printer);
    if (record->status == PTEST_FAILED)
        print_failure(printer, file, record);
    else
        print_verbose(printer, record);
    fflush(printer->out);
}

void test_print_file(void *data, const struct test_file *file)
{
    struct test_printer *printer = data;
    if (!file->fault) return;
    char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    wipe(printer);
    fault_print(file->fault, line, sizeof line);
    fprintf(printer->out, "%sERROR%s %s does not load\n", paint(printer, "\033[1;31m"),
            paint(printer, "\033[0m"), file->shown);
    print_lines(printer->out, line, "  ", SIZE_MAX);
    if (file->traceback && printer->verbose)
        print_lines(printer->out, file->traceback, "    ", TRACE_LINES_MAX);
    fflush(printer->out);
}

/* On a terminal, when it takes a while: one line that tells how far it is. */
void test_print_moved(void *data)
{
    struct test_printer *printer = data;
    const struct test_book *book = printer->book;
    int64_t now_us = test_now_us();
    if (!printer->progress || now_us - printer->begun_us < SLOW_US ||
        now_us - printer->drawn_us < DRAW_US || book->next >= book->count)
        return;
    printer->drawn_us = now_us;
    printer->drawn = true;
    fprintf(stderr, "\r\033[K%zu tests, %zu failed, file %zu of %zu: %s",
            book->passed + book->failed, book->failed, book->next + 1, book->count,
            book->files[book->next].shown);
    fflush(stderr);
}

void test_print_end(struct test_printer *printer)
{
    const struct test_book *book = printer->book;
    FILE *out = printer->out;
    const char *off = paint(printer, "\033[0m");
    bool bad = book->failed || book->broken, focused = false;
    wipe(printer);
    for (size_t i = 0; i < book->count; i++)
        focused = focused || book->files[i].focused;
    if (focused) fprintf(out, "only what it.only or describe.only names was run\n");
    fprintf(out, "%s%zu passed, %zu failed%s", paint(printer, bad ? "\033[1;31m" : "\033[1;32m"),
            book->passed, book->failed, off);
    if (book->pending) fprintf(out, ", %zu pending", book->pending);
    if (book->broken)
        fprintf(out, ", %zu file%s did not load", book->broken, book->broken == 1 ? "" : "s");
    fprintf(out, " %s(%.2f s)%s\n", paint(printer, "\033[2m"),
            (double)(test_now_us() - printer->begun_us) / 1e6, off);
}

struct timed {
    const struct test_file *file;
    const struct test_record *record;
};

static int slowest_first(const void *a, const void *b)
{
    int64_t x = ((const struct timed *)a)->record->elapsed_us;
    int64_t y = ((const struct timed *)b)->record->elapsed_us;
    return x > y ? -1 : x < y;
}

void test_print_bench(const struct test_book *book, FILE *out)
{
    size_t count = 0, at = 0;
    int64_t all_us = 0;
    for (size_t i = 0; i < book->count; i++)
        count += book->files[i].count;
    struct timed *list = malloc((count + 1) * sizeof *list);
    for (size_t i = 0; i < book->count && list; i++)
        for (size_t k = 0; k < book->files[i].count; k++) {
            const struct test_record *record = &book->files[i].records[k];
            if (record->status == PTEST_PENDING) continue;
            list[at++] = (struct timed){&book->files[i], record};
            all_us += record->elapsed_us;
        }
    if (list && at > 1) qsort(list, at, sizeof *list, slowest_first);
    for (size_t i = 0; i < at && list; i++)
        fprintf(out, "%10.3f ms  %s  %s\n", (double)list[i].record->elapsed_us / 1000,
                list[i].record->name, list[i].file->shown);
    if (at > 0)
        fprintf(out, "%10.3f ms  in all; median %.3f ms\n", (double)all_us / 1000,
                (double)list[at / 2].record->elapsed_us / 1000);
    free(list);
}
