/* bind/complete_text.h - what stands before the cursor, as far as completion looks at it.
 *
 *   complete_text.c   the tokens, the brackets that are open, a value by its name
 *   complete_table.c  what may stand inside a table constructor or a string: which call it is of
 *   complete_type.c   the keys and texts of a type, of AWS's models or of the documentation
 *   complete.c        names, and the order in which these are asked */
#ifndef MOONTIDE_SRC_BIND_COMPLETE_TEXT_H
#define MOONTIDE_SRC_BIND_COMPLETE_TEXT_H

#include "lexer.h"
#include "moontide/aws/model.h"

#include <lua.h>

enum { OPEN_MAX = 64 };

struct text {
    const struct token *tokens; /* before the word */
    int count;
    const char *word; /* what is being written: of a name, of a string (then `in_string`) */
    size_t word_len;
    bool in_string, in_number;
    bool lost;          /* in a comment, or too much of it: nothing is to be completed */
    int open[OPEN_MAX]; /* the tokens of the brackets that are open, the outermost first */
    int open_count;
};

/* Keeps the tokens in a userdata that it pushes. */
void text_read(lua_State *L, const char *line, size_t len, struct text *text);

/* Pushes the value that the tokens up to `last` name (globals, fields by raw access and through
 * __index tables, constant indexes; a string), without running Lua; false: nothing is pushed. */
bool text_push_value(lua_State *L, const struct text *text, int last);
/* Where such a name begins; -1: no name ends at `last`. */
int text_name_begin(const struct text *text, int last);

bool text_is(const struct text *text, int at, int kind); /* false outside of the tokens */

/* Replaces the key on top and the value below it by the field, without running Lua; nil when there
 * is none. */
void get_field_raw(lua_State *L);
/* Replaces the value on top by the table behind it that its __index names (or the methods, when
 * that is a function of C); false when there is none (popped then). */
bool follow_index(lua_State *L);

/* Where the words of a completion go. */
struct candidates {
    lua_State *L;
    int set; /* a table: word -> true */
    const char *word;
    size_t len;
};
void add_candidate(const struct candidates *to, const char *text, size_t len); /* if it fits */

/* What a value is: a shape of a model, or (then NULL) a type as LuaCATS has it. */
struct type {
    const struct shape *shape;
    const char *text; /* not terminated */
    size_t len;
};
bool type_of_key(const struct type *type, const char *key, size_t len, struct type *out);
bool type_of_item(const struct type *type, struct type *out);
/* Its named fields, and the texts that it may be. */
void type_keys(const struct type *type, const struct candidates *to);
void type_texts(const struct type *type, const struct candidates *to);
/* The i-th parameter (from 1) of "(name: type, ...): type", of the overload that tells most. */
bool type_of_parameter(const char *signature, int i, struct type *out);

/* Asks what the constructor or string at the cursor takes; false: that is not known, or nothing
 * fits. */
bool complete_typed(const struct candidates *to, const struct text *text);

#endif
