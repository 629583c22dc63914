/* vm/sandbox_string.c - string.rep, find, match, gmatch and gsub for policies: bounded results, and
 * patterns on the step-counting matcher of match.h. Meanings are those of Lua 5.4's manual. */
#include "match.h"
#include "moontide/vm/docs.h"
#include "state.h"

#include <string.h>

enum {
    SMALL_PATTERN = 48,   /* bytes of a pattern that is compiled on the C stack */
    STEPS_PER_BYTE = 8,   /* a plain scan of the subject must always be possible */
    STEPS_PER_CHARGE = 4, /* a step is quicker than an instruction */
};

struct matcher {
    struct match_program program;
    struct match_result result;
    const char *subject;
    size_t len;
    bool anchored;
    uint64_t steps, allowed;
    _Alignas(16) char small[(SMALL_PATTERN + 1) * 40 + (SMALL_PATTERN / 3 + 1) * 32];
};

/* Compiles; long patterns take a userdata, left on the stack. */
static void matcher_init(lua_State *L, struct matcher *m, const char *pattern, size_t pattern_len,
                         bool may_anchor)
{
    m->anchored = may_anchor && pattern_len && *pattern == '^';
    if (m->anchored) {
        pattern++;
        pattern_len--;
    }
    size_t size = match_size(pattern_len);
    void *memory = size <= sizeof(m->small) ? m->small : lua_newuserdatauv(L, size, 0);
    vm_charge(L, pattern_len);
    const char *error;
    if (!match_compile(&m->program, memory, pattern, pattern_len, &error))
        luaL_error(L, "%s", error);
}

static void matcher_subject(struct matcher *m, const char *subject, size_t len)
{
    m->subject = subject;
    m->len = len;
    m->allowed = m->steps = VM_MATCH_STEPS_MAX + (uint64_t)len * STEPS_PER_BYTE;
}

/* Charges the steps taken since the last time. */
static void matcher_charge(lua_State *L, struct matcher *m)
{
    uint64_t taken = m->allowed - m->steps;
    m->allowed = m->steps;
    vm_charge(L, taken / STEPS_PER_CHARGE + 1);
}

static bool try_at(lua_State *L, struct matcher *m, size_t at)
{
    enum match_answer answer = match_at(&m->program, m->subject, m->len, at, &m->steps, &m->result);
    if (answer == MATCH_TOO_LONG) {
        matcher_charge(L, m);
        luaL_error(L, "the pattern takes too many steps on this text (limit %d): it backtracks",
                   VM_MATCH_STEPS_MAX);
    }
    return answer == MATCH_YES;
}

/* The first match at or behind `at`. */
static bool search(lua_State *L, struct matcher *m, size_t at)
{
    bool found = false;
    do
        found = try_at(L, m, at);
    while (!found && !m->anchored && at++ < m->len);
    matcher_charge(L, m);
    return found;
}

static void push_capture(lua_State *L, const struct matcher *m, int i)
{
    const struct match_result *result = &m->result;
    if (i >= m->program.capture_count) {
        if (i != 0) luaL_error(L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(L, m->subject + result->start, result->end - result->start);
    } else if (result->captures[i].position) {
        lua_pushinteger(L, (lua_Integer)result->captures[i].start + 1);
    } else {
        lua_pushlstring(L, m->subject + result->captures[i].start, result->captures[i].len);
    }
}

/* All captures, or the whole match where there is none and `whole` asks for it. */
static int push_captures(lua_State *L, const struct matcher *m, bool whole)
{
    int n = m->program.capture_count;
    if (n == 0 && whole) n = 1;
    luaL_checkstack(L, n, "too many captures");
    for (int i = 0; i < n; i++)
        push_capture(L, m, i);
    return n;
}

/* The optional `init` argument as an offset; false when it lies behind the end. */
static bool start_offset(lua_State *L, int arg, size_t len, size_t *offset)
{
    lua_Integer init = luaL_optinteger(L, arg, 1);
    if (init < 0) {
        init += (lua_Integer)len + 1;
        if (init < 1) init = 1;
    }
    if (init == 0) init = 1;
    *offset = (size_t)init - 1;
    return *offset <= len;
}

static int find_plain(lua_State *L, const char *subject, size_t len, size_t offset,
                      const char *what, size_t what_len)
{
    vm_charge(L, (len - offset) / 8);
    const char *at =
        what_len ? memmem(subject + offset, len - offset, what, what_len) : subject + offset;
    if (!at) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - subject + 1);
    lua_pushinteger(L, at - subject + (lua_Integer)what_len);
    return 2;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t len;
    size_t pattern_len;
    size_t offset;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    if (!start_offset(L, 3, len, &offset)) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || match_is_plain(pattern, pattern_len)))
        return find_plain(L, subject, len, offset, pattern, pattern_len);
    struct matcher m;
    matcher_init(L, &m, pattern, pattern_len, true);
    matcher_subject(&m, subject, len);
    if (!search(L, &m, offset)) {
        lua_pushnil(L);
        return 1;
    }
    if (!find) return push_captures(L, &m, true);
    lua_pushinteger(L, (lua_Integer)m.result.start + 1);
    lua_pushinteger(L, (lua_Integer)m.result.end);
    return push_captures(L, &m, false) + 2;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* ---- gmatch ---- */

struct gmatch {
    struct matcher m;
    size_t at, last_end; /* last_end: an empty match may not stand there again */
};

/* upvalues: 1 subject, 2 struct gmatch, 3 memory of a long pattern */
static int gmatch_next(lua_State *L)
{
    struct gmatch *g = lua_touserdata(L, lua_upvalueindex(2));
    struct matcher *m = &g->m;
    matcher_subject(m, m->subject, m->len);
    for (; g->at <= m->len; g->at++) {
        if (!try_at(L, m, g->at) || m->result.end == g->last_end) continue;
        g->at = g->last_end = m->result.end;
        matcher_charge(L, m);
        return push_captures(L, m, true);
    }
    matcher_charge(L, m);
    return 0;
}

static int string_gmatch(lua_State *L)
{
    size_t len;
    size_t pattern_len;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t offset;
    if (!start_offset(L, 3, len, &offset)) offset = len + 1;
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    struct gmatch *g = lua_newuserdatauv(L, sizeof(*g), 0);
    g->at = offset;
    g->last_end = SIZE_MAX;
    matcher_init(L, &g->m, pattern, pattern_len, false);
    matcher_subject(&g->m, subject, len);
    lua_settop(L, 5); /* nil, or the memory of a long pattern */
    lua_pushcclosure(L, gmatch_next, 3);
    return 1;
}

/* ---- gsub ---- */

static void add_text(lua_State *L, struct matcher *m, luaL_Buffer *out)
{
    size_t len;
    const char *text = lua_tolstring(L, 3, &len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            luaL_addchar(out, text[i]);
            continue;
        }
        char c = ++i < len ? text[i] : '\0';
        if (c == '%') {
            luaL_addchar(out, c);
        } else if (c == '0') {
            luaL_addlstring(out, m->subject + m->result.start, m->result.end - m->result.start);
        } else if (c >= '1' && c <= '9') {
            push_capture(L, m, c - '1');
            luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Adds what stands for the match; false when it stays as it is. */
static bool add_replacement(lua_State *L, struct matcher *m, luaL_Buffer *out, int type)
{
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, m, true), 1);
    } else if (type == LUA_TTABLE) {
        push_capture(L, m, 0);
        lua_gettable(L, 3);
    } else {
        add_text(L, m, out);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, m->subject + m->result.start, m->result.end - m->result.start);
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

static int string_gsub(lua_State *L)
{
    size_t len;
    size_t pattern_len;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE ||
                         type == LUA_TFUNCTION,
                     3, "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1);
    if (type == LUA_TNUMBER) lua_tostring(L, 3);
    lua_settop(L, 4);
    struct matcher m;
    matcher_init(L, &m, pattern, pattern_len, true);
    matcher_subject(&m, subject, len);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    size_t at = 0;
    size_t last_end = SIZE_MAX;
    lua_Integer count = 0;
    bool changed = false;
    while (count < most) {
        bool found = try_at(L, &m, at) && m.result.end != last_end;
        if (found) {
            count++;
            at = last_end = m.result.end;
            changed |= add_replacement(L, &m, &out, type);
            matcher_charge(L, &m);
        } else if (at < len) {
            luaL_addchar(&out, subject[at++]);
        } else {
            break;
        }
        if (m.anchored || luaL_bufflen(&out) > VM_STRING_REP_MAX) break;
    }
    if (luaL_bufflen(&out) > VM_STRING_REP_MAX)
        return luaL_error(L, "string.gsub: the result is longer than %d bytes", VM_STRING_REP_MAX);
    matcher_charge(L, &m);
    if (at < len) luaL_addlstring(&out, subject + at, len - at);
    luaL_pushresult(&out);
    if (!changed) lua_pushvalue(L, 1);
    lua_pushinteger(L, count);
    return 2;
}

/* ---- rep ---- */

static int string_rep(lua_State *L)
{
    size_t len;
    size_t separator_len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_len);
    if (n <= 0 || len + separator_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if ((lua_Unsigned)n > VM_STRING_REP_MAX / (len + separator_len))
        return luaL_error(L, "string.rep: the result is longer than %d bytes", VM_STRING_REP_MAX);
    size_t total = (size_t)n * len + (size_t)(n - 1) * separator_len;
    vm_charge(L, total / 8);
    luaL_Buffer out;
    char *at = luaL_buffinitsize(L, &out, total);
    for (lua_Integer i = 0; i < n; i++) {
        if (i && separator_len) {
            memcpy(at, separator, separator_len);
            at += separator_len;
        }
        memcpy(at, text, len);
        at += len;
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

static const struct vm_function functions[] = {
    {"find", string_find,
     "(s: string, pattern: string, from?: integer, plain?: boolean): integer?, integer?, ...: "
     "string",
     "Where the first match begins and ends, and its captures; nil without one. In a policy one "
     "match may take 1,000,000 steps, and what it costs counts as instructions; more is an error."},
    {"match", string_match, "(s: string, pattern: string, from?: integer): ...: any",
     "The captures of the first match, or the match; nil without one. Bounded in a policy as "
     "string.find."},
    {"gmatch", string_gmatch, "(s: string, pattern: string, from?: integer): function",
     "Goes over the captures of all matches. Bounded in a policy as string.find."},
    {"gsub", string_gsub,
     "(s: string, pattern: string, replacement: string|table|function, most?: integer): string, "
     "integer",
     "The text with matches replaced, by a text with %1, a table or a function, and how many there "
     "were. Bounded in a policy as string.find, and to 16 MiB."},
    {"rep", string_rep, "(s: string, n: integer, separator?: string): string",
     "The text n times; in a policy at most 16 MiB."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs string_docs = {
    DOCS_MODULE,
    "string",
    DOCS_ALL | DOCS_STANDARD,
    "Lua's functions of strings; they are methods of every string too.",
    functions,
    NULL};

int sandbox_string(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
