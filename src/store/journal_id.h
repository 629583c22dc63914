/* store/journal_id.h - an entry's id as it lies in the file: the tick's own, 32 hexadecimal digits
 * in lower case, as their 16 bytes; any other as the text it is. */
#ifndef MOONTIDE_STORE_JOURNAL_ID_H
#define MOONTIDE_STORE_JOURNAL_ID_H

#include <sqlite3.h>
#include <stdbool.h>

enum { JOURNAL_ID_BYTES = 16 };

/* False: it is not of that form, and nothing was written. */
bool journal_id_pack(const char *id, unsigned char out[JOURNAL_ID_BYTES]);
/* Binds it as it lies in the file; bytes and id must live until the statement is done. */
int journal_id_bind(sqlite3_stmt *statement, int at, const char *id,
                    unsigned char bytes[JOURNAL_ID_BYTES]);

#endif
