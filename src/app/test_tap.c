/* app/test_tap.c - results as TAP 13. Source: testanything.org, "TAP 13 specification". */
#include "moontide/app/tests.h"

#include <stdlib.h>
#include <string.h>

/* A '#' would begin a directive. */
static void print_name(FILE *out, const char *name)
{
    for (; *name; name++) {
        if (*name == '#') fputc('\\', out);
        fputc(*name == '\n' ? ' ' : *name, out);
    }
}

static void print_block(FILE *out, const char *text)
{
    char *plain = test_plain(text);
    for (const char *at = plain; at && *at;) {
        size_t len = strcspn(at, "\n");
        fprintf(out, "    %.*s\n", (int)len, at);
        at += len + (at[len] == '\n');
    }
    free(plain);
}

static void print_record(const struct test_file *file, const struct test_record *record,
                         size_t number, FILE *out)
{
    fprintf(out, "%sok %zu - ", record->status == PTEST_FAILED ? "not " : "", number);
    print_name(out, record->name);
    if (record->status == PTEST_PENDING) {
        fputs(" # SKIP ", out);
        print_name(out, record->message);
    }
    fputc('\n', out);
    if (record->status != PTEST_FAILED) return;
    const char *at = record->at_file[0] ? record->at_file : file->shown;
    fprintf(out, "  ---\n  at: \"%s:%d\"\n  message: |\n", at,
            record->at_line ? record->at_line : record->line);
    print_block(out, record->message);
    fputs("  ...\n", out);
}

void test_print_tap(const struct test_book *book, FILE *out)
{
    size_t number = 0;
    for (size_t i = 0; i < book->count; i++)
        number += book->files[i].count + (book->files[i].fault ? 1 : 0);
    fprintf(out, "TAP version 13\n1..%zu\n", number);
    number = 0;
    for (size_t i = 0; i < book->count; i++) {
        const struct test_file *file = &book->files[i];
        for (size_t k = 0; k < file->count; k++)
            print_record(file, &file->records[k], ++number, out);
        if (!file->fault) continue;
        char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(file->fault, line, sizeof line);
        fprintf(out, "not ok %zu - %s loads\n  ---\n  message: |\n", ++number, file->shown);
        print_block(out, line);
        fputs("  ...\n", out);
    }
}
