/* app/test_book.c - the results of a round, shown in the order of the files however they come. */
#include "moontide/app/tests.h"

#include <stdlib.h>
#include <string.h>

static void record_done(struct test_record *record)
{
    free(record->name);
    free(record->message);
    free(record->at_file);
    free(record->source);
    free(record->traceback);
    free(record->output);
}

void test_book_done(struct test_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        struct test_file *file = &book->files[i];
        for (size_t k = 0; k < file->count; k++)
            record_done(&file->records[k]);
        free(file->records);
        free(file->path);
        free(file->shown);
        free(file->fault);
        free(file->traceback);
    }
    free(book->files);
    *book = (struct test_book){0};
}

static void *grow(void *items, size_t *cap, size_t count, size_t size)
{
    if (count < *cap) return items;
    size_t more = *cap ? *cap * 2 : 16;
    void *grown = realloc(items, more * size);
    if (grown) *cap = more;
    return grown;
}

void test_book_file(struct test_book *book, const char *path, const char *shown)
{
    struct test_file *files = grow(book->files, &book->cap, book->count, sizeof *files);
    if (files) book->files = files;
    char *own = strdup(path), *own_shown = strdup(shown);
    if (!files || !own || !own_shown) {
        free(own);
        free(own_shown);
        book->out_of_memory = true;
        return;
    }
    book->files[book->count++] = (struct test_file){.path = own, .shown = own_shown};
}

/* What is next in the order of the files. */
static void show(struct test_book *book)
{
    while (book->next < book->count) {
        struct test_file *file = &book->files[book->next];
        for (; file->shown_count < file->count; file->shown_count++)
            if (book->record) book->record(book->data, file, &file->records[file->shown_count]);
        if (!file->over) break;
        if (book->file) book->file(book->data, file);
        book->next++;
    }
    if (book->moved) book->moved(book->data);
}

static bool copy(const char *text, char **out)
{
    *out = strdup(text ? text : "");
    return *out;
}

void test_book_add(struct test_book *book, size_t index, const struct ptest_result *result)
{
    struct test_file *file = &book->files[index];
    struct test_record *records = grow(file->records, &file->cap, file->count, sizeof *records);
    if (records) file->records = records;
    struct test_record record = {.line = result->line,
                                 .at_line = result->at_line,
                                 .status = result->status,
                                 .elapsed_us = result->elapsed_us};
    bool whole = records && copy(result->name, &record.name);
    whole = whole && copy(result->message, &record.message);
    whole = whole && copy(result->at_file, &record.at_file);
    whole = whole && copy(result->source, &record.source);
    whole = whole && copy(result->traceback, &record.traceback);
    whole = whole && copy(result->output, &record.output);
    if (!whole) {
        record_done(&record);
        book->out_of_memory = true;
        return;
    }
    file->records[file->count++] = record;
    book->passed += record.status == PTEST_PASSED;
    book->failed += record.status == PTEST_FAILED;
    book->pending += record.status == PTEST_PENDING;
    show(book);
}

void test_book_end(struct test_book *book, size_t index, const struct ptest_file *end, int code,
                   const struct fault *fault)
{
    struct test_file *file = &book->files[index];
    file->over = true;
    file->tests = end->tests;
    file->focused = end->focused;
    file->traceback = end->traceback ? strdup(end->traceback) : NULL;
    if (code < 0) {
        book->broken++;
        file->fault = malloc(sizeof *file->fault);
        if (file->fault) *file->fault = *fault;
    }
    show(book);
}
