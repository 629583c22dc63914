/* aws/sigv4_canonical.c - stage 1 of signing: path, headers, and the canonical request of them.
 *
 * The whole request is measured first, so that the text is then written in one pass with plain
 * stores; names and values that are in canonical form already, which is nearly all of them, are
 * copied as they are. Headers are sorted by insertion: they are few. */
#include "canonical.h"

#include "moontide/base/err.h"

#include <strings.h>

static bool white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- path ---- */

struct segment {
    const char *at;
    size_t len;
};

/* RFC 3986, section 5.2.4; empty segments go too, as AWS wants it. */
static char *put_normalized(char *to, const char *path, size_t len, bool encode)
{
    struct segment kept[PATH_SEGMENTS_MAX];
    size_t count = 0;
    const char *end = path + len;
    for (const char *at = path; at < end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t n = slash ? (size_t)(slash - at) : (size_t)(end - at);
        bool dot = n == 1 && at[0] == '.', dots = n == 2 && at[0] == '.' && at[1] == '.';
        if (dots) {
            if (count > 0) count--;
        } else if (n > 0 && !dot) {
            if (count == PATH_SEGMENTS_MAX) return NULL;
            kept[count++] = (struct segment){at, n};
        }
        at += n + 1;
    }
    for (size_t i = 0; i < count; i++) {
        *to++ = '/';
        to = encode ? put_encoded(to, kept[i].at, kept[i].len, '/')
                    : put(to, kept[i].at, kept[i].len);
    }
    if (count == 0 || path[len - 1] == '/') *to++ = '/';
    return to;
}

char *put_canonical_path(char *to, const struct sign_request *request, const char *path,
                         size_t path_len)
{
    if (path_len <= 1 && (path_len == 0 || path[0] == '/')) {
        *to = '/';
        return to + 1;
    }
    if (request->normalize_path) return put_normalized(to, path, path_len, request->double_encode);
    return request->double_encode ? put_encoded(to, path, path_len, '/') : put(to, path, path_len);
}

/* ---- headers ---- */

/* The lower case of what a name may be made of (RFC 9110, section 5.6.2); 0 for all else. */
static const unsigned char name_letters[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
    ['+'] = '+', ['-'] = '-', ['.'] = '.', ['0'] = '0', ['1'] = '1', ['2'] = '2',   ['3'] = '3',
    ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',   ['A'] = 'a',
    ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g',   ['H'] = 'h',
    ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n',   ['O'] = 'o',
    ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',   ['V'] = 'v',
    ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z', ['^'] = '^', ['_'] = '_',   ['`'] = '`',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',   ['g'] = 'g',
    ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm',   ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',   ['u'] = 'u',
    ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['|'] = '|',   ['~'] = '~'};

/* In the order of their lengths. */
static const char *const never_signed[] = {"te",
                                           "expect",
                                           "trailer",
                                           "upgrade",
                                           "connection",
                                           "keep-alive",
                                           "user-agent",
                                           "authorization",
                                           "x-amzn-trace-id",
                                           "transfer-encoding",
                                           "proxy-authenticate",
                                           "proxy-authorization",
                                           NULL};

static bool is_signed(const struct signable *h)
{
    switch (h->first >> 56) {
    case 'a':
    case 'c':
    case 'e':
    case 'k':
    case 'p':
    case 't':
    case 'u':
    case 'x': break;
    default: return true;
    }
    for (const char *const *name = never_signed; *name; name++)
        if (strlen(*name) == h->name_len && strncasecmp(*name, h->name, h->name_len) == 0)
            return false;
    return true;
}

/* Whether any byte is a control or a space, eight at a time. */
static bool all_visible(const char *text, size_t len)
{
    const uint64_t low = 0x2121212121212121u, high = 0x8080808080808080u;
    size_t i = 0;
    uint64_t word;
    for (; i + 8 <= len; i += 8) {
        memcpy(&word, text + i, 8);
        if ((word - low) & ~word & high) return false;
    }
    for (; i < len; i++)
        if ((unsigned char)text[i] <= ' ') return false;
    return true;
}

/* A newline is good only where a line is folded: before a space or a tab. */
static bool newlines_fold(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\r' && text[i] != '\n') continue;
        if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n') i++;
        if (i + 1 == len || (text[i + 1] != ' ' && text[i + 1] != '\t')) return false;
    }
    return true;
}

static int measure_value(struct signable *h, const char *value)
{
    h->value = value;
    h->value_len = strlen(value);
    h->plain = all_visible(value, h->value_len);
    return h->plain || newlines_fold(value, h->value_len) ? OK : ERR_INVALID;
}

static int measure(struct signable *h, const struct sign_header *header)
{
    const unsigned char *name = (const unsigned char *)header->name, *at = name;
    unsigned char letter, changed = 0;
    uint64_t first = 0;
    for (; (letter = name_letters[*at]); at++) {
        if (at < name + 8) first = first << 8 | letter;
        changed |= letter ^ *at;
    }
    h->name = header->name;
    h->name_len = (size_t)(at - name);
    if (*at || h->name_len == 0) return ERR_INVALID;
    h->first = h->name_len < 8 ? first << (8 * (8 - h->name_len)) : first;
    h->lower = !changed;
    return measure_value(h, header->value);
}

static int compare_rest(const struct signable *a, const struct signable *b)
{
    size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    if (len > 8) {
        int order = strncasecmp(a->name + 8, b->name + 8, len - 8);
        if (order) return order;
    }
    return (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

static int compare(const struct signable *a, const struct signable *b)
{
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return compare_rest(a, b);
}

/* Keeps the list sorted; equal names keep the order in which they came. */
static void insert(struct signables *list, const struct signable *made)
{
    size_t at = list->count++;
    for (; at > 0 && compare(&list->headers[at - 1], made) > 0; at--)
        list->headers[at] = list->headers[at - 1];
    list->headers[at] = *made;
    list->bytes += 2 * made->name_len + made->value_len + 4;
}

int signables_init(struct signables *list, const struct sign_header *headers, size_t count)
{
    list->count = list->bytes = 0;
    if (count > SIGN_HEADERS_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        struct signable made;
        int code = measure(&made, &headers[i]);
        if (code < 0) return code;
        if (is_signed(&made)) insert(list, &made);
    }
    return OK;
}

enum { X_AMZ_ = 0x782d616d7a2d }; /* "x-amz-" */
static const struct signable known_headers[] = {
    [KNOWN_DATE] = {(uint64_t)X_AMZ_ << 16 | 0x6461, "x-amz-date", NULL, 10, 0, true, true},
    [KNOWN_HASH] = {(uint64_t)X_AMZ_ << 16 | 0x636f, "x-amz-content-sha256", NULL, 20, 0, true,
                    true},
    [KNOWN_TOKEN] = {(uint64_t)X_AMZ_ << 16 | 0x7365, "x-amz-security-token", NULL, 20, 0, true,
                     true},
};

const struct signable *signables_find(const struct signables *list, enum known_header known)
{
    for (size_t i = 0; i < list->count; i++)
        if (compare(&list->headers[i], &known_headers[known]) == 0) return &list->headers[i];
    return NULL;
}

int signables_add(struct signables *list, enum known_header known, const char *value)
{
    struct signable made = known_headers[known];
    int code = measure_value(&made, value);
    if (code == OK) insert(list, &made);
    return code;
}

const char *const known_header_names[] = {"x-amz-date", "x-amz-content-sha256",
                                          "x-amz-security-token"};

static char *put_name(char *to, const struct signable *h)
{
    if (h->lower) return put(to, h->name, h->name_len);
    for (size_t i = 0; i < h->name_len; i++)
        *to++ = (char)name_letters[(unsigned char)h->name[i]];
    return to;
}

/* Trimmed, and each run of white space inside is one space. */
static char *put_value(char *to, const struct signable *h)
{
    if (h->plain) return put(to, h->value, h->value_len);
    const char *at = h->value, *end = at + h->value_len;
    while (at < end && white(*at))
        at++;
    while (end > at && white(end[-1]))
        end--;
    for (; at < end; at++) {
        if (!white(*at))
            *to++ = *at;
        else if (!white(at[-1]))
            *to++ = ' ';
    }
    return to;
}

static bool repeats(const struct signables *list, size_t i)
{
    return i > 0 && compare(&list->headers[i - 1], &list->headers[i]) == 0;
}

char *put_signed_names(char *to, const struct signables *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (repeats(list, i)) continue;
        if (i > 0) *to++ = ';';
        to = put_name(to, &list->headers[i]);
    }
    return to;
}

/* "name:value\n" lines into *to, and their names into *names. */
static void put_headers(char **to, char **names, const struct signables *list)
{
    char *at = *to, *name = *names;
    for (size_t i = 0; i < list->count; i++) {
        const struct signable *h = &list->headers[i];
        if (repeats(list, i)) {
            at[-1] = ',';
        } else {
            char *begin = at;
            at = put_name(at, h);
            if (i > 0) *name++ = ';';
            name = put(name, begin, h->name_len);
            *at++ = ':';
        }
        at = put_value(at, h);
        *at++ = '\n';
    }
    *to = at;
    *names = name;
}

/* ---- all of it ---- */

int canonical_request_write(const struct sign_request *request, const char *query, size_t query_len,
                            const struct signables *list, const char *payload_hash,
                            struct strbuf *out, struct strbuf *signed_headers)
{
    const char *path = request->path ? request->path : "";
    size_t method_len = strlen(request->method), path_len = strlen(path);
    size_t hash_len = strlen(payload_hash);
    strbuf_reset(out);
    strbuf_reset(signed_headers);
    char *names = strbuf_reserve(signed_headers, list->bytes), *name = names;
    char *begin = strbuf_reserve(out, method_len + canonical_path_bytes(path_len) +
                                          canonical_query_bytes(query_len) + 2 * list->bytes +
                                          hash_len + 8),
         *to = begin;
    if (!names) return strbuf_status(signed_headers);
    if (!to) return strbuf_status(out);
    to = put(to, request->method, method_len);
    *to++ = '\n';
    to = put_canonical_path(to, request, path, path_len);
    if (!to) return ERR_LIMIT;
    *to++ = '\n';
    to = put_canonical_query(to, query, query_len);
    if (!to) return ERR_LIMIT;
    *to++ = '\n';
    put_headers(&to, &name, list);
    *to++ = '\n';
    *name = '\0';
    signed_headers->len = (size_t)(name - names);
    to = put(to, names, signed_headers->len);
    *to++ = '\n';
    to = put(to, payload_hash, hash_len);
    *to = '\0';
    out->len = (size_t)(to - begin);
    return OK;
}

int sigv4_canonical_request(const struct sign_request *request, struct strbuf *out,
                            struct strbuf *signed_headers)
{
    struct signables list;
    char hash[SHA256_HEX_MAX];
    const char *query = request->query ? request->query : "";
    int code = signables_init(&list, request->headers, request->header_count);
    if (code < 0) return code;
    if (!request->payload_hash) quick_sha256_hex(request->body, request->body_len, hash);
    return canonical_request_write(request, query, strlen(query), &list,
                                   request->payload_hash ? request->payload_hash : hash, out,
                                   signed_headers);
}
