/* store/recording_read.c - the rows of a recording for those who read it, also beside its writer.
 *
 * Every read is a statement of its own that ends before the call returns (a walk takes some rows
 * at a time): a transaction that is held keeps the writer's log from being copied. What a segment
 * says is joined to each of its rows, so rows that are being deleted are not seen. */
#include "moontide/base/strbuf.h"
#include "recording_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 256, BYTES_AT_ONCE = 8 * 1024 * 1024, HASH_MIN = 4 };

struct recording_reader {
    struct recording_file file;
};

int recording_reader_open(const char *path, struct recording_reader **out, struct fault *fault)
{
    struct recording_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
    int code = recording_file_open(path, DATABASE_READER, &reader->file, fault);
    if (code < 0)
        free(reader);
    else
        *out = reader;
    return code;
}

void recording_reader_close(struct recording_reader *reader)
{
    if (!reader) return;
    recording_file_close(&reader->file);
    free(reader);
}

/* ---- filters ---- */

#define COLUMNS                                                                                    \
    "r.seq, r.tick, r.at_ms, s.world, s.policy, q.sha256, r.place, r.targets, length(r.body)"
#define TABLES " FROM record r JOIN segment s ON s.id = r.segment JOIN source q ON q.id = s.source"

/* ?1 world, ?2 policy, ?3 ?4 times, ?5 ?6 ticks. */
static const char condition[] =
    " WHERE (?1 IS NULL OR s.world = ?1) AND (?2 IS NULL OR s.policy = ?2)"
    " AND r.at_ms >= ?3 AND r.at_ms <= ?4 AND r.tick >= ?5 AND r.tick <= ?6";

static int prepare(struct recording_reader *reader, const char *sql,
                   const struct recording_filter *filter, sqlite3_stmt **out, struct fault *fault)
{
    int code = database_prepare(reader->file.database, sql, out, fault);
    if (code < 0) return code;
    sqlite3_stmt *s = *out;
    if (filter->world) sqlite3_bind_text(s, 1, filter->world, -1, SQLITE_TRANSIENT);
    if (filter->policy) sqlite3_bind_text(s, 2, filter->policy, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(s, 3, filter->from_ms);
    sqlite3_bind_int64(s, 4, filter->to_ms ? filter->to_ms : INT64_MAX);
    sqlite3_bind_int64(s, 5, (int64_t)filter->from_tick);
    sqlite3_bind_int64(s, 6, filter->to_tick ? (int64_t)filter->to_tick : INT64_MAX);
    return OK;
}

static void read_columns(sqlite3_stmt *s, struct recorded *out)
{
    *out = (struct recorded){
        .seq = sqlite3_column_int64(s, 0),
        .tick = (uint64_t)sqlite3_column_int64(s, 1),
        .at_ms = sqlite3_column_int64(s, 2),
        .world = (const char *)sqlite3_column_text(s, 3),
        .policy = (const char *)sqlite3_column_text(s, 4),
        .place = (uint32_t)sqlite3_column_int64(s, 6),
        .targets = (uint32_t)sqlite3_column_int64(s, 7),
        .stored_bytes = (size_t)sqlite3_column_int64(s, 8),
    };
    const char *sha256 = (const char *)sqlite3_column_text(s, 5);
    snprintf(out->sha256, sizeof out->sha256, "%s", sha256 ? sha256 : "");
    out->whole = out->place == 0;
    if (!out->world) out->world = "";
    if (!out->policy) out->policy = "";
}

int recording_each(struct recording_reader *reader, const struct recording_filter *filter,
                   bool (*each)(void *data, const struct recorded *row), void *data,
                   struct fault *fault)
{
    char sql[768];
    struct recorded row;
    sqlite3_stmt *s = NULL;
    snprintf(sql, sizeof sql, "SELECT " COLUMNS TABLES "%s ORDER BY r.seq %s LIMIT ?7", condition,
             filter->newest ? "DESC" : "");
    int code = prepare(reader, sql, filter, &s, fault);
    if (code < 0) return code;
    sqlite3_bind_int64(s, 7, filter->limit ? (int64_t)filter->limit : -1);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        read_columns(s, &row);
        if (!each(data, &row)) break;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) code = database_fault(reader->file.database, fault);
    sqlite3_finalize(s);
    return code;
}

/* ---- a walk ---- */

struct walked {
    struct recorded row;
    char *world, *policy;
    unsigned char *stored;
    size_t raw_len;
};

struct recording_walk {
    struct recording_reader *reader;
    sqlite3_stmt *statement;
    int64_t last_seq, after_seq; /* of the filter's last row; of the last row taken */
    struct walked rows[ROWS_AT_ONCE];
    size_t count, at;
    bool ended;
    unsigned char *body; /* of the row shown, unpacked */
    size_t body_cap;
};

/* Where the segments begin that the filter's rows lie in, and where the last of its rows is. */
static int find_range(struct recording_walk *walk, const struct recording_filter *filter,
                      struct fault *fault)
{
    char sql[1024];
    sqlite3_stmt *s = NULL;
    /* The first row of each segment that holds any; of all of them the earliest. */
    snprintf(sql, sizeof sql,
             "SELECT (SELECT min(b.seq) FROM record b WHERE b.place = 0 AND b.segment IN"
             " (SELECT DISTINCT r.segment%s%s)), (SELECT max(r.seq)%s%s)",
             TABLES, condition, TABLES, condition);
    int code = prepare(walk->reader, sql, filter, &s, fault);
    if (code < 0) return code;
    int rc = sqlite3_step(s);
    if (rc != SQLITE_ROW) code = database_fault(walk->reader->file.database, fault);
    walk->ended = code < 0 || sqlite3_column_type(s, 0) == SQLITE_NULL;
    walk->after_seq = sqlite3_column_int64(s, 0) - 1;
    walk->last_seq = sqlite3_column_int64(s, 1);
    sqlite3_finalize(s);
    return code;
}

int recording_walk_open(struct recording_reader *reader, const struct recording_filter *filter,
                        struct recording_walk **out, struct fault *fault)
{
    static const char sql[] =
        "SELECT " COLUMNS ", r.raw_bytes, r.body" TABLES " WHERE r.seq > ?7 AND r.seq <= ?8"
        " AND (?1 IS NULL OR s.world = ?1) AND (?2 IS NULL OR s.policy = ?2)"
        " AND ?3 <= ?4 AND ?5 <= ?6 ORDER BY r.seq";
    struct recording_walk *walk = calloc(1, sizeof *walk);
    if (!walk) return fault_set(fault, ERR_NOMEM, "out of memory");
    walk->reader = reader;
    int code = find_range(walk, filter, fault);
    if (code == OK) code = prepare(reader, sql, filter, &walk->statement, fault);
    if (code < 0)
        recording_walk_close(walk);
    else
        *out = walk;
    return code;
}

static void free_rows(struct recording_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        free(walk->rows[i].world);
        free(walk->rows[i].policy);
        free(walk->rows[i].stored);
    }
    walk->count = walk->at = 0;
}

void recording_walk_close(struct recording_walk *walk)
{
    if (!walk) return;
    free_rows(walk);
    free(walk->body);
    sqlite3_finalize(walk->statement);
    free(walk);
}

static int take_row(struct recording_walk *walk, size_t *bytes)
{
    sqlite3_stmt *s = walk->statement;
    struct walked *walked = &walk->rows[walk->count];
    *walked = (struct walked){.stored = NULL};
    read_columns(s, &walked->row);
    const void *body = sqlite3_column_blob(s, 10);
    size_t len = (size_t)sqlite3_column_bytes(s, 10);
    walked->raw_len = (size_t)sqlite3_column_int64(s, 9);
    walked->world = strdup(walked->row.world);
    walked->policy = strdup(walked->row.policy);
    walked->stored = malloc(len ? len : 1);
    walk->count++; /* so that what was allocated is freed */
    if (!walked->world || !walked->policy || !walked->stored) return ERR_NOMEM;
    if (len) memcpy(walked->stored, body, len);
    walked->row.world = walked->world;
    walked->row.policy = walked->policy;
    walked->row.stored_bytes = len;
    walk->after_seq = walked->row.seq;
    *bytes += len;
    return OK;
}

static int take_rows(struct recording_walk *walk, struct fault *fault)
{
    sqlite3_stmt *s = walk->statement;
    size_t bytes = 0;
    int code = OK, rc = SQLITE_ROW;
    free_rows(walk);
    sqlite3_bind_int64(s, 7, walk->after_seq);
    sqlite3_bind_int64(s, 8, walk->last_seq);
    while (code == OK && walk->count < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE &&
           (rc = sqlite3_step(s)) == SQLITE_ROW)
        code = take_row(walk, &bytes);
    if (code < 0) fault_set(fault, code, "%s: out of memory", walk->reader->file.database->path);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        code = database_fault(walk->reader->file.database, fault);
    if (rc == SQLITE_DONE || code < 0) walk->ended = true;
    sqlite3_reset(s);
    return code;
}

int recording_walk_next(struct recording_walk *walk, struct recorded *out, struct fault *fault)
{
    if (walk->at == walk->count) {
        if (walk->ended) return 0;
        int code = take_rows(walk, fault);
        if (code < 0) return code;
        if (walk->count == 0) return 0;
    }
    struct walked *walked = &walk->rows[walk->at++];
    *out = walked->row;
    out->body = walked->stored;
    out->len = walked->row.stored_bytes;
    if (walked->raw_len == 0) return 1;
    int code =
        recording_unpack(walked->stored, out->len, walked->raw_len, &walk->body, &walk->body_cap);
    if (code < 0)
        return fault_set(fault, code, "%s: the record of tick %llu of %s is damaged",
                         walk->reader->file.database->path, (unsigned long long)out->tick,
                         out->policy);
    out->body = walk->body;
    out->len = walked->raw_len;
    return 1;
}

/* ---- sources ---- */

static int unpack_source(sqlite3_stmt *s, char **out, size_t *len)
{
    const void *packed = sqlite3_column_blob(s, 2);
    size_t packed_len = (size_t)sqlite3_column_bytes(s, 2), cap = 0;
    size_t raw_len = (size_t)sqlite3_column_int64(s, 1);
    unsigned char *text = NULL;
    int code = recording_unpack(packed ? packed : "", packed_len, raw_len, &text, &cap);
    if (code < 0) {
        free(text);
        return code;
    }
    text[raw_len] = '\0';
    *out = (char *)text;
    *len = raw_len;
    return OK;
}

static int pick_source(struct recording_reader *reader, sqlite3_stmt *s, const char *hash,
                       char *sha256_out, char **out, size_t *len, struct fault *fault)
{
    const char *path = reader->file.database->path;
    int rc = sqlite3_step(s);
    if (rc == SQLITE_DONE)
        return fault_set(fault, ERR_NOT_FOUND, "%s: no source of that hash is recorded: %s", path,
                         hash);
    if (rc != SQLITE_ROW) return database_fault(reader->file.database, fault);
    if (sqlite3_column_type(s, 2) == SQLITE_NULL)
        return fault_set(fault, ERR_NOT_FOUND, "%s: the source %s was not recorded with its ticks",
                         path, hash);
    char found[SHA256_HEX_MAX];
    snprintf(found, sizeof found, "%s", (const char *)sqlite3_column_text(s, 0));
    int code = unpack_source(s, out, len);
    if (code < 0) return fault_set(fault, code, "%s: the source %s is damaged", path, found);
    if (sqlite3_step(s) == SQLITE_ROW) {
        free(*out);
        *out = NULL;
        return fault_set(fault, ERR_EXISTS, "more than one source begins with %s: %.16s and %.16s",
                         hash, found, (const char *)sqlite3_column_text(s, 0));
    }
    if (sha256_out) memcpy(sha256_out, found, sizeof found);
    return OK;
}

int recording_source(struct recording_reader *reader, const char *hash, char *sha256_out,
                     char **out, size_t *len, struct fault *fault)
{
    sqlite3_stmt *s = NULL;
    size_t digits = strlen(hash);
    if (digits < HASH_MIN || digits >= SHA256_HEX_MAX ||
        strspn(hash, "0123456789abcdefABCDEF") != digits)
        return fault_set(fault, ERR_NOT_FOUND,
                         "no hash of a source, which is 4 to 64 hexadecimal digits: %s", hash);
    int code = database_prepare(reader->file.database,
                                "SELECT sha256, raw_bytes, text FROM source"
                                " WHERE substr(sha256, 1, ?1) = lower(?2) LIMIT 2",
                                &s, fault);
    if (code < 0) return code;
    sqlite3_bind_int64(s, 1, (int64_t)digits);
    sqlite3_bind_text(s, 2, hash, -1, SQLITE_TRANSIENT);
    code = pick_source(reader, s, hash, sha256_out, out, len, fault);
    sqlite3_finalize(s);
    return code;
}
