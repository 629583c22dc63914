/* aws/serialize_checksum.c - the checksum of the body as a header, where the operation requires or
 * takes one: CRC-32 unless the caller names another, as the SDKs have it since 2025. Source: the
 * Smithy trait aws.protocols#httpChecksum. */
#include "serialize.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <strings.h>
#include <zlib.h>

enum { DIGEST_MAX = 32 };

static size_t crc_32(const struct strbuf *body, unsigned char *out)
{
    uLong crc = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)strbuf_cstr(body), body->len);
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(crc >> (24 - 8 * i));
    return 4;
}

static size_t sha_1(const struct strbuf *body, unsigned char *out)
{
    SHA1((const unsigned char *)strbuf_cstr(body), body->len, out);
    return SHA_DIGEST_LENGTH;
}

static size_t sha_256(const struct strbuf *body, unsigned char *out)
{
    SHA256((const unsigned char *)strbuf_cstr(body), body->len, out);
    return SHA256_DIGEST_LENGTH;
}

static const struct algorithm {
    const char *name, *header;
    size_t (*digest)(const struct strbuf *body, unsigned char *out);
} algorithms[] = {
    {"CRC32", "x-amz-checksum-crc32", crc_32},
    {"SHA1", "x-amz-checksum-sha1", sha_1},
    {"SHA256", "x-amz-checksum-sha256", sha_256},
};

/* The caller has computed one already. */
static bool is_given(const struct wire_request *out)
{
    static const char prefix[] = "x-amz-checksum-";
    for (size_t i = 0; i < out->header_count; i++)
        if (strncasecmp(wire_header_name(out, i), prefix, sizeof prefix - 1) == 0) return true;
    return false;
}

static int choose(struct serializer *s, const struct algorithm **out)
{
    const struct member *m = s->op->checksum_member;
    *out = &algorithms[0];
    if (!m || enter_member(s, m, false) != PRESENT) return OK;
    struct step step = {NULL, m->name, m->name_len, 0};
    size_t len;
    const char *name = s->in->vtable->string(s->in, &len);
    *out = NULL;
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (len == strlen(algorithms[i].name) && strncasecmp(name, algorithms[i].name, len) == 0)
            *out = &algorithms[i];
    s->in->vtable->leave(s->in);
    return *out ? OK : serialize_refuse(s, &step, "CRC32, SHA1 or SHA256 was expected");
}

int serialize_checksum(struct serializer *s)
{
    const struct member *m = s->op->checksum_member;
    const struct algorithm *algorithm;
    unsigned char digest[DIGEST_MAX];
    if ((!s->op->checksum_required && !m) || is_given(s->out)) return OK;
    int code = choose(s, &algorithm);
    if (code < 0) return code;
    size_t len = algorithm->digest(&s->out->body, digest);
    fresh_text(s);
    put_base64(&s->text, digest, len);
    code = wire_set_header(s->out, algorithm->header, strbuf_cstr(&s->text), s->text.len);
    if (code < 0 || !m || m->location != LOCATION_HEADER) return code;
    return wire_set_header(s->out, m->location_name, algorithm->name, strlen(algorithm->name));
}
