/* aws/model_gzip.c - gzip, whole buffers at a time: models, and large request bodies. */
#include "model_gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum { GZIP_WINDOW = 16 + MAX_WBITS /* zlib.h: 16 more asks for a gzip header */ };

bool gzip_is(const char *bytes, size_t len)
{
    return len > 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b;
}

/* Inflates all of *stream into a buffer that grows. */
static int inflate_all(z_stream *stream, size_t max_bytes, char **out, size_t *out_len)
{
    size_t cap = 256 * 1024, n = 0;
    char *data = NULL;
    int rc = Z_OK;
    while (rc != Z_STREAM_END) {
        if (!data || n == cap) {
            if (data) cap *= 4;
            if (cap > max_bytes) cap = max_bytes;
            char *grown = n < cap ? realloc(data, cap) : NULL;
            if (!grown) {
                free(data);
                return n < cap ? ERR_NOMEM : ERR_LIMIT;
            }
            data = grown;
        }
        stream->next_out = (Bytef *)data + n;
        stream->avail_out = (uInt)(cap - n);
        rc = inflate(stream, Z_NO_FLUSH);
        n = cap - stream->avail_out;
        if (rc != Z_OK && rc != Z_STREAM_END) break;
        if (rc == Z_OK && stream->avail_in == 0 && stream->avail_out > 0) break; /* cut off */
    }
    if (rc != Z_STREAM_END) {
        free(data);
        return rc == Z_MEM_ERROR ? ERR_NOMEM : ERR_PARSE;
    }
    *out = data;
    *out_len = n;
    return OK;
}

int gzip_inflate(const char *bytes, size_t len, size_t max_bytes, char **out, size_t *out_len)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
    if (len > max_bytes || len > UINT32_MAX) return ERR_LIMIT;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) return ERR_NOMEM;
    int code = inflate_all(&stream, max_bytes, out, out_len);
    inflateEnd(&stream);
    return code;
}

int gzip_deflate(const char *bytes, size_t len, char **out, size_t *out_len)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
    if (len > INT32_MAX) return ERR_LIMIT;
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return ERR_NOMEM;
    size_t bound = deflateBound(&stream, len);
    char *data = malloc(bound);
    if (data) {
        stream.next_out = (Bytef *)data;
        stream.avail_out = (uInt)bound;
    }
    int rc = data ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    deflateEnd(&stream);
    if (rc != Z_STREAM_END) {
        free(data);
        return ERR_NOMEM;
    }
    *out = data;
    *out_len = bound - stream.avail_out;
    return OK;
}
