/* store/entries_table.c - a batch's entries as a virtual table, so that one statement writes all.
 *
 * A statement for each entry would open the table and its indexes, look for the place, and close
 * them, ten thousand times; that is more than the writing itself. The table has no file: it reads
 * what database->entries points to. */
#include "entries_table.h"

#include "journal_id.h"

#include <stdlib.h>

enum { COLUMN_SUBJECT, COLUMN_POLICY, COLUMN_WHAT, COLUMN_ID, COLUMN_JSON };

struct table {
    sqlite3_vtab base;
    const struct database *database;
};

struct cursor {
    sqlite3_vtab_cursor base;
    size_t at;
};

static const struct entries_source *source_of(const struct cursor *cursor)
{
    return ((const struct table *)cursor->base.pVtab)->database->entries;
}

static int connect_table(sqlite3 *sqlite, void *data, int count, const char *const *arguments,
                         sqlite3_vtab **out, char **error)
{
    (void)count;
    (void)arguments;
    (void)error;
    int rc = sqlite3_declare_vtab(sqlite, "CREATE TABLE x (subject, policy, what, id, json)");
    if (rc != SQLITE_OK) return rc;
    struct table *table = calloc(1, sizeof *table);
    if (!table) return SQLITE_NOMEM;
    table->database = data;
    *out = &table->base;
    return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

/* There is one way to read it: all of it, in order. */
static int choose_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 10000;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    struct cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor) return SQLITE_NOMEM;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static int begin(sqlite3_vtab_cursor *base, int index, const char *name, int count,
                 sqlite3_value **values)
{
    (void)index;
    (void)name;
    (void)count;
    (void)values;
    ((struct cursor *)base)->at = 0;
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    ((struct cursor *)base)->at++;
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const struct entries_source *source = source_of(cursor);
    return !source || cursor->at >= source->entries->count;
}

static void tell_id(sqlite3_context *context, const char *id)
{
    unsigned char bytes[JOURNAL_ID_BYTES];
    if (journal_id_pack(id, bytes))
        sqlite3_result_blob(context, bytes, sizeof bytes, SQLITE_TRANSIENT);
    else
        sqlite3_result_text(context, id, -1, SQLITE_STATIC);
}

/* What is not told is NULL. */
static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int which)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const struct entries_source *source = source_of(cursor);
    const struct entries *entries = source->entries;
    const struct entry_write *write = &entries->items[cursor->at];
    const char *texts = source->texts;
    switch (which) {
    case COLUMN_SUBJECT:
        sqlite3_result_int64(context, entries->subjects.items[write->subject].row);
        break;
    case COLUMN_POLICY:
        if (write->policy != ENTRY_NO_PAIR)
            sqlite3_result_int64(context, entries->policies.items[write->policy].row);
        break;
    case COLUMN_WHAT:
        sqlite3_result_text(context, texts + write->what, write->what_len, SQLITE_STATIC);
        break;
    case COLUMN_ID:
        if (write->id != PAIRS_NO_TEXT) tell_id(context, texts + write->id);
        break;
    case COLUMN_JSON:
        sqlite3_result_text(context, texts + write->json, write->json_len, SQLITE_STATIC);
        break;
    default: break;
    }
    return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct cursor *)base)->at;
    return SQLITE_OK;
}

int entries_table_add(struct database *database, struct fault *fault)
{
    static const sqlite3_module module = {.xConnect = connect_table,
                                          .xBestIndex = choose_index,
                                          .xDisconnect = disconnect_table,
                                          .xOpen = open_cursor,
                                          .xClose = close_cursor,
                                          .xFilter = begin,
                                          .xNext = next,
                                          .xEof = at_end,
                                          .xColumn = column,
                                          .xRowid = row_id};
    if (sqlite3_create_module_v2(database->sqlite, "moontide_entries", &module, database, NULL))
        return database_fault(database, fault);
    return OK;
}
