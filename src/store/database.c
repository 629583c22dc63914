/* store/database.c - a SQLite connection: opening, checking, errors.
 *
 * What the file says about itself decides what an open does:
 *   empty, or no table and both numbers 0   it is new: the schema is made
 *   application_id is ours                  user_version tells which migrations are still to run
 *   anything else                           not ours: ERR_CORRUPT, untouched */
#include "database.h"

#include "moontide/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 100,
    BUSY_MS = 2000, /* another program with the file open, for example sqlite3 */
};

/* Of the page cache, in KiB (negative: not pages). */
#define CACHE       "-512"
#define LARGE_CACHE "-32768"

/* Of a file that is made now; one that is there keeps what it has. Twice SQLite's: a large batch
 * fills pages one after the other, and each costs a header, a checksum and two writes. */
#define PAGE_BYTES "8192"

/* ---- errors ---- */

/* What the operating system said when SQLite only says "I/O error". sqlite3_system_errno() is errno
 * as it is by now, often 0 again; the file that failed remembers better, and that is the
 * write-ahead log more often than the database. */
static int os_error(sqlite3 *sqlite)
{
    sqlite3_file *log = NULL;
    int error = 0;
    sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (!error) sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error ? error : sqlite3_system_errno(sqlite);
}

static int code_of_io(sqlite3 *sqlite, int extended)
{
    if (extended == SQLITE_IOERR_NOMEM) return ERR_NOMEM;
    if (extended == SQLITE_IOERR_SHMSIZE) return ERR_FULL; /* the wal-index could not grow */
    int error = os_error(sqlite);
    int code = error == EFBIG ? ERR_FULL : err_from_errno(error); /* EFBIG: RLIMIT_FSIZE */
    return code == ERR_FULL || code == ERR_DENIED || code == ERR_NOT_FOUND ? code : ERR_IO;
}

static int code_of(sqlite3 *sqlite)
{
    int extended = sqlite3_extended_errcode(sqlite);
    switch (extended & 0xff) {
    case SQLITE_NOMEM: return ERR_NOMEM;
    case SQLITE_FULL: return ERR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: return ERR_CORRUPT; /* our SQL is right, so a table of ours is not there */
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return ERR_DENIED;
    case SQLITE_TOOBIG: return ERR_LIMIT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return ERR_INVALID;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return code_of_io(sqlite, extended);
    default: return ERR_IO;
    }
}

static const char lost_of_store[] =
    "the policies' memo, the state of alerts and the journal are lost and begin anew";

static int corrupt(struct fault *fault, const char *path, const char *lost, const char *why)
{
    return fault_set(fault, ERR_CORRUPT,
                     "%s: damaged, or not a database of moontide (%s). Move it away, together with "
                     "%s-wal and %s-shm, or put a backup in its place. Without it %s",
                     path, why, path, path, lost);
}

int database_fault(struct database *database, struct fault *fault)
{
    int code = code_of(database->sqlite);
    const char *said = sqlite3_errmsg(database->sqlite);
    if (code == ERR_CORRUPT) return corrupt(fault, database->path, database->lost, said);
    if (code == ERR_FULL)
        return fault_set(fault, code, "%s: no space left to write to (%s)", database->path, said);
    if (code == ERR_LOCKED)
        return fault_set(fault, code, "%s: another program holds a lock on it (%s)", database->path,
                         said);
    int extended = sqlite3_extended_errcode(database->sqlite) & 0xff, error = 0;
    if (extended == SQLITE_IOERR || extended == SQLITE_CANTOPEN) error = os_error(database->sqlite);
    return fault_set(fault, code, "%s: %s%s%s", database->path, said, error ? ": " : "",
                     error ? strerror(error) : "");
}

/* ---- small steps ---- */

int database_prepare(struct database *database, const char *sql, sqlite3_stmt **out,
                     struct fault *fault)
{
    if (sqlite3_prepare_v3(database->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL))
        return database_fault(database, fault);
    return OK;
}

int database_statement(struct database *database, enum statement which, const char *sql,
                       sqlite3_stmt **out, struct fault *fault)
{
    int code = OK;
    if (!database->statements[which])
        code = database_prepare(database, sql, &database->statements[which], fault);
    *out = database->statements[which];
    return code;
}

int database_exec(struct database *database, const char *sql, struct fault *fault)
{
    if (sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL)) {
        return database_fault(database, fault);
    }
    return OK;
}

int database_int(struct database *database, const char *sql, int64_t *out, struct fault *fault)
{
    sqlite3_stmt *statement = NULL;
    int code = database_prepare(database, sql, &statement, fault);
    if (code < 0) return code;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else if (rc != SQLITE_DONE)
        code = database_fault(database, fault);
    sqlite3_finalize(statement);
    return code;
}

static int quick_check(struct database *database, struct fault *fault)
{
    sqlite3_stmt *statement = NULL;
    int code = database_prepare(database, "PRAGMA quick_check(1)", &statement, fault);
    if (code < 0) return code;
    if (sqlite3_step(statement) != SQLITE_ROW) {
        code = database_fault(database, fault);
    } else {
        const char *said = (const char *)sqlite3_column_text(statement, 0);
        if (!said || strcmp(said, "ok") != 0)
            code = corrupt(fault, database->path, database->lost, said ? said : "no answer");
    }
    sqlite3_finalize(statement);
    return code;
}

/* ---- the write-ahead log ---- */

/* In place of SQLite's own, which copies the log into the file inside of COMMIT: then who waits for
 * the commit waits twice as long. */
static int note_log(void *data, sqlite3 *sqlite, const char *name, int pages)
{
    (void)sqlite;
    (void)name;
    struct database *database = data;
    database->log_bytes = pages * database->page_bytes;
    return SQLITE_OK;
}

void database_cache(struct database *database, bool large)
{
    sqlite3_exec(database->sqlite,
                 large ? "PRAGMA cache_size = " LARGE_CACHE : "PRAGMA cache_size = " CACHE, NULL,
                 NULL, NULL);
    if (!large) sqlite3_db_release_memory(database->sqlite);
}

void database_checkpoint(struct database *database)
{
    database->log_bytes = 0; /* a reader may hold some back: the next commit tells */
    sqlite3_wal_checkpoint_v2(database->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* ---- the schema ---- */

/* Also the first read of the file: a header that is none, and a file shorter than its header says,
 * come out here. */
static int check_identity(struct database *database, bool *fresh, int64_t *version,
                          struct fault *fault)
{
    int64_t id = 0, objects = 0;
    int code = database_int(database, "SELECT count(*) FROM sqlite_schema", &objects, fault);
    if (code == OK) code = database_int(database, "PRAGMA application_id", &id, fault);
    if (code == OK) code = database_int(database, "PRAGMA user_version", version, fault);
    if (code < 0) return code;
    *fresh = objects == 0 && id == 0 && *version == 0;
    if (*fresh) return OK;
    if (id != DATABASE_APPLICATION_ID)
        return corrupt(fault, database->path, database->lost, "made by another program");
    if (*version > STORE_SCHEMA_VERSION)
        return fault_set(fault, ERR_VERSION,
                         "%s: written by a newer moontide (schema version %lld, this one knows %d)",
                         database->path, (long long)*version, STORE_SCHEMA_VERSION);
    if (*version < 1) return corrupt(fault, database->path, database->lost, "no schema version");
    return OK;
}

static int prepare_writer(struct database *database, bool check, struct fault *fault)
{
    bool fresh;
    int64_t version = 0;
    int code = check_identity(database, &fresh, &version, fault);
    struct stat st;
    if (code == OK && check && !fresh && stat(database->path, &st) == 0 &&
        st.st_size < STORE_CHECK_BYTES_MAX)
        code = quick_check(database, fault);
    if (code == OK && fresh) /* before there is a page; see prune.c */
        code = database_exec(
            database, "PRAGMA page_size = " PAGE_BYTES "; PRAGMA auto_vacuum = INCREMENTAL", fault);
    if (code == OK)
        code = database_exec(database,
                             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                             "PRAGMA journal_size_limit = 4194304",
                             fault);
    if (code == OK) code = database_migrate(database, version, fault);
    if (code == OK) code = database_int(database, "PRAGMA page_size", &database->page_bytes, fault);
    if (code == OK) sqlite3_wal_hook(database->sqlite, note_log, database);
    return code;
}

static int prepare_reader(struct database *database, struct fault *fault)
{
    bool fresh;
    int64_t version = 0;
    int code = check_identity(database, &fresh, &version, fault);
    if (code < 0) return code;
    if (fresh)
        return fault_set(fault, ERR_NOT_FOUND, "%s: nothing was written to it yet", database->path);
    if (version < STORE_SCHEMA_VERSION)
        return fault_set(fault, ERR_VERSION,
                         "%s: written by an older moontide (schema version %lld, this one reads "
                         "%d); the next `moontide run` brings it up to date",
                         database->path, (long long)version, STORE_SCHEMA_VERSION);
    return OK;
}

/* ---- opening and closing ---- */

static uint32_t big_endian(const unsigned char *bytes, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Whether the file is as long as its header says, which SQLite only checks up to the last page.
 * Only for a writer, which is alone, and not beside a write-ahead log: what that holds may be what
 * is missing here. Source: "Database File Format", section 1.3; offsets 16 (page size), 28 (pages).
 */
static bool whole(int fd, off_t size, const char *path)
{
    unsigned char header[HEADER_BYTES];
    char wal[PATH_MAX];
    struct stat st;
    int n = snprintf(wal, sizeof wal, "%s-wal", path);
    if (size == 0 || n >= (int)sizeof wal || (stat(wal, &st) == 0 && st.st_size > 0)) return true;
    if (pread(fd, header, sizeof header, 0) != (ssize_t)sizeof header) return false;
    uint32_t page = big_endian(header + 16, 2);
    if (page == 1) page = 65536;
    if (page < 512) return true; /* no header at all: SQLite says so better */
    return size % page == 0 && size / page >= big_endian(header + 28, 4);
}

/* SQLite would make the file with the umask's mode; its -wal and -shm take over the file's. */
static int make_file(const char *path, enum database_kind kind, const char *lost,
                     struct fault *fault)
{
    int flags = kind == DATABASE_WRITER ? O_RDWR | O_CREAT : O_RDONLY, code = OK;
    struct stat st;
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int saved = errno;
        code = fault_set(fault, err_from_errno(saved), "%s: %s", path, strerror(saved));
    } else if (!S_ISREG(st.st_mode)) {
        code = fault_set(fault, ERR_INVALID, "%s: not a regular file", path);
    } else if (kind == DATABASE_WRITER && !whole(fd, st.st_size, path)) {
        code = corrupt(fault, path, lost, "shorter than it was");
    }
    if (fd >= 0) close(fd);
    return code;
}

static int connect_to(struct database *database, enum database_kind kind, struct fault *fault)
{
    int flags = kind == DATABASE_WRITER ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int rc = sqlite3_open_v2(database->path, &database->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (!database->sqlite) return fault_set(fault, ERR_NOMEM, "%s: out of memory", database->path);
    sqlite3_extended_result_codes(database->sqlite, 1);
    if (rc != SQLITE_OK) return database_fault(database, fault);
    sqlite3_busy_timeout(database->sqlite, BUSY_MS);
    /* The file may have been damaged on purpose; neither option can fail for good reason. */
    sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return database_exec(database, "PRAGMA cache_size = " CACHE "; PRAGMA cell_size_check = ON",
                         fault);
}

int database_connect(const char *path, enum database_kind kind, const char *lost,
                     struct database **out, struct fault *fault)
{
    struct database *database = NULL;
    int code = make_file(path, kind, lost, fault);
    if (code < 0) goto leave;
    database = calloc(1, sizeof *database);
    if (!database || !(database->path = strdup(path))) {
        code = fault_set(fault, ERR_NOMEM, "%s: out of memory", path);
        goto leave;
    }
    database->lost = lost;
    code = connect_to(database, kind, fault);
    if (code < 0) goto leave;
    *out = database;
    database = NULL;
leave:
    database_close(database);
    return code;
}

int database_open(const char *path, enum database_kind kind, bool check, struct database **out,
                  struct fault *fault)
{
    struct database *database = NULL;
    int code = database_connect(path, kind, lost_of_store, &database, fault);
    if (code < 0) return code;
    code = kind == DATABASE_WRITER ? prepare_writer(database, check, fault)
                                   : prepare_reader(database, fault);
    if (code == OK)
        *out = database;
    else
        database_close(database);
    return code;
}

bool database_close(struct database *database)
{
    if (!database) return true;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(database->statements[i]);
    for (int i = 0; i < READS_KEPT; i++)
        sqlite3_finalize(database->reads[i]);
    bool closed = sqlite3_close(database->sqlite) == SQLITE_OK;
    free(database->path);
    free(database);
    return closed;
}
