/* fuzz/parse_target.h - what the three targets of service answers share: any bytes as the answer of
 * a made-up service, written to a writer that insists on the order of calls. The first byte chooses
 * operation and status; the rest up to the first newline is what every header says. */
#ifndef MOONTIDE_FUZZ_PARSE_TARGET_H
#define MOONTIDE_FUZZ_PARSE_TARGET_H

#include "moontide/aws/protocol.h"
#include "support/toy_model.h"
#include "target.h"

enum { STRICT_DEPTH_MAX = 2 * WIRE_DEPTH_MAX, SCRATCH_MAX = 4 << 20 };

/* Each value in a table that is no list has a key before it; tables are ended; texts can be read.
 */
struct strict_writer {
    struct value_writer writer; /* first */
    bool list[STRICT_DEPTH_MAX], keyed[STRICT_DEPTH_MAX];
    int depth;
    size_t values, sum;
};

static void strict_value(struct value_writer *w)
{
    struct strict_writer *s = (struct strict_writer *)w;
    s->values++;
    if (s->depth == 0) return;
    fuzz_require(s->list[s->depth - 1] || s->keyed[s->depth - 1]);
    s->keyed[s->depth - 1] = false;
}

static void strict_begin(struct value_writer *w, size_t list_hint, size_t field_hint, bool list)
{
    struct strict_writer *s = (struct strict_writer *)w;
    (void)list_hint;
    (void)field_hint;
    strict_value(w);
    fuzz_require(s->depth < STRICT_DEPTH_MAX);
    s->list[s->depth] = list;
    s->keyed[s->depth++] = false;
}

static void strict_end(struct value_writer *w)
{
    struct strict_writer *s = (struct strict_writer *)w;
    fuzz_require(s->depth > 0 && !s->keyed[s->depth - 1]);
    s->depth--;
}

static void strict_read(struct strict_writer *s, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        s->sum += (unsigned char)text[i];
}

static void strict_key(struct value_writer *w, const struct member *member, const char *name,
                       size_t len)
{
    struct strict_writer *s = (struct strict_writer *)w;
    fuzz_require(s->depth > 0 && !s->list[s->depth - 1] && !s->keyed[s->depth - 1]);
    fuzz_require(!member || (member->name == name && strlen(name) == len));
    strict_read(s, name, len);
    s->keyed[s->depth - 1] = true;
}

static void strict_boolean(struct value_writer *w, bool value)
{
    (void)value;
    strict_value(w);
}

static void strict_integer(struct value_writer *w, int64_t value)
{
    (void)value;
    strict_value(w);
}

static void strict_number(struct value_writer *w, double value)
{
    (void)value;
    strict_value(w);
}

static void strict_string(struct value_writer *w, const char *text, size_t len)
{
    strict_value(w);
    strict_read((struct strict_writer *)w, text, len);
}

static const struct value_writer_vtable strict_vtable = {.begin_table = strict_begin,
                                                         .end_table = strict_end,
                                                         .key = strict_key,
                                                         .null = strict_value,
                                                         .boolean = strict_boolean,
                                                         .integer = strict_integer,
                                                         .number = strict_number,
                                                         .string = strict_string};

static inline void fuzz_answer(const struct model *model, const uint8_t *bytes, size_t len)
{
    static const char *const operations[] = {"Get", "Rest", "Blob",  "Text",
                                             "Out", "Free", "Where", "None"};
    static const int statuses[] = {200, 206, 400, 503};
    static const char *const names[] = {"x-name",
                                        "content-length",
                                        "x-flag",
                                        "x-half",
                                        "last-modified",
                                        "x-tags",
                                        "x-times",
                                        "x-json",
                                        "x-meta-a",
                                        "x-amzn-errortype",
                                        "x-amzn-query-error",
                                        "x-amzn-requestid"};
    struct http_header headers[sizeof names / sizeof names[0]];
    if (len == 0) return;
    size_t choice = bytes[0];
    bytes++;
    len--;
    char *value = fuzz_line(&bytes, &len);
    char *body = fuzz_copy(bytes, len);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        headers[i] = (struct http_header){names[i], value};
    struct wire_response response = {.status = statuses[choice >> 3 & 3],
                                     .headers = headers,
                                     .header_count =
                                         value && *value ? sizeof names / sizeof names[0] : 0,
                                     .body = body,
                                     .body_len = len};
    struct strict_writer writer = {.writer = {&strict_vtable}};
    struct service_error error = {.code = "?"};
    struct fault fault = {0};
    struct strbuf scratch;
    strbuf_init(&scratch, SCRATCH_MAX);
    int code = protocol_parse(model, model_operation(model, operations[choice & 7]), &response,
                              &writer.writer, &scratch, &error, &fault);
    if (code == OK || code == ERR_HTTP) fuzz_require(writer.depth == 0 && writer.values > 0);
    if (code == ERR_HTTP) {
        fuzz_require(response.status >= 300 && error.code[0] != '\0');
        fuzz_require(memchr(error.code, '\0', sizeof error.code) != NULL);
        fuzz_require(memchr(error.message, '\0', sizeof error.message) != NULL);
    }
    if (code < 0 && code != ERR_HTTP) fuzz_require(fault.text[0] != '\0');
    strbuf_done(&scratch);
    free(value);
    free(body);
}

#endif
