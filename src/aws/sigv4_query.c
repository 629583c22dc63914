/* aws/sigv4_query.c - the query string: in canonical order for stage 1, and with what a presigned
 * URL carries.
 *
 * A query of only unreserved characters and percent escapes, which is what serializers write, is
 * sorted as it stands; any other is encoded first, as the order is that of the encoded texts. */
#include "canonical.h"

#include "moontide/aws/credentials.h"
#include "moontide/base/err.h"

enum { OTHER, UNRESERVED, PERCENT, EQUALS, AMPERSAND, END }; /* the last two end a parameter */

/* RFC 3986, section 2.3. */
static const unsigned char classes[256] = {
    ['\0'] = END, ['%'] = PERCENT, ['='] = EQUALS, ['&'] = AMPERSAND, ['-'] = 1, ['.'] = 1,
    ['0'] = 1,    ['1'] = 1,       ['2'] = 1,      ['3'] = 1,         ['4'] = 1, ['5'] = 1,
    ['6'] = 1,    ['7'] = 1,       ['8'] = 1,      ['9'] = 1,         ['A'] = 1, ['B'] = 1,
    ['C'] = 1,    ['D'] = 1,       ['E'] = 1,      ['F'] = 1,         ['G'] = 1, ['H'] = 1,
    ['I'] = 1,    ['J'] = 1,       ['K'] = 1,      ['L'] = 1,         ['M'] = 1, ['N'] = 1,
    ['O'] = 1,    ['P'] = 1,       ['Q'] = 1,      ['R'] = 1,         ['S'] = 1, ['T'] = 1,
    ['U'] = 1,    ['V'] = 1,       ['W'] = 1,      ['X'] = 1,         ['Y'] = 1, ['Z'] = 1,
    ['_'] = 1,    ['a'] = 1,       ['b'] = 1,      ['c'] = 1,         ['d'] = 1, ['e'] = 1,
    ['f'] = 1,    ['g'] = 1,       ['h'] = 1,      ['i'] = 1,         ['j'] = 1, ['k'] = 1,
    ['l'] = 1,    ['m'] = 1,       ['n'] = 1,      ['o'] = 1,         ['p'] = 1, ['q'] = 1,
    ['r'] = 1,    ['s'] = 1,       ['t'] = 1,      ['u'] = 1,         ['v'] = 1, ['w'] = 1,
    ['x'] = 1,    ['y'] = 1,       ['z'] = 1,      ['~'] = 1};

char *put_encoded(char *to, const char *text, size_t len, char also)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (classes[c] == UNRESERVED || c == (unsigned char)also) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        }
    }
    return to;
}

struct parameter {
    const char *name, *value;
    size_t name_len, value_len;
};

struct parameters {
    struct parameter list[QUERY_PARAMETERS_MAX];
    size_t count;
    bool clean; /* nothing has to be encoded */
};

static unsigned char class_of(const char *at)
{
    return classes[(unsigned char)*at];
}

/* Empty ones ("a&&b") do not count. */
static int split(struct parameters *p, const char *at)
{
    p->count = 0;
    p->clean = true;
    for (;; at++) {
        const char *begin = at, *equals = NULL;
        for (;; at++) {
            unsigned char class = class_of(at);
            if (class == UNRESERVED || class == PERCENT) continue;
            if (class >= AMPERSAND) break;
            if (class == EQUALS && !equals)
                equals = at;
            else
                p->clean = false;
        }
        if (at > begin) {
            if (p->count == QUERY_PARAMETERS_MAX) return ERR_LIMIT;
            const char *value = equals ? equals + 1 : at;
            p->list[p->count++] = (struct parameter){
                begin, value, (size_t)((equals ? equals : at) - begin), (size_t)(at - value)};
        }
        if (!*at) return OK;
    }
}

static int compare_spans(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare(const struct parameter *a, const struct parameter *b)
{
    int order = compare_spans(a->name, a->name_len, b->name, b->name_len);
    return order ? order : compare_spans(a->value, a->value_len, b->value, b->value_len);
}

/* By merging runs from the bottom up; sorted input, and ten parameters, cost a few compares. */
static void sort(struct parameters *p)
{
    enum { RUN = 16 };
    struct parameter spare[QUERY_PARAMETERS_MAX];
    struct parameter *from = p->list, *to = spare;
    size_t count = p->count;
    for (size_t run = 0; run < count; run += RUN)
        for (size_t i = run + 1; i < count && i < run + RUN; i++) {
            struct parameter moved = from[i];
            size_t at = i;
            for (; at > run && compare(&from[at - 1], &moved) > 0; at--)
                from[at] = from[at - 1];
            from[at] = moved;
        }
    for (size_t width = RUN; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t a = begin, b = middle;
            for (size_t k = begin; k < end; k++)
                to[k] = b == end || (a < middle && compare(&from[a], &from[b]) <= 0) ? from[a++]
                                                                                     : from[b++];
        }
        struct parameter *swap = from;
        from = to;
        to = swap;
    }
    if (from != p->list) memcpy(p->list, from, count * sizeof *from);
}

static void encode(struct parameters *p, char *to)
{
    for (struct parameter *q = p->list; q < p->list + p->count; q++) {
        char *name = to, *value = to = put_encoded(to, q->name, q->name_len, '%');
        to = put_encoded(to, q->value, q->value_len, '%');
        *q = (struct parameter){name, value, (size_t)(value - name), (size_t)(to - value)};
    }
}

char *put_canonical_query(char *to, const char *query, size_t query_len)
{
    struct parameters p;
    if (query_len == 0) return to;
    if (split(&p, query) < 0) return NULL;
    if (!p.clean) encode(&p, to + 4 * query_len + 2); /* behind what is written below */
    sort(&p);
    for (size_t i = 0; i < p.count; i++) {
        const struct parameter *q = &p.list[i];
        if (i > 0) *to++ = '&';
        to = put(to, q->name, q->name_len);
        *to++ = '=';
        to = put(to, q->value, q->value_len);
    }
    return to;
}

/* ---- presigned ---- */

static void add_encoded(struct strbuf *out, const char *text, size_t len)
{
    char *at = strbuf_reserve(out, 3 * len);
    if (!at) return;
    out->len += (size_t)(put_encoded(at, text, len, '\0') - at);
    out->data[out->len] = '\0';
}

static void add_token(struct strbuf *out, const struct credentials *credentials)
{
    strbuf_adds(out, "&X-Amz-Security-Token=");
    add_encoded(out, credentials->session_token, strlen(credentials->session_token));
}

int presign_query(const struct credentials *credentials, const struct sign_request *request,
                  const char *date, const struct signables *list, struct strbuf *out)
{
    int64_t expires_s = request->expires_s ? request->expires_s : SIGN_EXPIRES_DEFAULT_S;
    const char *query = request->query ? request->query : "";
    struct strbuf names;
    if (expires_s < 1 || expires_s > SIGN_EXPIRES_MAX_S) return ERR_INVALID;
    strbuf_init(&names, list->bytes + 1);
    char *begin = strbuf_reserve(&names, list->bytes);
    if (!begin) return strbuf_status(&names);
    names.len = (size_t)(put_signed_names(begin, list) - begin);

    strbuf_reset(out);
    strbuf_adds(out, query);
    if (query[0]) strbuf_addc(out, '&');
    strbuf_adds(out, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
    add_encoded(out, credentials->access_key_id, strlen(credentials->access_key_id));
    strbuf_adds(out, "%2F");
    strbuf_add(out, date, 8);
    strbuf_adds(out, "%2F");
    add_encoded(out, request->region, strlen(request->region));
    strbuf_adds(out, "%2F");
    add_encoded(out, request->service, strlen(request->service));
    strbuf_adds(out, "%2Faws4_request&X-Amz-Date=");
    strbuf_adds(out, date);
    strbuf_adds(out, "&X-Amz-Expires=");
    strbuf_add_int(out, expires_s);
    strbuf_adds(out, "&X-Amz-SignedHeaders=");
    add_encoded(out, names.data, names.len);
    if (credentials->session_token && !request->omit_session_token) add_token(out, credentials);
    strbuf_done(&names);
    return strbuf_status(out);
}

int presign_finish(const struct credentials *credentials, const struct sign_request *request,
                   const char *signature, struct strbuf *out)
{
    strbuf_adds(out, "&X-Amz-Signature=");
    strbuf_adds(out, signature);
    if (credentials->session_token && request->omit_session_token) add_token(out, credentials);
    return strbuf_status(out);
}
