/* aws/canonical.h - the pieces of stage 1, shared by the files of signing.
 *
 * They write into memory that the caller has measured first (canonical_query_bytes() and so on tell
 * the most that they can write), so that no step of the inner loops has to ask for room. Each gives
 * the place behind its last byte. */
#ifndef MOONTIDE_AWS_CANONICAL_H
#define MOONTIDE_AWS_CANONICAL_H

#include "moontide/aws/sigv4.h"

#include "hmac.h"

#include <string.h>

enum { QUERY_PARAMETERS_MAX = 1000, PATH_SEGMENTS_MAX = 256 };

/* Most texts are short: two overlapping stores are cheaper than a call. */
static inline char *put(char *to, const void *bytes, size_t len)
{
    const char *from = bytes;
    if (len > 32 || len < 4) {
        memcpy(to, from, len);
    } else if (len >= 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    }
    return to + len;
}

/* Percent-encodes what is neither unreserved (RFC 3986) nor `also` ('\0': no other);
 * at most 3 x len bytes. */
char *put_encoded(char *to, const char *text, size_t len, char also);

static inline size_t canonical_path_bytes(size_t path_len)
{
    return 3 * path_len + 2;
}

/* NULL: more than PATH_SEGMENTS_MAX. */
char *put_canonical_path(char *to, const struct sign_request *request, const char *path,
                         size_t path_len);

static inline size_t canonical_query_bytes(size_t query_len)
{
    return 7 * query_len + 4; /* encoded, with a "=" each, and once more to sort */
}

/* query[query_len] is a NUL. NULL: more than QUERY_PARAMETERS_MAX. */
char *put_canonical_query(char *to, const char *query, size_t query_len);

/* A header of a request, measured, its name checked. */
struct signable {
    uint64_t first; /* the first eight letters of the name, lower case, as a number that sorts so */
    const char *name, *value;
    size_t name_len, value_len;
    bool lower; /* no capital in the name */
    bool plain; /* no white space in the value */
};

struct signables {
    struct signable headers[SIGN_HEADERS_MAX + SIGV4_ADDED_MAX];
    size_t count;
    size_t bytes; /* the most that canonical_request_write() writes for them */
};

/* Takes up those headers that are signed, in their order. ERR_LIMIT, ERR_INVALID. */
MUST_CHECK int signables_init(struct signables *list, const struct sign_header *headers,
                              size_t count);
/* One more, which is among these. ERR_INVALID: a newline in its value. */
enum known_header { KNOWN_DATE, KNOWN_HASH, KNOWN_TOKEN };
extern const char *const known_header_names[];
/* Its place in the list, or NULL. */
const struct signable *signables_find(const struct signables *list, enum known_header known);
MUST_CHECK int signables_add(struct signables *list, enum known_header known, const char *value);

/* The names, "a;b;c"; `to` has list->bytes. */
char *put_signed_names(char *to, const struct signables *list);

/* Stage 1 with headers that are measured already, the query and the hash as given. */
MUST_CHECK int canonical_request_write(const struct sign_request *request, const char *query,
                                       size_t query_len, const struct signables *list,
                                       const char *payload_hash, struct strbuf *out,
                                       struct strbuf *signed_headers);

/* SIGN_QUERY: request->query with all parameters but the signature (and a token that is not
 * signed), into out. */
MUST_CHECK int presign_query(const struct credentials *credentials,
                             const struct sign_request *request, const char *date,
                             const struct signables *list, struct strbuf *out);
/* Appends the signature, and the token if it is not signed. */
MUST_CHECK int presign_finish(const struct credentials *credentials,
                              const struct sign_request *request, const char *signature,
                              struct strbuf *out);

#endif
