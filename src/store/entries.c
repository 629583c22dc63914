/* store/entries.c - the journal entries of a batch: gathered on the loop, written on a worker.
 *
 * Ten thousand of them in one batch are what is slow: each is one row and two index entries, and
 * the texts that many share are looked up once a batch. */
#include "entries.h"

#include "entries_table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ENTRIES = 16 };

/* ---- gathering ---- */

static struct entry_write *reserve(struct entries *entries)
{
    if (entries->count == entries->cap) {
        size_t cap = entries->cap ? entries->cap * 2 : FIRST_ENTRIES;
        struct entry_write *items = realloc(entries->items, cap * sizeof *items);
        if (!items) return NULL;
        entries->items = items;
        entries->cap = cap;
    }
    return &entries->items[entries->count];
}

/* Its length fits: STORE_BATCH_BYTES_MAX bounds the buffer. */
static size_t add_text(struct strbuf *texts, const char *text, int *len)
{
    size_t at = texts->len, n = strlen(text);
    strbuf_add(texts, text, n + 1);
    *len = (int)n;
    return at;
}

int entries_add(struct entries *entries, struct strbuf *texts, const struct journal_entry *entry)
{
    int code, ignored;
    struct entry_write *write = reserve(entries);
    if (!write) return ERR_NOMEM;
    write->policy = ENTRY_NO_PAIR;
    code = pairs_add(&entries->subjects, texts, entry->target, entry->resource, &write->subject);
    if (code == OK && (entry->policy || entry->policy_sha256))
        code = pairs_add(&entries->policies, texts, entry->policy, entry->policy_sha256,
                         &write->policy);
    if (code < 0) return code;
    write->id = entry->id ? add_text(texts, entry->id, &ignored) : PAIRS_NO_TEXT;
    write->what = add_text(texts, entry->what, &write->what_len);
    write->json = add_text(texts, entry->json ? entry->json : "{}", &write->json_len);
    code = strbuf_status(texts);
    if (code == OK) entries->count++;
    return code;
}

void entries_done(struct entries *entries)
{
    pairs_done(&entries->subjects);
    pairs_done(&entries->policies);
    free(entries->items);
    *entries = (struct entries){0};
}

/* ---- the rows that entries share ---- */

static const struct dictionary {
    enum statement find, make;
    const char *find_sql, *make_sql; /* ?1 and ?2 are the pair */
    bool of_world;                   /* and ?3 the world */
} subjects = {STATEMENT_SUBJECT, STATEMENT_SUBJECT_NEW,
              "SELECT id FROM journal_subject WHERE resource IS ?2 AND target IS ?1 AND world = ?3",
              "INSERT INTO journal_subject (target, resource, world) VALUES (?1, ?2, ?3)", true},
  policies = {STATEMENT_POLICY, STATEMENT_POLICY_NEW,
              "SELECT id FROM journal_policy WHERE policy IS ?1 AND sha256 IS ?2",
              "INSERT INTO journal_policy (policy, sha256) VALUES (?1, ?2)", false};

static int bind_text(sqlite3_stmt *statement, int at, const char *texts, size_t offset)
{
    return offset == PAIRS_NO_TEXT
               ? sqlite3_bind_null(statement, at)
               : sqlite3_bind_text(statement, at, texts + offset, -1, SQLITE_STATIC);
}

/* Answers what sqlite3_step() said; a row's number is in pair->row. */
static int step_pair(sqlite3_stmt *statement, const char *texts, const char *world,
                     struct pair *pair)
{
    int rc = bind_text(statement, 1, texts, pair->first);
    if (rc == SQLITE_OK) rc = bind_text(statement, 2, texts, pair->second);
    if (rc == SQLITE_OK && world) rc = sqlite3_bind_text(statement, 3, world, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) pair->row = sqlite3_column_int64(statement, 0);
    return rc;
}

static int find_or_make(const struct dictionary *dictionary, const char *texts, const char *world,
                        struct pair *pair, struct database *database, struct fault *fault)
{
    sqlite3_stmt *find, *make;
    int code = database_statement(database, dictionary->find, dictionary->find_sql, &find, fault);
    if (code < 0) return code;
    int rc = step_pair(find, texts, world, pair);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) code = database_fault(database, fault);
    sqlite3_reset(find);
    sqlite3_clear_bindings(find);
    if (rc != SQLITE_DONE) return code;

    code = database_statement(database, dictionary->make, dictionary->make_sql, &make, fault);
    if (code < 0) return code;
    rc = step_pair(make, texts, world, pair);
    if (rc != SQLITE_DONE) code = database_fault(database, fault);
    pair->row = sqlite3_last_insert_rowid(database->sqlite);
    sqlite3_reset(make);
    sqlite3_clear_bindings(make);
    return code;
}

static int resolve(const struct dictionary *dictionary, struct pairs *pairs, const char *texts,
                   const char *world, struct database *database, struct fault *fault)
{
    int code = OK;
    for (size_t i = 0; i < pairs->count && code == OK; i++)
        code = find_or_make(dictionary, texts, dictionary->of_world ? world : NULL,
                            &pairs->items[i], database, fault);
    return code;
}

/* ---- the entries ---- */

/* The entries are numbered one after the other, so the last number tells the first. */
static int write_all(const struct entries *entries, const char *texts, int64_t at_ms,
                     struct database *database, struct fault *fault)
{
    static const char sql[] = "INSERT INTO journal_entry (at_ms, subject, policy, what, id, json)"
                              " SELECT ?1, subject, policy, what, id, json FROM moontide_entries";
    const struct entries_source source = {entries, texts};
    sqlite3_stmt *statement;
    int code = OK;
    if (!database->statements[STATEMENT_JOURNAL]) code = entries_table_add(database, fault);
    if (code == OK) code = database_statement(database, STATEMENT_JOURNAL, sql, &statement, fault);
    if (code < 0) return code;
    database->entries = &source;
    int rc = sqlite3_bind_int64(statement, 1, at_ms);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE) code = database_fault(database, fault);
    sqlite3_reset(statement); /* says again what the step said */
    database->entries = NULL;
    return code;
}

/* So that a time leads to entries without an index entry for each. */
static int note_batch(struct database *database, int64_t first, int64_t last, int64_t at_ms,
                      struct fault *fault)
{
    sqlite3_stmt *statement;
    int code = database_statement(database, STATEMENT_JOURNAL_BATCH,
                                  "INSERT OR REPLACE INTO journal_batch (first_seq, last_seq,"
                                  " at_ms) VALUES (?1, ?2, ?3)",
                                  &statement, fault);
    if (code < 0) return code;
    int rc = sqlite3_bind_int64(statement, 1, first);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 2, last);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 3, at_ms);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE) code = database_fault(database, fault);
    sqlite3_reset(statement);
    return code;
}

int entries_write(struct entries *entries, const char *texts, const char *world, int64_t at_ms,
                  struct database *database, struct fault *fault)
{
    if (entries->count == 0) return OK;
    int code = resolve(&subjects, &entries->subjects, texts, world, database, fault);
    if (code == OK) code = resolve(&policies, &entries->policies, texts, world, database, fault);
    if (code == OK) code = write_all(entries, texts, at_ms, database, fault);
    if (code < 0) return code;
    int64_t last = sqlite3_last_insert_rowid(database->sqlite);
    return note_batch(database, last - (int64_t)entries->count + 1, last, at_ms, fault);
}
