/* aws/parse.h - what the parsers of the protocols share.
 *
 * A parse owns nothing but what its caller handed in, as the writer may leave by longjmp at any
 * call: texts that have to be decoded go to the caller's scratch, and expat has ended before the
 * first value is written.
 *
 * What is not in the model is passed over. What came with another type than the model says (a
 * number for a string, a text that is no number) is handed over as it came. */
#ifndef MOONTIDE_SRC_AWS_PARSE_H
#define MOONTIDE_SRC_AWS_PARSE_H

#include "moontide/aws/protocol.h"

struct guesses; /* parse_json.c */

struct parse {
    const struct model *model;
    const struct operation *operation;
    const struct wire_response *response;
    struct value_writer *out;
    struct strbuf *scratch;
    struct service_error *error;
    struct fault *fault;
    enum protocol_kind protocol;
    bool in_error; /* XML: begin at the element of the error */
    int depth;
    struct guesses *guesses; /* JSON: of the body that is being read; NULL: it is too short */
};

/* ---- parse.c ---- */
/* The member of a structure that has this name in a body; NULL: none, or one that is not in bodies.
 */
const struct member *parse_member(const struct parse *p, const struct shape *shape,
                                  const char *name, size_t len);
const char *parse_header(const struct parse *p, const char *name); /* or NULL */

/* ---- parse_text.c: a scalar from its text, of XML and headers ---- */
void put_text(struct parse *p, const struct member *member, const char *text, size_t len);
/* Epoch seconds, ISO 8601, or an HTTP date; what is none of them is handed over as text. */
void put_time_text(struct parse *p, const char *text, size_t len);
void put_time(struct parse *p, double seconds);
/* A blob. text may lie in the scratch: it is decoded in place then. */
void put_blob(struct parse *p, const char *text, size_t len);
/* NaN, Infinity, -Infinity. */
bool float_word(const char *text, size_t len, double *out);
/* Decodes base64 (padding may be missing, white space is passed over); out may be the text. */
bool base64_decode(const char *text, size_t len, char *out, size_t *out_len);

/* ---- one body each ---- */
/* The members of a structure, into the table that is open; an empty body has none. */
int parse_json_members(struct parse *p, const struct shape *shape);
/* The whole body, as one value. */
int parse_json_payload(struct parse *p, const struct member *member);
/* JSON without a model. */
int parse_json_document(struct parse *p, const char *text, size_t len);
int parse_cbor_members(struct parse *p, const struct shape *shape);
int parse_xml_members(struct parse *p, const struct shape *shape);
int parse_xml_payload(struct parse *p, const struct member *member);

/* ---- parse_header.c ---- */
/* Members that come in headers, and the status. */
int parse_header_members(struct parse *p, const struct shape *shape);

/* ---- what an error says of itself ---- */
struct error_words {
    char code[160]; /* bare; "" when there is none */
    char type[160]; /* JSON's and CBOR's __type, bare */
    char message[2048];
    char request_id[128];
};
/* From the body; a body that is none of the protocol's answers ERR_PARSE, and words are "". */
int error_words_json(struct parse *p, struct error_words *words);
int error_words_cbor(struct parse *p, struct error_words *words);
int error_words_xml(struct parse *p, struct error_words *words);
/* The name of the fields: "com.amazonaws.ecs#ClusterNotFoundException:http://..." -> the bare code.
 */
void error_code_copy(char out[160], const char *text, size_t len);
/* Cut at the end of a character. */
void text_copy(char *out, size_t size, const char *text, size_t len);

/* ---- parse_error.c ---- */
/* Fills *p->error. Answers the shape of its fields when the model has one and the body can be read,
 * else NULL. */
const struct shape *parse_error(struct parse *p);

static inline void out_begin(struct parse *p, bool list)
{
    p->out->vtable->begin_table(p->out, 0, 0, list);
}

static inline void out_end(struct parse *p)
{
    p->out->vtable->end_table(p->out);
}

static inline void out_key(struct parse *p, const struct member *member)
{
    p->out->vtable->key(p->out, member, member->name, member->name_len);
}

static inline void out_name(struct parse *p, const char *name, size_t len)
{
    p->out->vtable->key(p->out, NULL, name, len);
}

static inline void out_string(struct parse *p, const char *text, size_t len)
{
    p->out->vtable->string(p->out, text, len);
}

static inline bool member_flattened(const struct member *member)
{
    return member->flattened || member->shape->flattened;
}

#endif
