/* vm/match.h - Lua's patterns (Reference Manual section 6.4.1) on a matcher that counts its steps.
 *
 * A pattern is compiled into a row of items that are visited from left to right, so at most one
 * choice point a quantified item is ever open: no recursion, and captures need no undoing. The
 * number of steps is bounded by the caller: a pattern of many `.-` on a long subject ends with
 * MATCH_TOO_LONG in place of running for ever. Characters are classed as in the C locale. */
#ifndef MOONTIDE_VM_MATCH_H
#define MOONTIDE_VM_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MATCH_CAPTURES_MAX = 32 };
enum match_answer { MATCH_TOO_LONG = -1, MATCH_NO = 0, MATCH_YES = 1 };

struct match_item {
    unsigned char kind, repeat; /* enums of match.c */
    unsigned char a, b;         /* a character, class letter, capture, or %b pair */
    uint32_t set;               /* index of its bitmap */
};

struct match_choice {
    uint32_t item;
    size_t at, least; /* greedy: may go back from at to least; lazy: goes on from at */
};

struct match_set {
    unsigned char bits[32];
};

struct match_program {
    struct match_item *items;
    struct match_choice *choices;
    struct match_set *sets;
    uint32_t item_count, set_count;
    int capture_count;
};

struct match_capture {
    size_t start, len;
    bool position; /* "()": start alone */
};

struct match_result {
    size_t start, end;
    struct match_capture captures[MATCH_CAPTURES_MAX];
};

/* How many bytes of memory (aligned as malloc's) match_compile needs for a pattern of len bytes. */
size_t match_size(size_t len);
/* Compiles into memory, which the program points into. False: *error says what is malformed (a
 * static text). Anchors are the caller's: a '^' in front must be cut off first. */
bool match_compile(struct match_program *program, void *memory, const char *pattern, size_t len,
                   const char **error);
/* Tries at `init` only. Takes the steps from *steps. */
enum match_answer match_at(const struct match_program *program, const char *subject, size_t len,
                           size_t init, uint64_t *steps, struct match_result *result);
/* Whether the pattern has none of the special characters. */
bool match_is_plain(const char *pattern, size_t len);

#endif
