/* bind/lint_names.c - global names that do not exist, and calls that wait where nothing may. */
#include "lint.h"

#include "moontide/base/nearest.h"

#include <stdio.h>

enum { NAME_SIZE = 128, NAMES_MAX = 300 };

/* ---- globals ---- */

/* Lua's own texts, which live as long as nothing runs. */
struct globals {
    const char *names[NAMES_MAX + 1];
    size_t count;
    bool more; /* than NAMES_MAX: then any name may be one */
};

/* Allocates nothing, so that nothing is thrown. */
static void read_globals(lua_State *L, struct globals *globals)
{
    globals->count = 0;
    lua_pushglobaltable(L);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) continue;
        globals->more = globals->count == NAMES_MAX;
        if (globals->count < NAMES_MAX) globals->names[globals->count++] = lua_tostring(L, -2);
    }
    lua_pop(L, 1);
    globals->names[globals->count] = NULL;
}

static bool is_global(const struct globals *globals, struct piece name)
{
    for (size_t i = 0; i < globals->count; i++)
        if (piece_is(name, globals->names[i])) return true;
    return globals->more;
}

/* A module may serve scripts too, which have more: what only they call is no fault here. */
static bool is_for_scripts(struct piece name)
{
    static const char *const names[] = {"arg", "collectgarbage", "command", "debug",    "dofile",
                                        "io",  "journal",        "load",    "loadfile", "mail",
                                        "os",  "package",        "plot",    "print",    "require"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (piece_is(name, names[i])) return true;
    return false;
}

static bool is_assigned(const struct expr *expr)
{
    const struct stat *stat = expr->stat;
    if (!stat || stat->kind != STAT_ASSIGN || expr->parent) return false;
    for (const struct expr *at = stat->targets; at; at = at->next)
        if (at == expr) return true;
    return false;
}

static void look_at_global(struct lint *lint, const struct globals *globals,
                           const struct expr *expr)
{
    struct fault hint;
    char name[NAME_SIZE];
    if (expr->kind != EXPR_NAME || expr->variable || expr->text.len >= sizeof name) return;
    piece_copy(expr->text, name, sizeof name);
    if (is_global(globals, expr->text) || piece_is(expr->text, "_ENV")) return;
    if (!lint->own && is_for_scripts(expr->text)) return;
    if (is_assigned(expr)) {
        if (expr->in)
            lint_report(lint, "E-unknown-name", &expr->span, "say local; what must last is in memo",
                        "assignment to the global '%s'", name);
        return;
    }
    lint_report(lint, "E-unknown-name", &expr->span, lint_nearest(name, globals->names, &hint),
                "unknown name '%s'", name);
}

/* ---- calls that wait ---- */

static bool waits(const struct expr *call, char *text, size_t size)
{
    static const struct {
        const char *module, *name;
    } calls[] = {{"async", "all"},        {"async", "sleep"},   {"async", "timeout"},
                 {"http", "get"},         {"http", "post"},     {"http", "request"},
                 {"cloudwatch", "fetch"}, {"decide", "current"}};
    const struct expr *callee = call->left;
    if (call->kind != EXPR_CALL || callee->kind != EXPR_INDEX || callee->left->kind != EXPR_NAME ||
        callee->left->variable)
        return false;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        if (!piece_is(callee->left->text, calls[i].module) ||
            !piece_is(callee->text, calls[i].name))
            continue;
        snprintf(text, size, "%s.%s", calls[i].module, calls[i].name);
        return true;
    }
    return false;
}

static bool in_entry(const struct expr *expr)
{
    const struct function *at = expr->in;
    while (at && !at->entry)
        at = at->outer;
    return at != NULL;
}

static void look_at_waiting(struct lint *lint, const struct expr *call)
{
    char text[NAME_SIZE];
    if (!in_entry(call) || !waits(call, text, sizeof text)) return;
    lint_report(lint, "E-waits", &call->left->span,
                "ask in collect, and read the answer as m.extra", "%s waits, and evaluate cannot",
                text);
}

void lint_names(struct lint *lint)
{
    struct globals globals = {.count = 0};
    read_globals(vm_lua(lint->policy->vm), &globals);
    for (const struct expr *at = syntax_expressions(lint->syntax); at; at = at->all_next) {
        look_at_global(lint, &globals, at);
        look_at_waiting(lint, at);
    }
}
