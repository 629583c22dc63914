/* bind/console_complete.c - completion in a console: names of the live state, and inside the quotes
 * of a call those of policies and targets: targets("per, memo("performance", "env. */
#include "console_state.h"

#include "moontide/bind/complete.h"
#include "moontide/tick/engine.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_BYTES = 256, CANDIDATES_MAX = 200 };

/* ---- inside quotes ---- */

/* `function("`, or `function("first", "`, at the end of the line. */
struct quoted {
    char function[NAME_MAX_BYTES], first[NAME_MAX_BYTES];
    int argument;     /* 1 or 2 */
    const char *word; /* behind the quote */
    size_t len;
};

/* Where the string that is open at the end begins (its quote); len: none is open. */
static size_t open_quote(const char *line, size_t len)
{
    size_t at = len;
    for (size_t i = 0; i < len; i++) {
        if (at != len && line[i] == '\\')
            i++;
        else if (at != len && line[i] == line[at])
            at = len;
        else if (at == len && (line[i] == '"' || line[i] == '\''))
            at = i;
    }
    return at;
}

static size_t skip_back(const char *line, size_t at)
{
    while (at > 0 && isspace((unsigned char)line[at - 1]))
        at--;
    return at;
}

/* The text of the string that ends before line[*at], which then is where its quote is. */
static bool take_string_back(const char *line, size_t *at, char out[NAME_MAX_BYTES])
{
    size_t end = *at;
    if (end < 2 || (line[end - 1] != '"' && line[end - 1] != '\'')) return false;
    size_t begin = end - 1;
    while (begin > 0 && line[begin - 1] != line[end - 1])
        begin--;
    size_t len = end - 1 - begin;
    if (begin == 0 || len >= NAME_MAX_BYTES) return false;
    memcpy(out, line + begin, len);
    out[len] = '\0';
    *at = begin - 1;
    return true;
}

static bool take_function_back(const char *line, size_t at, char out[NAME_MAX_BYTES])
{
    size_t begin = at;
    while (begin > 0 && (isalnum((unsigned char)line[begin - 1]) || strchr("_.", line[begin - 1])))
        begin--;
    if (begin == at || at - begin >= NAME_MAX_BYTES) return false;
    memcpy(out, line + begin, at - begin);
    out[at - begin] = '\0';
    return true;
}

static bool read_quoted(const char *line, size_t len, struct quoted *out)
{
    size_t quote = open_quote(line, len);
    if (quote == len) return false;
    *out = (struct quoted){.argument = 1, .word = line + quote + 1, .len = len - quote - 1};
    size_t at = skip_back(line, quote);
    if (at > 0 && line[at - 1] == ',') {
        at = skip_back(line, at - 1);
        out->argument = 2;
        if (!take_string_back(line, &at, out->first)) return false;
        at = skip_back(line, at);
    }
    if (at == 0 || line[at - 1] != '(') return false;
    return take_function_back(line, skip_back(line, at - 1), out->function);
}

/* ---- candidates ---- */

struct candidates {
    const struct quoted *quoted;
    struct strbuf *out;
    size_t count;
};

static void offer(struct candidates *candidates, const char *name)
{
    const struct quoted *quoted = candidates->quoted;
    if (strncmp(name, quoted->word, quoted->len) != 0 || candidates->count == CANDIDATES_MAX)
        return;
    if (candidates->count++) strbuf_addc(candidates->out, '\n');
    strbuf_adds(candidates->out, name);
}

static void offer_policy(void *data, const struct policy_status *policy)
{
    offer(data, policy->info->name);
}

static void offer_target(void *data, const struct target *target, enum status status,
                         const struct alert *alerts, size_t count)
{
    (void)status;
    (void)alerts;
    (void)count;
    offer(data, target->id);
}

static bool takes(const char *function, const char *const *functions)
{
    while (*functions && strcmp(function, *functions) != 0)
        functions++;
    return *functions != NULL;
}

static void complete_quoted(const struct console *console, const struct quoted *quoted,
                            struct strbuf *out)
{
    static const char *const of_policies[] = {"alerts",  "memo",     "pause", "resume", "series",
                                              "targets", "tick.now", "trace", NULL};
    static const char *const of_targets[] = {"memo", "series", "trace", NULL};
    struct candidates candidates = {.quoted = quoted, .out = out};
    const struct engine *engine = console->options.engine;
    if (quoted->argument == 1 && takes(quoted->function, of_policies)) {
        engine_each_policy(engine, offer_policy, &candidates);
    } else if (quoted->argument == 2 && takes(quoted->function, of_targets)) {
        size_t from = 0, count;
        while (candidates.count < CANDIDATES_MAX &&
               (count = engine_targets_page(engine, quoted->first, from, CONSOLE_PAGE, offer_target,
                                            &candidates)) > 0)
            from += count;
    }
}

/* ---- names ---- */

struct completion {
    const struct console *console;
    const char *line;
    size_t len, from;
    struct strbuf *out;
};

/* The live globals are no fields of the globals' table: for this moment they are. The functions
 * that make them are the prelude's own, and short. */
static int complete_protected(lua_State *L)
{
    struct completion *completion = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, completion->console->names_ref);
    int names = lua_gettop(L);
    lua_pushglobaltable(L);
    for (lua_pushnil(L); lua_next(L, names);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_call(L, 0, 1);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, names + 1);
    }
    complete_names(L, completion->line, completion->len, &completion->from, completion->out);
    for (lua_pushnil(L); lua_next(L, names); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_pushnil(L);
        lua_rawset(L, names + 1);
    }
    return 0;
}

void console_complete(struct console *console, const char *line, size_t len, size_t *from,
                      struct strbuf *out)
{
    struct completion completion = {
        .console = console, .line = line, .len = len, .from = len, .out = out};
    struct quoted quoted;
    lua_State *L = vm_lua(console->vm);
    if (open_quote(line, len) < len) {
        if (read_quoted(line, len, &quoted)) {
            complete_quoted(console, &quoted, out);
            completion.from = (size_t)(quoted.word - line);
        }
    } else if (lua_checkstack(L, 4)) {
        lua_pushcfunction(L, complete_protected);
        lua_pushlightuserdata(L, &completion);
        if (vm_call(console->vm, L, 1, 0, NULL, NULL) != OK) strbuf_reset(out);
    }
    *from = completion.from;
}
