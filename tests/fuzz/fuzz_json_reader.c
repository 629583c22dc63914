/* fuzz/fuzz_json_reader.c - any bytes as JSON: read token by token, and passed over; both must come
 * to the same end, and the depth must come out even. */
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "target.h"

static int read_all(const char *text, size_t len)
{
    struct json_reader r;
    int token, depth = 0;
    size_t sum = 0;
    json_reader_init(&r, text, len, 4096);
    while ((token = json_next(&r)) > JSON_END) {
        depth += token == JSON_OBJECT || token == JSON_ARRAY;
        depth -= token == JSON_OBJECT_END || token == JSON_ARRAY_END;
        if (token == JSON_KEY || token == JSON_STRING)
            for (size_t i = 0; i < r.len; i++)
                sum += (unsigned char)r.text[i];
        if (depth < 0 || depth > JSON_DEPTH_MAX || json_offset(&r) > len) abort();
    }
    if (token == JSON_END && depth != 0) abort();
    if (token < 0 && json_next(&r) != token) abort(); /* an error sticks */
    json_reader_done(&r);
    return token + (int)(sum & 0); /* the texts were read */
}

static int skip_all(const char *text, size_t len)
{
    struct json_reader r;
    json_reader_init(&r, text, len, 4096);
    int code = json_skip(&r);
    if (code == OK) code = json_next(&r);
    json_reader_done(&r);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = fuzz_copy(bytes, len);
    int read = read_all(text, len), skipped = skip_all(text, len);
    if (read != skipped) abort();
    free(text);
    return 0;
}
