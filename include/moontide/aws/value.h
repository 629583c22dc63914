/* aws/value.h - parameters and results without a tree between: how the protocols see somebody
 * else's values.
 *
 * A value_reader walks the caller's parameters (in Lua: the stack); a value_writer builds the
 * caller's result. Nothing here allocates for a document.
 *
 * Rule 1: readers never throw and never run foreign code.
 * Rule 2: a writer's functions may leave by longjmp (Lua's memory errors): who calls them owns
 * nothing but what the caller handed in (a scratch buffer). */
#ifndef MOONTIDE_AWS_VALUE_H
#define MOONTIDE_AWS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct member;

enum value_type {
    VALUE_NONE, /* absent (nil) */
    VALUE_NULL, /* json.null */
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_TABLE, /* list or map or structure: the model decides */
    VALUE_OTHER, /* a function, a userdata: never allowed */
};

struct value_reader;
struct value_reader_vtable {
    enum value_type (*type)(struct value_reader *r); /* of the current value */
    bool (*boolean)(struct value_reader *r);
    int64_t (*integer)(struct value_reader *r);
    double (*number)(struct value_reader *r);
    const char *(*string)(struct value_reader *r, size_t *len); /* valid until leave() */
    /* The current value is a table. */
    size_t (*length)(struct value_reader *r);  /* of its list part: 1..n without holes */
    bool (*only_list)(struct value_reader *r); /* has no key outside 1..length; so has {} */
    /* Says of itself that it is a list (json.array): tells the empty ones apart in documents, where
     * no model does. */
    bool (*is_array)(struct value_reader *r);
    void (*enter_index)(struct value_reader *r, size_t index); /* from 0 */
    bool (*enter_member)(struct value_reader *r, const char *name,
                         size_t len); /* false: absent; nothing entered */
    /* The keys, sorted; begin once, then next enters each value, to be left by leave(), until it
     * answers false. A key that is no string answers with key NULL. Nests: the values may be walked
     * themselves before the next. */
    void (*begin_keys)(struct value_reader *r);
    bool (*next_key)(struct value_reader *r, const char **key, size_t *len);
    void (*leave)(struct value_reader *r); /* back to the table */
};
struct value_reader {
    const struct value_reader_vtable *vtable;
};

struct value_writer;
struct value_writer_vtable {
    void (*begin_table)(struct value_writer *w, size_t list_hint, size_t field_hint, bool list);
    void (*end_table)(struct value_writer *w);
    /* Names the next value. member is NULL for map keys and unmodelled fields; else its index finds
     * a cached key. */
    void (*key)(struct value_writer *w, const struct member *member, const char *name, size_t len);
    void (*null)(struct value_writer *w);
    void (*boolean)(struct value_writer *w, bool value);
    void (*integer)(struct value_writer *w, int64_t value);
    void (*number)(struct value_writer *w, double value);
    void (*string)(struct value_writer *w, const char *text, size_t len); /* and blobs, decoded */
};
struct value_writer {
    const struct value_writer_vtable *vtable;
};

#endif
