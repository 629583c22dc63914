/* aws/sigv4_canonical.c - stage 1 of signing: the canonical request.
 *
 * What is sorted here (query parameters, headers) is sorted as spans of the caller's texts in
 * arrays on the stack, so that the stage allocates nothing but the growth of `out`. */
#include "moontide/aws/sigv4.h"

#include "moontide/base/err.h"

#include "hmac.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PARAMETERS_MAX = 128, HEADERS_MAX = 64, SEGMENTS_MAX = 128 };

struct span {
    const char *at;
    size_t len;
};

static bool unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void add_encoded(struct strbuf *out, const char *text, size_t len, char also)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (unreserved(c) || c == (unsigned char)also)
            strbuf_addc(out, (char)c);
        else
            strbuf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

/* RFC 3986, section 5.2.4; empty segments go too, as AWS wants it. */
static int add_normalized(struct strbuf *out, const char *path, bool encode)
{
    struct span kept[SEGMENTS_MAX];
    size_t count = 0, len = strlen(path);
    for (const char *at = path; *at;) {
        size_t n = strcspn(at, "/");
        bool dot = n == 1 && at[0] == '.', dots = n == 2 && at[0] == '.' && at[1] == '.';
        if (dots) {
            if (count > 0) count--;
        } else if (n > 0 && !dot) {
            if (count == SEGMENTS_MAX) return ERR_LIMIT;
            kept[count++] = (struct span){at, n};
        }
        at += n;
        if (*at == '/') at++;
    }
    for (size_t i = 0; i < count; i++) {
        strbuf_addc(out, '/');
        if (encode)
            add_encoded(out, kept[i].at, kept[i].len, '/');
        else
            strbuf_add(out, kept[i].at, kept[i].len);
    }
    if (count == 0 || path[len - 1] == '/') strbuf_addc(out, '/');
    return OK;
}

static int add_path(struct strbuf *out, const struct sign_request *request)
{
    const char *path = request->path && request->path[0] ? request->path : "/";
    if (request->normalize_path) return add_normalized(out, path, request->double_encode);
    if (request->double_encode)
        add_encoded(out, path, strlen(path), '/');
    else
        strbuf_adds(out, path);
    return OK;
}

struct parameter {
    struct span name, value;
};

/* Compares as encoded texts compare: what add_encoded() escapes counts as '%' and its hex. */
static int compare_encoded(struct span a, struct span b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        unsigned char x = (unsigned char)a.at[i], y = (unsigned char)b.at[i];
        if (x == y) continue;
        unsigned char ex = unreserved(x) ? x : '%', ey = unreserved(y) ? y : '%';
        return ex != ey ? ex - ey : x - y;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static int by_parameter(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int order = compare_encoded(x->name, y->name);
    return order ? order : compare_encoded(x->value, y->value);
}

static int add_query(struct strbuf *out, const char *query)
{
    struct parameter parameters[PARAMETERS_MAX];
    size_t count = 0;
    if (!query) return OK;
    while (*query) {
        size_t n = strcspn(query, "&"), name = strcspn(query, "&=");
        if (n > 0) {
            if (count == PARAMETERS_MAX) return ERR_LIMIT;
            size_t skip = name < n ? name + 1 : n;
            parameters[count++] = (struct parameter){{query, name}, {query + skip, n - skip}};
        }
        query += n;
        if (*query == '&') query++;
    }
    if (count > 1) qsort(parameters, count, sizeof parameters[0], by_parameter);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) strbuf_addc(out, '&');
        add_encoded(out, parameters[i].name.at, parameters[i].name.len, '%');
        strbuf_addc(out, '=');
        add_encoded(out, parameters[i].value.at, parameters[i].value.len, '%');
    }
    return OK;
}

static int by_header(const void *a, const void *b)
{
    const struct sign_header *const *x = a, *const *y = b;
    int order = strcasecmp((*x)->name, (*y)->name);
    /* equal names keep the order in which they were given */
    return order ? order : (*x < *y ? -1 : *x > *y);
}

static void add_lower(struct strbuf *out, const char *text)
{
    for (; *text; text++)
        strbuf_addc(out, *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text);
}

/* Trimmed, and each run of spaces inside is one space. */
static void add_value(struct strbuf *out, const char *value)
{
    bool space = false, begun = false;
    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            space = begun;
            continue;
        }
        if (space) strbuf_addc(out, ' ');
        strbuf_addc(out, *value);
        space = false;
        begun = true;
    }
}

static int add_headers(struct strbuf *out, const struct sign_request *request,
                       struct strbuf *signed_headers)
{
    const struct sign_header *sorted[HEADERS_MAX];
    if (request->header_count > HEADERS_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct sign_header *h = &request->headers[i];
        if (!h->name[0] || strpbrk(h->name, "\r\n: ") || strpbrk(h->value, "\r\n"))
            return ERR_INVALID;
        sorted[i] = h;
    }
    if (request->header_count > 1)
        qsort(sorted, request->header_count, sizeof sorted[0], by_header);
    for (size_t i = 0; i < request->header_count; i++) {
        bool again = i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0;
        if (again) {
            strbuf_addc(out, ',');
        } else {
            if (i > 0) strbuf_addc(out, '\n');
            if (i > 0) strbuf_addc(signed_headers, ';');
            add_lower(signed_headers, sorted[i]->name);
            add_lower(out, sorted[i]->name);
            strbuf_addc(out, ':');
        }
        add_value(out, sorted[i]->value);
    }
    if (request->header_count > 0) strbuf_addc(out, '\n');
    return OK;
}

int sigv4_canonical_request(const struct sign_request *request, struct strbuf *out,
                            struct strbuf *signed_headers)
{
    strbuf_reset(out);
    strbuf_reset(signed_headers);
    strbuf_adds(out, request->method);
    strbuf_addc(out, '\n');
    int code = add_path(out, request);
    strbuf_addc(out, '\n');
    if (code == OK) code = add_query(out, request->query);
    strbuf_addc(out, '\n');
    if (code == OK) code = add_headers(out, request, signed_headers);
    if (code < 0) return code;
    strbuf_addc(out, '\n');
    strbuf_add(out, strbuf_cstr(signed_headers), signed_headers->len);
    strbuf_addc(out, '\n');
    if (request->payload_hash) {
        strbuf_adds(out, request->payload_hash);
    } else {
        unsigned char digest[SHA256_BYTES];
        char hex[SHA256_HEX_MAX];
        quick_sha256(request->body, request->body_len, digest);
        hex_encode(digest, sizeof digest, hex);
        strbuf_adds(out, hex);
    }
    code = strbuf_status(out);
    return code < 0 ? code : strbuf_status(signed_headers);
}
