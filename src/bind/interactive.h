/* bind/interactive.h - what a script state has for a person at a prompt: help, time(f), profile(f),
 * pager(on). */
#ifndef MOONTIDE_SRC_BIND_INTERACTIVE_H
#define MOONTIDE_SRC_BIND_INTERACTIVE_H

#include "moontide/bind/help.h"

/* Borrowed by the state. */
struct interactive {
    struct help_screen screen;
    bool paged; /* whether texts may go through a pager: pager(on) sets it */
    /* A whole text, with its last newline. */
    void (*show)(void *data, const char *text, size_t len);
    /* The source of a line of a chunk called "stdin", or NULL; its length in *len. */
    const char *(*source)(void *data, int first, int last, int line, size_t *len);
    void *data;
};

/* Sets the globals; after `time` was opened. Throws like Lua. */
void interactive_open(lua_State *L, struct interactive *interactive);

/* Appends a picture of the value at idx, when it is a series, a vector, a sketch or an answer of
 * cloudwatch.fetch. May throw for memory. */
void interactive_draw(lua_State *L, int idx, struct strbuf *out);

/* profile.c: begin() -> a guard, which ends it when it is closed; finish(guard); report(guard) ->
 * text (upvalue: the struct interactive). */
int profile_begin(lua_State *L);
int profile_finish(lua_State *L);
int profile_report(lua_State *L);

#endif
