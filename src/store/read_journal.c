/* store/read_journal.c - the journal's entries that a filter asks for, newest first.
 *
 * An id, or a rare `what`, has an index; a resource or a target names subjects, each of which has
 * its entries in order, and those are merged. Anything else reads backwards through all of it.
 * Either way no row is sorted, and reading ends at the limit. */
#include "journal_id.h"
#include "reader.h"

#include "moontide/base/hash.h"
#include "moontide/base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOURNAL_LIMIT = 1000, SQL_BYTES_MAX = 2048 };

/* The parameters of every statement here; a statement has those it names. */
enum { SINCE = 1, LIMIT, WORLD, POLICY, TARGET, RESOURCE, ID, WHAT, LOWEST, SEQ, PARAMETERS = SEQ };

struct head {
    int64_t subject, seq; /* its newest entry that was not looked at yet; 0: there is none */
};

struct reading {
    struct database *database;
    const struct journal_filter *filter;
    store_journal_fn *each;
    void *data;
    int64_t lowest;                     /* no entry before this one is young enough */
    unsigned char id[JOURNAL_ID_BYTES]; /* the filter's, as bound */
    sqlite3_stmt *rows;
    /* merging: */
    sqlite3_stmt *newest;
    struct head *heads;
    size_t count;
    bool stopped;
};

/* ---- statements ---- */

/* Whether DATABASE_RARE leaves it out. */
static bool is_common(const char *what)
{
    char quoted[32];
    int n = snprintf(quoted, sizeof quoted, "'%s'", what);
    return n < (int)sizeof quoted && strstr(DATABASE_RARE, quoted);
}

static bool by_subject(const struct journal_filter *filter)
{
    return !filter->id && (filter->resource || filter->target);
}

/* Only the fields that are asked for become conditions. SQLite does not know how many rows each
 * would leave (there is no ANALYZE), so the first of the conditions below keeps its index, and a
 * unary plus hides the others'. */
static int rows_sql(const struct journal_filter *filter, struct strbuf *sql)
{
    bool narrowed = by_subject(filter);
    strbuf_adds(sql, "SELECT e.seq, e.at_ms, s.world, e.id, e.what, p.policy, s.target, s.resource,"
                     " p.sha256, e.json FROM journal_entry AS e"
                     " CROSS JOIN journal_subject AS s ON s.id = e.subject"
                     " LEFT JOIN journal_policy AS p ON p.id = e.policy WHERE ");
    strbuf_adds(sql, narrowed ? "e.seq = ?10" : "e.seq >= ?9");
    if (filter->since_ms) strbuf_adds(sql, " AND +e.at_ms >= ?1");
    if (filter->id) strbuf_adds(sql, " AND e.id = ?7");
    if (filter->id && filter->resource) strbuf_adds(sql, " AND s.resource = ?6");
    if (filter->id && filter->target) strbuf_adds(sql, " AND s.target = ?5");
    narrowed = narrowed || filter->id;
    if (filter->what && !narrowed && !is_common(filter->what))
        strbuf_adds(sql, " AND " DATABASE_RARE " AND e.what = ?8");
    else if (filter->what)
        strbuf_adds(sql, " AND +e.what = ?8");
    if (filter->policy)
        strbuf_adds(sql, " AND +e.policy IN (SELECT id FROM journal_policy WHERE policy = ?4)");
    if (filter->world) strbuf_adds(sql, " AND s.world = ?3");
    if (!by_subject(filter)) strbuf_adds(sql, " ORDER BY e.seq DESC LIMIT ?2");
    return strbuf_status(sql);
}

static int subjects_sql(const struct journal_filter *filter, struct strbuf *sql)
{
    strbuf_adds(sql, "SELECT id FROM journal_subject WHERE 1");
    if (filter->resource) strbuf_adds(sql, " AND resource = ?6");
    if (filter->target)
        strbuf_adds(sql, filter->resource ? " AND +target = ?5" : " AND target = ?5");
    if (filter->world) strbuf_adds(sql, " AND +world = ?3");
    return strbuf_status(sql);
}

static int bind(struct reading *reading, sqlite3_stmt *statement)
{
    const struct journal_filter *f = reading->filter;
    const char *const texts[PARAMETERS + 1] = {[WORLD] = f->world,
                                               [POLICY] = f->policy,
                                               [TARGET] = f->target,
                                               [RESOURCE] = f->resource,
                                               [WHAT] = f->what};
    const int64_t numbers[PARAMETERS + 1] = {[SINCE] = f->since_ms,
                                             [LIMIT] = f->limit ? f->limit : JOURNAL_LIMIT,
                                             [LOWEST] = reading->lowest};
    int rc = SQLITE_OK, count = sqlite3_bind_parameter_count(statement);
    for (int i = 1; i <= count && rc == SQLITE_OK; i++) {
        if (texts[i])
            rc = sqlite3_bind_text(statement, i, texts[i], -1, SQLITE_STATIC);
        else if (i == ID)
            rc = journal_id_bind(statement, i, f->id, reading->id);
        else if (numbers[i])
            rc = sqlite3_bind_int64(statement, i, numbers[i]);
    }
    return rc;
}

static int prepare(struct reading *reading,
                   int (*write)(const struct journal_filter *filter, struct strbuf *sql),
                   sqlite3_stmt **out, struct fault *fault)
{
    struct strbuf sql;
    strbuf_init(&sql, SQL_BYTES_MAX);
    int code = write(reading->filter, &sql);
    if (code < 0)
        fault_set(fault, code, "%s: %s", reading->database->path, err_text(code));
    else
        code = database_prepare(reading->database, strbuf_cstr(&sql), out, fault);
    strbuf_done(&sql);
    if (code == OK && bind(reading, *out)) code = database_fault(reading->database, fault);
    return code;
}

/* ---- rows ---- */

/* One row for the caller, who may have enough of them. */
static void tell(struct reading *reading)
{
    sqlite3_stmt *s = reading->rows;
    const char *texts[10];
    char id[2 * JOURNAL_ID_BYTES + 1];
    for (int i = 2; i < 10; i++)
        texts[i] = i == 3 && sqlite3_column_type(s, i) == SQLITE_BLOB
                       ? NULL
                       : (const char *)sqlite3_column_text(s, i);
    if (sqlite3_column_type(s, 3) == SQLITE_BLOB &&
        sqlite3_column_bytes(s, 3) == JOURNAL_ID_BYTES) {
        hex_encode(sqlite3_column_blob(s, 3), JOURNAL_ID_BYTES, id);
        texts[3] = id;
    }
    struct journal_row row = {.seq = sqlite3_column_int64(s, 0),
                              .at_ms = sqlite3_column_int64(s, 1),
                              .world = texts[2] ? texts[2] : "",
                              .entry = {.id = texts[3],
                                        .what = texts[4] ? texts[4] : "",
                                        .policy = texts[5],
                                        .target = texts[6],
                                        .resource = texts[7],
                                        .policy_sha256 = texts[8],
                                        .json = texts[9] ? texts[9] : ""}};
    reading->stopped = !reading->each(reading->data, &row);
}

static int read_in_order(struct reading *reading, struct fault *fault)
{
    int rc = SQLITE_DONE;
    while (!reading->stopped && (rc = sqlite3_step(reading->rows)) == SQLITE_ROW)
        tell(reading);
    return reading->stopped || rc == SQLITE_DONE ? OK : database_fault(reading->database, fault);
}

/* ---- merging the subjects' entries ---- */

/* Moves the head to the newest entry before `below`. */
static int advance(const struct reading *reading, struct head *head, int64_t below,
                   struct fault *fault)
{
    sqlite3_stmt *s = reading->newest;
    int code = OK;
    sqlite3_bind_int64(s, 1, head->subject); /* a number is bound without memory */
    sqlite3_bind_int64(s, 2, below);
    sqlite3_bind_int64(s, 3, reading->lowest);
    int rc = sqlite3_step(s);
    head->seq = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) code = database_fault(reading->database, fault);
    sqlite3_reset(s);
    return code;
}

static int find_heads(struct reading *reading, struct fault *fault)
{
    sqlite3_stmt *subjects = NULL;
    int rc = SQLITE_DONE, code = prepare(reading, subjects_sql, &subjects, fault);
    for (size_t cap = 0; code == OK && (rc = sqlite3_step(subjects)) == SQLITE_ROW;) {
        if (reading->count == cap) {
            cap = cap ? 2 * cap : 16;
            struct head *heads = realloc(reading->heads, cap * sizeof *heads);
            if (!heads) {
                code = fault_set(fault, ERR_NOMEM, "%s: out of memory", reading->database->path);
                break;
            }
            reading->heads = heads;
        }
        struct head *head = &reading->heads[reading->count++];
        head->subject = sqlite3_column_int64(subjects, 0);
        code = advance(reading, head, INT64_MAX, fault);
    }
    if (code == OK && rc != SQLITE_DONE) code = database_fault(reading->database, fault);
    sqlite3_finalize(subjects);
    return code;
}

/* The row of that number, unless the filter does not want it. Answers 1 when it was told. */
static int read_one(struct reading *reading, int64_t seq, struct fault *fault)
{
    sqlite3_bind_int64(reading->rows, SEQ, seq);
    int rc = sqlite3_step(reading->rows), code = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        tell(reading);
    else if (rc != SQLITE_DONE)
        code = database_fault(reading->database, fault);
    sqlite3_reset(reading->rows);
    return code;
}

static int merge(struct reading *reading, struct fault *fault)
{
    static const char newest[] = "SELECT seq FROM journal_entry INDEXED BY journal_subject_seq"
                                 " WHERE subject = ?1 AND seq < ?2 AND seq >= ?3"
                                 " ORDER BY seq DESC LIMIT 1";
    uint32_t left = reading->filter->limit ? reading->filter->limit : JOURNAL_LIMIT;
    int code = database_prepare(reading->database, newest, &reading->newest, fault);
    if (code == OK) code = find_heads(reading, fault);
    while (code == OK && left > 0 && !reading->stopped && reading->count > 0) {
        struct head *first = reading->heads;
        for (size_t i = 1; i < reading->count; i++)
            if (reading->heads[i].seq > first->seq) first = &reading->heads[i];
        if (first->seq == 0) break;
        int told = read_one(reading, first->seq, fault);
        if (told > 0) left--;
        code = told < 0 ? told : advance(reading, first, first->seq, fault);
    }
    sqlite3_finalize(reading->newest);
    free(reading->heads);
    return code;
}

/* ---- reading ---- */

/* at_ms is in the order of seq but where the clock went back: so the bound is the lowest of a few
 * thousand batches that are just that young, and at_ms is compared as well. */
static int find_lowest(struct reading *reading, struct fault *fault)
{
    static const char sql[] = "SELECT min(first_seq) FROM (SELECT first_seq FROM journal_batch"
                              " INDEXED BY journal_at WHERE at_ms >= ?1 ORDER BY at_ms LIMIT 4096)";
    sqlite3_stmt *statement;
    if (!reading->filter->since_ms) return OK;
    int code = database_prepare(reading->database, sql, &statement, fault);
    if (code < 0) return code;
    int rc = bind(reading, statement);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW)
        code = database_fault(reading->database, fault);
    else if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
        reading->lowest = INT64_MAX;
    else
        reading->lowest = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code;
}

static int read_all(struct reading *reading, struct fault *fault)
{
    int code = find_lowest(reading, fault);
    if (code < 0 || reading->lowest == INT64_MAX) return code;
    code = prepare(reading, rows_sql, &reading->rows, fault);
    if (code == OK)
        code = by_subject(reading->filter) ? merge(reading, fault) : read_in_order(reading, fault);
    sqlite3_finalize(reading->rows);
    return code;
}

int store_each_journal(struct store *store, const struct journal_filter *filter,
                       store_journal_fn *each, void *data, struct fault *fault)
{
    struct reading reading = {.filter = filter, .each = each, .data = data, .lowest = 1};
    int code = store_reader(store, &reading.database, fault);
    if (code < 0) return code;
    /* One view of the file for all statements, unless a caller's row asked for this. */
    bool begins = sqlite3_get_autocommit(reading.database->sqlite);
    if (begins) code = database_exec(reading.database, "BEGIN", fault);
    if (code == OK) code = read_all(&reading, fault);
    if (begins) sqlite3_exec(reading.database->sqlite, "COMMIT", NULL, NULL, NULL);
    return code;
}
