/* unit/recording_fixture.h - a recording in a directory of its own, for tests. */
#ifndef MOONTIDE_TESTS_RECORDING_FIXTURE_H
#define MOONTIDE_TESTS_RECORDING_FIXTURE_H

#include "moontide/store/recording.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

struct shelf {
    char dir[64], path[96];
};

static inline int shelf_open(void **state)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf) return -1;
    snprintf(shelf->dir, sizeof shelf->dir, "/tmp/moontide-XXXXXX");
    if (!mkdtemp(shelf->dir)) return -1;
    snprintf(shelf->path, sizeof shelf->path, "%s/recording.db", shelf->dir);
    *state = shelf;
    return 0;
}

static inline int shelf_close(void **state)
{
    struct shelf *shelf = *state;
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*", shelf->dir);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            remove(found.gl_pathv[i]);
        globfree(&found);
    }
    int rc = rmdir(shelf->dir);
    free(shelf);
    return rc;
}

#define shelf_test(name) cmocka_unit_test_setup_teardown(name, shelf_open, shelf_close)

static inline struct recording_reader *open_reader(const struct shelf *shelf)
{
    struct recording_reader *reader = NULL;
    struct fault fault;
    assert_int_equal(recording_reader_open(shelf->path, &reader, &fault), OK);
    return reader;
}

struct list {
    char text[65536];
    size_t count;
};

static inline bool list_row(void *data, const struct recorded *row)
{
    struct list *list = data;
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof list->text - used, "%llu:%s%s ",
             (unsigned long long)row->tick, row->policy, row->whole ? "!" : "");
    list->count++;
    return true;
}

/* "1:api! 2:api ": tick, policy, and ! on whole ones. Valid until the next call. */
static inline const char *list_rows(const struct shelf *shelf,
                                    const struct recording_filter *filter)
{
    static struct list list;
    struct recording_reader *reader = open_reader(shelf);
    struct fault fault;
    list.text[0] = '\0';
    list.count = 0;
    assert_int_equal(recording_each(reader, filter, list_row, &list, &fault), OK);
    recording_reader_close(reader);
    return list.text;
}

/* By SQL, on the file of a recording that is closed. */
static inline void change_file(const struct shelf *shelf, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(shelf->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline int64_t ask_file(const struct shelf *shelf, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(shelf->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

static inline void put_garbage(const struct shelf *shelf)
{
    FILE *file = fopen(shelf->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 4096; i++)
        fputs("this is no database ", file);
    assert_int_equal(fclose(file), 0);
}

#endif
