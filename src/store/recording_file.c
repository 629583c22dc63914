/* store/recording_file.c - the file of a recording: its schema, and one row.
 *
 *   segment   a whole row and the deltas that follow it, of one policy and one source of it
 *   record    a row of a segment, by its place
 *   source    the text of a policy, once a SHA-256
 *   gone      segments whose rows are being deleted, in small steps: no reader sees them
 *   counter   the highest number of a tick whose rows are gone */
#include "recording_file.h"

#include "moontide/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x6d6f6f72 /* "moor" */ };

static const char lost[] = "nothing is lost but the ticks that were recorded";

static const char schema[] =
    "CREATE TABLE source (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE,"
    "  raw_bytes INTEGER NOT NULL, text BLOB) STRICT;"
    "CREATE TABLE segment (id INTEGER PRIMARY KEY, world TEXT NOT NULL, policy TEXT NOT NULL,"
    "  source INTEGER NOT NULL, first_tick INTEGER NOT NULL, last_tick INTEGER NOT NULL,"
    "  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
    "CREATE TABLE record (seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL,"
    "  place INTEGER NOT NULL, tick INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  targets INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
    "CREATE INDEX record_segment ON record (segment, place);"
    "CREATE INDEX record_tick ON record (tick);"
    "CREATE INDEX record_at ON record (at_ms);"
    "CREATE TABLE gone (id INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;";

/* ---- opening ---- */

static int make_schema(struct database *database, struct fault *fault)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, RECORDING_SCHEMA_VERSION);
    int code = database_exec(database, "BEGIN IMMEDIATE", fault);
    if (code == OK) code = database_exec(database, schema, fault);
    if (code == OK) code = database_exec(database, mark, fault);
    if (code == OK) code = database_exec(database, "COMMIT", fault);
    if (code < 0 && !sqlite3_get_autocommit(database->sqlite))
        sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static int not_ours(const struct database *database, struct fault *fault)
{
    return fault_set(fault, ERR_CORRUPT, "%s: not a recording of moontide", database->path);
}

/* Also the first read of the file, so that a header that is none comes out here. */
static int check_identity(struct database *database, bool *fresh, struct fault *fault)
{
    int64_t id = 0, version = 0, objects = 0;
    int code = database_int(database, "SELECT count(*) FROM sqlite_schema", &objects, fault);
    if (code == OK) code = database_int(database, "PRAGMA application_id", &id, fault);
    if (code == OK) code = database_int(database, "PRAGMA user_version", &version, fault);
    if (code < 0) return code;
    *fresh = objects == 0 && id == 0 && version == 0;
    if (*fresh) return OK;
    if (id != APPLICATION_ID || version < 1) return not_ours(database, fault);
    if (version > RECORDING_SCHEMA_VERSION)
        return fault_set(fault, ERR_VERSION,
                         "%s: recorded by a newer moontide (schema version %lld, this one knows "
                         "%d)",
                         database->path, (long long)version, RECORDING_SCHEMA_VERSION);
    return OK;
}

static int prepare_writer(struct recording_file *file, bool fresh, struct fault *fault)
{
    struct database *database = file->database;
    int64_t last = 0, pruned = 0;
    int code = OK;
    if (fresh)
        code = database_exec(database, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL",
                             fault);
    if (code == OK)
        code = database_exec(database,
                             "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                             "PRAGMA journal_size_limit = 4194304",
                             fault);
    if (code == OK && fresh) code = make_schema(database, fault);
    if (code == OK) code = database_int(database, "SELECT max(tick) FROM record", &last, fault);
    if (code == OK)
        code =
            database_int(database, "SELECT value FROM counter WHERE name = 'tick'", &pruned, fault);
    file->first_tick = (uint64_t)(last > pruned ? last : pruned) + 1;
    return code;
}

int recording_file_open(const char *path, enum database_kind kind, struct recording_file *out,
                        struct fault *fault)
{
    struct recording_file file = {.database = NULL};
    bool fresh = false;
    int code = database_connect(path, kind, lost, &file.database, fault);
    if (code < 0) return code;
    code = check_identity(file.database, &fresh, fault);
    if (code == OK && kind == DATABASE_WRITER) code = prepare_writer(&file, fresh, fault);
    if (code == OK && kind == DATABASE_READER && fresh)
        code = fault_set(fault, ERR_NOT_FOUND, "%s: nothing was recorded in it yet", path);
    if (code < 0)
        recording_file_close(&file);
    else
        *out = file;
    return code;
}

void recording_file_close(struct recording_file *file)
{
    for (int i = 0; i < FILE_STATEMENTS; i++)
        sqlite3_finalize(file->statements[i]);
    for (size_t i = 0; i < file->open_count; i++) {
        free(file->open[i].world);
        free(file->open[i].policy);
    }
    free(file->open);
    free(file->packed);
    if (file->deflates) deflateEnd(&file->deflate);
    database_close(file->database);
    *file = (struct recording_file){.database = NULL};
}

/* ---- a damaged file ---- */

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

int recording_file_move(const char *path, char *to, size_t size, struct fault *fault)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    static const struct clock real = {.kind = CLOCK_REAL};
    char from[FAULT_FILE_MAX + 8], name[FAULT_FILE_MAX + 8];
    long long now_s = clock_now_ms(&real) / 1000;
    int n = 0;
    for (int again = 0; again < 100; again++) {
        n = snprintf(to, size, "%s.damaged-%lld", path, now_s + again);
        if (n < 0 || (size_t)n >= size || !is_there(to)) break;
    }
    if (n < 0 || (size_t)n >= size) return fault_set(fault, ERR_LIMIT, "%s: too long", path);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        snprintf(from, sizeof from, "%s%s", path, parts[i]);
        snprintf(name, sizeof name, "%s%s", to, parts[i]);
        if (rename(from, name) == 0 || (errno == ENOENT && i > 0)) continue;
        int saved = errno;
        return fault_set(fault, err_from_errno(saved), "%s cannot be moved away: %s", from,
                         strerror(saved));
    }
    return OK;
}

/* ---- writing ---- */

int recording_statement(struct recording_file *file, enum file_statement which, const char *sql,
                        sqlite3_stmt **out, struct fault *fault)
{
    if (!file->statements[which]) {
        int code = database_prepare(file->database, sql, &file->statements[which], fault);
        if (code < 0) return code;
    }
    *out = file->statements[which];
    return OK;
}

static struct open_segment *find_open(struct recording_file *file, const struct recording_row *row)
{
    for (size_t i = 0; i < file->open_count; i++)
        if (strcmp(file->open[i].policy, row->policy) == 0 &&
            strcmp(file->open[i].world, row->world) == 0)
            return &file->open[i];
    return NULL;
}

static struct open_segment *add_open(struct recording_file *file, const struct recording_row *row)
{
    if (file->open_count == file->open_cap) {
        size_t cap = file->open_cap ? file->open_cap * 2 : 8;
        struct open_segment *open = realloc(file->open, cap * sizeof *open);
        if (!open) return NULL;
        file->open = open;
        file->open_cap = cap;
    }
    struct open_segment *segment = &file->open[file->open_count];
    *segment = (struct open_segment){.world = strdup(row->world), .policy = strdup(row->policy)};
    if (!segment->world || !segment->policy) {
        free(segment->world);
        free(segment->policy);
        return NULL;
    }
    file->open_count++;
    return segment;
}

/* Steps a statement that answers no row. */
static int run(struct recording_file *file, sqlite3_stmt *statement, struct fault *fault)
{
    int rc = sqlite3_step(statement);
    int code = rc == SQLITE_DONE ? OK : database_fault(file->database, fault);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code;
}

static int begin_segment(struct recording_file *file, const struct recording_row *row, int64_t *id,
                         struct fault *fault)
{
    sqlite3_stmt *s;
    int64_t source;
    int code = recording_source_id(file, row, &source, fault);
    if (code == OK)
        code = recording_statement(file, FILE_SEGMENT_ADD,
                                   "INSERT INTO segment (world, policy, source, first_tick,"
                                   " last_tick, first_ms, last_ms, bytes)"
                                   " VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?5, 0)",
                                   &s, fault);
    if (code < 0) return code;
    sqlite3_bind_text(s, 1, row->world, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, row->policy, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, source);
    sqlite3_bind_int64(s, 4, (int64_t)row->tick);
    sqlite3_bind_int64(s, 5, row->at_ms);
    code = run(file, s, fault);
    *id = sqlite3_last_insert_rowid(file->database->sqlite);
    return code;
}

static int grow_segment(struct recording_file *file, const struct recording_row *row, int64_t id,
                        size_t bytes, struct fault *fault)
{
    sqlite3_stmt *s;
    int code = recording_statement(file, FILE_SEGMENT_GROW,
                                   "UPDATE segment SET last_tick = ?2,"
                                   " last_ms = max(last_ms, ?3), bytes = bytes + ?4 WHERE id = ?1",
                                   &s, fault);
    if (code < 0) return code;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, (int64_t)row->tick);
    sqlite3_bind_int64(s, 3, row->at_ms);
    sqlite3_bind_int64(s, 4, (int64_t)bytes);
    return run(file, s, fault);
}

struct packed {
    const void *bytes;
    size_t len, raw_len;
};

static int add_record(struct recording_file *file, const struct recording_row *row, int64_t segment,
                      uint32_t place, const struct packed *body, struct fault *fault)
{
    sqlite3_stmt *s;
    int code = recording_statement(file, FILE_RECORD_ADD,
                                   "INSERT INTO record (segment, place, tick, at_ms, targets,"
                                   " raw_bytes, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                                   &s, fault);
    if (code < 0) return code;
    sqlite3_bind_int64(s, 1, segment);
    sqlite3_bind_int64(s, 2, place);
    sqlite3_bind_int64(s, 3, (int64_t)row->tick);
    sqlite3_bind_int64(s, 4, row->at_ms);
    sqlite3_bind_int64(s, 5, row->targets);
    sqlite3_bind_int64(s, 6, (int64_t)body->raw_len);
    sqlite3_bind_blob64(s, 7, body->bytes, body->len, SQLITE_STATIC);
    return run(file, s, fault);
}

int recording_file_write(struct recording_file *file, const struct recording_row *row,
                         const void *body, size_t len, size_t *stored, struct fault *fault)
{
    struct packed packed;
    struct open_segment *open = find_open(file, row);
    if (!open && !row->whole) return fault_set(fault, ERR_NOT_FOUND, "no segment to go on with");
    if (!open && !(open = add_open(file, row)))
        return fault_set(fault, ERR_NOMEM, "no memory to record");
    int code = recording_pack(file, body, len, &packed.bytes, &packed.len, &packed.raw_len);
    if (code < 0) return fault_set(fault, code, "a tick could not be compressed");
    int64_t id = open->id;
    uint32_t place = row->whole ? 0 : open->next_place;
    code = database_exec(file->database, "BEGIN IMMEDIATE", fault);
    if (code == OK && row->whole) code = begin_segment(file, row, &id, fault);
    if (code == OK) code = add_record(file, row, id, place, &packed, fault);
    if (code == OK) code = grow_segment(file, row, id, packed.len, fault);
    if (code == OK) code = database_exec(file->database, "COMMIT", fault);
    if (code < 0) {
        if (!sqlite3_get_autocommit(file->database->sqlite))
            sqlite3_exec(file->database->sqlite, "ROLLBACK", NULL, NULL, NULL);
        return code;
    }
    open->id = file->written_to = id;
    open->next_place = place + 1;
    *stored = packed.len;
    return OK;
}
