/* store/recording_prune.c - retention: the oldest segments go, a few rows at a time.
 *
 * A segment is taken out of the readers' sight at once (`gone`) and then deleted in steps, as a
 * row is large and the thread has others to write meanwhile. The segment that is being written
 * stays. */
#include "moontide/base/clock.h"
#include "recording_file.h"

#include <stdlib.h>

enum { ROWS_A_STEP = 32, PAGES_BACK = 500, AGE_EVERY_S = 60 };

static int pages(struct recording_file *file, int64_t *page_bytes, int64_t *all, int64_t *holes,
                 struct fault *fault)
{
    int code = database_int(file->database, "PRAGMA page_size", page_bytes, fault);
    if (code == OK) code = database_int(file->database, "PRAGMA page_count", all, fault);
    if (code == OK) code = database_int(file->database, "PRAGMA freelist_count", holes, fault);
    return code;
}

int recording_file_bytes(struct recording_file *file, int64_t *out, struct fault *fault)
{
    int64_t page_bytes = 0, all = 0, holes = 0;
    int code = pages(file, &page_bytes, &all, &holes, fault);
    *out = page_bytes * all;
    return code;
}

/* The first value of a query with numbers bound; 0: no row. */
static int query(struct recording_file *file, const char *sql, const char *world,
                 const int64_t numbers[2], int64_t *out, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    int code = database_prepare(file->database, sql, &s, fault);
    if (code < 0) return code;
    if (world) sqlite3_bind_text(s, 3, world, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 1, numbers[0]);
    if (sqlite3_bind_parameter_count(s) > 1) sqlite3_bind_int64(s, 2, numbers[1]);
    int rc = sqlite3_step(s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) code = database_fault(file->database, fault);
    sqlite3_finalize(s);
    return code;
}

/* What is written to it next is a delta without a segment: refused, and a whole row follows. */
static void close_segment(struct recording_file *file, int64_t id)
{
    for (size_t i = 0; i < file->open_count; i++) {
        if (file->open[i].id != id) continue;
        free(file->open[i].world);
        free(file->open[i].policy);
        file->open[i] = file->open[--file->open_count];
        return;
    }
}

static int execute(struct recording_file *file, const char *format, int64_t id, struct fault *fault)
{
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql, format, id);
    return database_exec(file->database, sql, fault);
}

/* Out of the readers' sight. */
static int let_go(struct recording_file *file, int64_t id, struct fault *fault)
{
    int code = database_exec(file->database, "BEGIN IMMEDIATE", fault);
    if (code == OK)
        code = execute(file,
                       "INSERT INTO counter SELECT 'tick', last_tick FROM segment WHERE id = %lld"
                       " ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
                       id, fault);
    if (code == OK) code = execute(file, "INSERT INTO gone VALUES (%lld)", id, fault);
    if (code == OK) code = execute(file, "DELETE FROM segment WHERE id = %lld", id, fault);
    if (code == OK)
        code =
            database_exec(file->database,
                          "DELETE FROM source WHERE id NOT IN (SELECT source FROM segment)", fault);
    if (code == OK) code = database_exec(file->database, "COMMIT", fault);
    if (code < 0 && !sqlite3_get_autocommit(file->database->sqlite))
        sqlite3_exec(file->database->sqlite, "ROLLBACK", NULL, NULL, NULL);
    if (code == OK) close_segment(file, id);
    return code;
}

/* Some rows of a segment that goes; the last ones take it out of `gone`. */
static int delete_some(struct recording_file *file, int64_t id, struct fault *fault)
{
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql,
                     "DELETE FROM record WHERE seq IN"
                     " (SELECT seq FROM record WHERE segment = %lld ORDER BY place LIMIT %d)",
                     id, ROWS_A_STEP);
    int code = database_exec(file->database, sql, fault);
    if (code == OK && sqlite3_changes(file->database->sqlite) < ROWS_A_STEP)
        code = execute(file, "DELETE FROM gone WHERE id = %lld", id, fault);
    return code;
}

/* A segment that ended too long ago. The time of another world than the one that is recorded is the
 * real one. */
static int too_old(struct recording_file *file, const struct recording_options *options,
                   const char *world, int64_t at_ms, int64_t *id, struct fault *fault)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    int64_t now_ns = clock_mono_ns(&real);
    *id = 0;
    if (options->keep_ms <= 0) return OK;
    if (file->pruned_ns && now_ns - file->pruned_ns < AGE_EVERY_S * INT64_C(1000000000)) return OK;
    int64_t limits[2] = {at_ms - options->keep_ms, clock_now_ms(&real) - options->keep_ms};
    int code = query(file,
                     "SELECT id FROM segment WHERE last_ms < iif(world = ?3, ?1, ?2)"
                     " ORDER BY id LIMIT 1",
                     world, limits, id, fault);
    if (code == OK && *id == 0) file->pruned_ns = now_ns; /* until then at each step */
    return code;
}

/* PRUNE_MORE while pages could be given back. */
static int give_back(struct recording_file *file, int64_t before, struct fault *fault)
{
    int64_t page_bytes = 0, all = 0, holes = 0;
    int code = execute(file, "PRAGMA incremental_vacuum(%lld)", PAGES_BACK, fault);
    if (code == OK) code = pages(file, &page_bytes, &all, &holes, fault);
    if (code < 0) return code;
    return all < before ? PRUNE_MORE : OK;
}

/* The oldest goes, but for that of the row that was just written. */
static int by_size(struct recording_file *file, int64_t max_bytes, struct fault *fault)
{
    int64_t page_bytes = 0, all = 0, holes = 0, id = 0;
    int64_t numbers[2] = {file->written_to, 0};
    int code = pages(file, &page_bytes, &all, &holes, fault);
    if (code < 0 || max_bytes <= 0 || page_bytes * all <= max_bytes) return code;
    if (page_bytes * (all - holes) <= max_bytes) return give_back(file, all, fault);
    code = query(file, "SELECT id FROM segment WHERE id <> ?1 ORDER BY id LIMIT 1", NULL, numbers,
                 &id, fault);
    if (code < 0) return code;
    if (id == 0) return PRUNE_NOTHING_ELSE;
    code = let_go(file, id, fault);
    return code < 0 ? code : PRUNE_MORE;
}

int recording_prune(struct recording_file *file, const struct recording_options *options,
                    const char *world, int64_t at_ms, struct fault *fault)
{
    int64_t id = 0;
    int code = database_int(file->database, "SELECT id FROM gone LIMIT 1", &id, fault);
    if (code < 0) return code;
    if (id) {
        code = delete_some(file, id, fault);
        return code < 0 ? code : PRUNE_MORE;
    }
    code = too_old(file, options, world, at_ms, &id, fault);
    if (code < 0) return code;
    if (id) {
        code = let_go(file, id, fault);
        return code < 0 ? code : PRUNE_MORE;
    }
    return by_size(file, options->max_bytes, fault);
}
