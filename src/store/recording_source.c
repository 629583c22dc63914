/* store/recording_source.c - policies' sources, and bodies as they lie in the file: by zlib at its
 * fastest where that makes them smaller. */
#include "recording_file.h"

#include <stdlib.h>
#include <string.h>

enum { PACK_MIN = 96, PACK_LEVEL = 1 };

int recording_pack(struct recording_file *file, const void *body, size_t len, const void **bytes,
                   size_t *packed_len, size_t *raw_len)
{
    *bytes = body;
    *packed_len = len;
    *raw_len = 0;
    if (len < PACK_MIN) return OK;
    if (len > RECORDING_BODY_MAX) return ERR_LIMIT;
    if (!file->deflates && deflateInit(&file->deflate, PACK_LEVEL) != Z_OK) return ERR_NOMEM;
    if (file->deflates) deflateReset(&file->deflate);
    file->deflates = true;
    if (file->packed_cap < len) {
        unsigned char *packed = realloc(file->packed, len);
        if (!packed) return ERR_NOMEM;
        file->packed = packed;
        file->packed_cap = len;
    }
    z_stream *z = &file->deflate;
    z->next_in = (z_const Bytef *)body;
    z->avail_in = (uInt)len;
    z->next_out = file->packed;
    z->avail_out = (uInt)(len - len / 16); /* saves less: not worth unpacking */
    if (deflate(z, Z_FINISH) != Z_STREAM_END) return OK;
    *bytes = file->packed;
    *packed_len = z->total_out;
    *raw_len = len;
    return OK;
}

int recording_unpack(const void *bytes, size_t len, size_t raw_len, unsigned char **out,
                     size_t *cap)
{
    if (raw_len > RECORDING_BODY_MAX || raw_len / 1100 > len)
        return ERR_CORRUPT; /* deflate's most */
    if (*cap < raw_len || !*out) {
        unsigned char *more = realloc(*out, raw_len + 1);
        if (!more) return ERR_NOMEM;
        *out = more;
        *cap = raw_len;
    }
    uLongf got = raw_len;
    int rc = uncompress(*out, &got, bytes, len);
    if (rc == Z_MEM_ERROR) return ERR_NOMEM;
    return rc == Z_OK && got == raw_len ? OK : ERR_CORRUPT;
}

/* ---- writing a source ---- */

static int find_source(struct recording_file *file, const char *sha256, int64_t *id, bool *text,
                       struct fault *fault)
{
    sqlite3_stmt *s;
    int code =
        recording_statement(file, FILE_SOURCE_ID,
                            "SELECT id, text IS NOT NULL FROM source WHERE sha256 = ?1", &s, fault);
    if (code < 0) return code;
    sqlite3_bind_text(s, 1, sha256, -1, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    *id = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    *text = rc == SQLITE_ROW && sqlite3_column_int(s, 1);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) code = database_fault(file->database, fault);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return code;
}

int recording_source_id(struct recording_file *file, const struct recording_row *row, int64_t *id,
                        struct fault *fault)
{
    bool text = false;
    sqlite3_stmt *s;
    int code = find_source(file, row->sha256, id, &text, fault);
    if (code < 0 || (*id && (text || !row->source))) return code;
    code = recording_statement(file, FILE_SOURCE_ADD,
                               "INSERT INTO source (sha256, raw_bytes, text) VALUES (?1, ?2, ?3)"
                               " ON CONFLICT DO UPDATE SET raw_bytes = ?2, text = ?3",
                               &s, fault);
    if (code < 0) return code;
    uLongf packed_len = compressBound(row->source ? row->source_len : 0);
    unsigned char *packed = malloc(packed_len);
    if (!packed || (row->source && compress(packed, &packed_len, (const Bytef *)row->source,
                                            row->source_len) != Z_OK)) {
        free(packed);
        return fault_set(fault, ERR_NOMEM, "no memory to record a policy's source");
    }
    sqlite3_bind_text(s, 1, row->sha256, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (int64_t)row->source_len);
    if (row->source) sqlite3_bind_blob64(s, 3, packed, packed_len, SQLITE_STATIC);
    if (sqlite3_step(s) != SQLITE_DONE) code = database_fault(file->database, fault);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    free(packed);
    return code < 0 ? code : find_source(file, row->sha256, id, &text, fault);
}
