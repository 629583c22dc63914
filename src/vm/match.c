/* vm/match.c - compiles and runs Lua patterns; see match.h for why it is not recursive. */
#include "match.h"

#include <string.h>

enum kind {
    ITEM_CHAR, /* a */
    ITEM_ANY,
    ITEM_CLASS, /* a: the letter */
    ITEM_SET,
    ITEM_OPEN, /* a: the capture */
    ITEM_CLOSE,
    ITEM_POSITION,
    ITEM_BALANCE, /* a, b */
    ITEM_FRONTIER,
    ITEM_BACK, /* a: the capture */
    ITEM_END,
};

enum repeat { REPEAT_ONE, REPEAT_STAR, REPEAT_PLUS, REPEAT_LAZY, REPEAT_MAYBE };

/* ---- characters ---- */

static bool between(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

/* Whether c is of the class that `letter` names; *known false when it names none. */
static bool in_class(unsigned char c, unsigned char letter, bool *known)
{
    unsigned char lower = between(letter, 'A', 'Z') ? (unsigned char)(letter + 32) : letter;
    bool digit = between(c, '0', '9');
    bool alpha = between(c, 'a', 'z') || between(c, 'A', 'Z');
    bool in = false;
    *known = true;
    switch (lower) {
    case 'a': in = alpha; break;
    case 'c': in = c < 32 || c == 127; break;
    case 'd': in = digit; break;
    case 'g': in = between(c, 33, 126); break;
    case 'l': in = between(c, 'a', 'z'); break;
    case 'p': in = between(c, 33, 126) && !alpha && !digit; break;
    case 's': in = c == ' ' || between(c, 9, 13); break;
    case 'u': in = between(c, 'A', 'Z'); break;
    case 'w': in = alpha || digit; break;
    case 'x': in = digit || between(c, 'a', 'f') || between(c, 'A', 'F'); break;
    case 'z': in = c == 0; break; /* no longer in the manual, but Lua 5.4 has it */
    default: *known = false;
    }
    return lower == letter ? in : !in;
}

static bool is_class(unsigned char letter)
{
    bool known;
    in_class(0, letter, &known);
    return known;
}

static void set_add(struct match_set *set, unsigned char c)
{
    set->bits[c >> 3] |= (unsigned char)(1u << (c & 7));
}

static bool set_has(const struct match_set *set, unsigned char c)
{
    return (set->bits[c >> 3] >> (c & 7)) & 1;
}

static void set_add_class(struct match_set *set, unsigned char letter)
{
    bool known;
    for (unsigned c = 0; c < 256; c++)
        if (in_class((unsigned char)c, letter, &known)) set_add(set, (unsigned char)c);
}

/* ---- compiling ---- */

struct compiler {
    const unsigned char *at, *end;
    struct match_program *program;
    const char *error;
    int open[MATCH_CAPTURES_MAX]; /* captures whose ')' is still to come */
    int open_count;
    bool closed[MATCH_CAPTURES_MAX];
};

size_t match_size(size_t len)
{
    return (len + 1) * (sizeof(struct match_item) + sizeof(struct match_choice)) +
           (len / 3 + 1) * sizeof(struct match_set);
}

static struct match_item *add_item(struct compiler *c, enum kind kind)
{
    struct match_item *item = &c->program->items[c->program->item_count++];
    *item = (struct match_item){.kind = (unsigned char)kind};
    return item;
}

/* The closing ']' of a set whose '[' was just passed: the first character never closes. */
static const unsigned char *set_end(const struct compiler *c)
{
    const unsigned char *at = c->at;
    if (at < c->end && *at == '^') at++;
    do {
        if (at == c->end) return NULL;
        if (*at++ == '%') {
            if (at == c->end) return NULL;
            at++;
        }
    } while (at == c->end || *at != ']');
    return at;
}

/* Reads a set behind its '['; returns its bitmap's index. */
static uint32_t read_set(struct compiler *c)
{
    const unsigned char *close = set_end(c);
    if (!close) {
        c->error = "malformed pattern (missing ']')";
        return 0;
    }
    uint32_t index = c->program->set_count++;
    struct match_set *set = &c->program->sets[index];
    memset(set, 0, sizeof(*set));
    bool negated = *c->at == '^';
    const unsigned char *at = c->at + negated;
    while (at < close) {
        if (*at == '%') {
            if (is_class(at[1]))
                set_add_class(set, at[1]);
            else
                set_add(set, at[1]);
            at += 2;
        } else if (at + 2 < close && at[1] == '-') {
            for (unsigned ch = at[0]; ch <= at[2]; ch++)
                set_add(set, (unsigned char)ch);
            at += 3;
        } else {
            set_add(set, *at++);
        }
    }
    for (size_t i = 0; negated && i < sizeof(set->bits); i++)
        set->bits[i] = (unsigned char)~set->bits[i];
    c->at = close + 1;
    return index;
}

static void read_repeat(struct compiler *c, struct match_item *item)
{
    if (c->at == c->end) return;
    switch (*c->at) {
    case '*': item->repeat = REPEAT_STAR; break;
    case '+': item->repeat = REPEAT_PLUS; break;
    case '-': item->repeat = REPEAT_LAZY; break;
    case '?': item->repeat = REPEAT_MAYBE; break;
    default: return;
    }
    c->at++;
}

static void read_open(struct compiler *c)
{
    int capture = c->program->capture_count;
    if (capture == MATCH_CAPTURES_MAX) {
        c->error = "too many captures";
        return;
    }
    c->program->capture_count++;
    bool position = c->at < c->end && *c->at == ')';
    add_item(c, position ? ITEM_POSITION : ITEM_OPEN)->a = (unsigned char)capture;
    if (position) {
        c->at++;
        c->closed[capture] = true;
    } else {
        c->open[c->open_count++] = capture;
    }
}

static void read_close(struct compiler *c)
{
    if (c->open_count == 0) {
        c->error = "invalid pattern capture";
        return;
    }
    int capture = c->open[--c->open_count];
    c->closed[capture] = true;
    add_item(c, ITEM_CLOSE)->a = (unsigned char)capture;
}

/* What stands behind a '%'. */
static void read_escape(struct compiler *c)
{
    if (c->at == c->end) {
        c->error = "malformed pattern (ends with '%')";
        return;
    }
    unsigned char ch = *c->at++;
    if (ch == 'b') {
        if (c->end - c->at < 2) {
            c->error = "malformed pattern (missing arguments to '%b')";
            return;
        }
        struct match_item *item = add_item(c, ITEM_BALANCE);
        item->a = c->at[0];
        item->b = c->at[1];
        c->at += 2;
    } else if (ch == 'f') {
        if (c->at == c->end || *c->at != '[') {
            c->error = "missing '[' after '%f' in pattern";
            return;
        }
        c->at++;
        uint32_t set = read_set(c);
        add_item(c, ITEM_FRONTIER)->set = set;
    } else if (ch >= '0' && ch <= '9') {
        int capture = ch - '1';
        if (capture < 0 || capture >= c->program->capture_count || !c->closed[capture]) {
            c->error = "invalid capture index in pattern";
            return;
        }
        add_item(c, ITEM_BACK)->a = (unsigned char)capture;
    } else {
        struct match_item *item = add_item(c, is_class(ch) ? ITEM_CLASS : ITEM_CHAR);
        item->a = ch;
        read_repeat(c, item);
    }
}

static void read_item(struct compiler *c)
{
    unsigned char ch = *c->at++;
    struct match_item *item;
    switch (ch) {
    case '(': read_open(c); return;
    case ')': read_close(c); return;
    case '%': read_escape(c); return;
    case '$':
        if (c->at == c->end) {
            add_item(c, ITEM_END);
            return;
        }
        item = add_item(c, ITEM_CHAR);
        item->a = ch;
        break;
    case '.': item = add_item(c, ITEM_ANY); break;
    case '[': {
        uint32_t set = read_set(c);
        item = add_item(c, ITEM_SET);
        item->set = set;
        break;
    }
    default: item = add_item(c, ITEM_CHAR); item->a = ch;
    }
    if (!c->error) read_repeat(c, item);
}

bool match_compile(struct match_program *program, void *memory, const char *pattern, size_t len,
                   const char **error)
{
    *program = (struct match_program){.choices = memory};
    program->items = (struct match_item *)(program->choices + len + 1);
    program->sets = (struct match_set *)(program->items + len + 1);
    struct compiler c = {.program = program};
    c.at = (const unsigned char *)pattern;
    c.end = c.at + len;
    while (c.at < c.end && !c.error)
        read_item(&c);
    if (!c.error && c.open_count) c.error = "unfinished capture";
    *error = c.error;
    return !c.error;
}

bool match_is_plain(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (pattern[i] && strchr("^$*+?.([%-", pattern[i])) return false;
    return true;
}

/* ---- running ---- */

struct run {
    const struct match_program *program;
    const unsigned char *subject;
    size_t len;
    uint64_t steps;
    struct match_result *result;
    size_t choice_count;
};

static bool single(const struct run *r, const struct match_item *item, size_t at)
{
    if (at >= r->len) return false;
    unsigned char c = r->subject[at];
    bool known;
    switch (item->kind) {
    case ITEM_CHAR: return c == item->a;
    case ITEM_ANY: return true;
    case ITEM_CLASS: return in_class(c, item->a, &known);
    default: return set_has(&r->program->sets[item->set], c);
    }
}

static bool take_steps(struct run *r, uint64_t n)
{
    if (r->steps < n) {
        r->steps = 0;
        return false;
    }
    r->steps -= n;
    return true;
}

/* %bxy at `at`: the position behind it, or SIZE_MAX. */
static size_t balance(struct run *r, const struct match_item *item, size_t at)
{
    if (at >= r->len || r->subject[at] != item->a) return SIZE_MAX;
    size_t depth = 1;
    for (size_t i = at + 1; i < r->len; i++) {
        if (r->subject[i] == item->b) {
            if (--depth == 0) {
                take_steps(r, i - at);
                return i + 1;
            }
        } else if (r->subject[i] == item->a) {
            depth++;
        }
    }
    take_steps(r, r->len - at);
    return SIZE_MAX;
}

static bool frontier(const struct run *r, const struct match_item *item, size_t at)
{
    const struct match_set *set = &r->program->sets[item->set];
    unsigned char before = at == 0 ? 0 : r->subject[at - 1];
    unsigned char here = at < r->len ? r->subject[at] : 0;
    return !set_has(set, before) && set_has(set, here);
}

/* An item that takes exactly one way: the position behind it, or SIZE_MAX when it does not match.
 */
static size_t fixed_item(struct run *r, const struct match_item *item, size_t at)
{
    struct match_capture *capture = &r->result->captures[item->a % MATCH_CAPTURES_MAX];
    switch (item->kind) {
    case ITEM_OPEN: *capture = (struct match_capture){.start = at}; return at;
    case ITEM_POSITION: *capture = (struct match_capture){.start = at, .position = true}; return at;
    case ITEM_CLOSE: capture->len = at - capture->start; return at;
    case ITEM_BALANCE: return balance(r, item, at);
    case ITEM_FRONTIER: return frontier(r, item, at) ? at : SIZE_MAX;
    case ITEM_END: return at == r->len ? at : SIZE_MAX;
    case ITEM_BACK:
        if (capture->position || r->len - at < capture->len ||
            memcmp(r->subject + capture->start, r->subject + at, capture->len) != 0)
            return SIZE_MAX;
        take_steps(r, capture->len);
        return at + capture->len;
    default: return single(r, item, at) ? at + 1 : SIZE_MAX;
    }
}

static void open_choice(struct run *r, uint32_t item, size_t least, size_t at)
{
    r->program->choices[r->choice_count++] = (struct match_choice){item, at, least};
}

/* A single with a repeat: opens its choice, returns the position to go on from, or SIZE_MAX. */
static size_t repeated_item(struct run *r, uint32_t index, size_t at)
{
    const struct match_item *item = &r->program->items[index];
    if (item->repeat == REPEAT_LAZY) {
        open_choice(r, index, 0, at);
        return at;
    }
    size_t most = item->repeat == REPEAT_MAYBE ? 1 : SIZE_MAX;
    size_t least = at + (item->repeat == REPEAT_PLUS);
    size_t end = at;
    while (end - at < most && single(r, item, end))
        end++;
    take_steps(r, end - at);
    if (end < least) return SIZE_MAX;
    if (end > least) open_choice(r, index, least, end);
    return end;
}

/* Goes back to the last choice that has another way. False: there is none. */
static bool back(struct run *r, uint32_t *index, size_t *at)
{
    while (r->choice_count) {
        struct match_choice *choice = &r->program->choices[r->choice_count - 1];
        const struct match_item *item = &r->program->items[choice->item];
        *index = choice->item + 1;
        if (item->repeat == REPEAT_LAZY) {
            if (single(r, item, choice->at)) {
                *at = ++choice->at;
                return true;
            }
            r->choice_count--;
            continue;
        }
        *at = --choice->at;
        if (choice->at == choice->least) r->choice_count--;
        return true;
    }
    return false;
}

enum match_answer match_at(const struct match_program *program, const char *subject, size_t len,
                           size_t init, uint64_t *steps, struct match_result *result)
{
    struct run r = {program, (const unsigned char *)subject, len, *steps, result, 0};
    enum match_answer answer = MATCH_NO;
    uint32_t index = 0;
    size_t at = init;
    for (;;) {
        if (!take_steps(&r, 1)) {
            answer = MATCH_TOO_LONG;
            break;
        }
        if (index == program->item_count) {
            result->start = init;
            result->end = at;
            answer = MATCH_YES;
            break;
        }
        const struct match_item *item = &program->items[index];
        size_t next =
            item->repeat == REPEAT_ONE ? fixed_item(&r, item, at) : repeated_item(&r, index, at);
        index++;
        if (next != SIZE_MAX)
            at = next;
        else if (!back(&r, &index, &at))
            break;
    }
    *steps = r.steps;
    return answer;
}
