/* store/journal_id.c - an entry's id as it lies in the file. */
#include "journal_id.h"

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool journal_id_pack(const char *id, unsigned char out[JOURNAL_ID_BYTES])
{
    unsigned char bytes[JOURNAL_ID_BYTES];
    for (int i = 0; i < JOURNAL_ID_BYTES; i++) {
        int high = digit(id[2 * i]), low = high < 0 ? -1 : digit(id[2 * i + 1]);
        if (low < 0) return false; /* a shorter text ends here, too */
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    if (id[2 * JOURNAL_ID_BYTES]) return false;
    memcpy(out, bytes, sizeof bytes);
    return true;
}

int journal_id_bind(sqlite3_stmt *statement, int at, const char *id,
                    unsigned char bytes[JOURNAL_ID_BYTES])
{
    if (!id) return sqlite3_bind_null(statement, at);
    return journal_id_pack(id, bytes)
               ? sqlite3_bind_blob(statement, at, bytes, JOURNAL_ID_BYTES, SQLITE_STATIC)
               : sqlite3_bind_text(statement, at, id, -1, SQLITE_STATIC);
}
