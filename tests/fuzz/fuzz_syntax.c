/* fuzz/fuzz_syntax.c - any bytes as a Lua file for the parser of bind/syntax.c and the comments of
 * bind/allow.c: what Lua compiles is read (or nested too deep), and every place lies inside the
 * text. */
#include "moontide/base/err.h"
#include "moontide/bind/allow.h"
#include "moontide/bind/syntax.h"
#include "target.h"

#include <lauxlib.h>
#include <lua.h>

static void check_span(const struct span *span, const char *text, size_t len)
{
    fuzz_require(span->begin >= text && span->begin <= text + len);
    fuzz_require(span->end >= span->begin && span->end <= text + len);
    fuzz_require(span->line >= 1 && span->column >= 1);
}

static void check_tree(const struct syntax *syntax, const char *text, size_t len)
{
    size_t count = 0;
    for (const struct expr *at = syntax_expressions(syntax); at; at = at->all_next, count++) {
        check_span(&at->span, text, len);
        fuzz_require((at->kind == EXPR_BINARY) ==
                     (at->left && at->right && at->op != OP_NOT && at->kind != EXPR_INDEX));
        fuzz_require(at->kind != EXPR_FUNCTION || at->function);
        for (const struct guard *guard = at->guard; guard; guard = guard->outer)
            fuzz_require(guard->condition != NULL);
    }
    for (const struct stat *at = syntax_statements(syntax); at; at = at->all_next, count++)
        check_span(&at->span, text, len);
    fuzz_require(count <= len * 3 + 1);
}

static bool lua_takes(const char *text, size_t len)
{
    lua_State *L = luaL_newstate();
    if (!L) return false;
    size_t skip = 0; /* as lua_load of a file: a first line that begins with # */
    if (len > 0 && text[0] == '#')
        while (skip < len && text[skip] != '\n')
            skip++;
    bool taken = luaL_loadbufferx(L, text + skip, len - skip, "fuzz", "t") == LUA_OK;
    lua_close(L);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = fuzz_copy(bytes, len);
    struct syntax *syntax = NULL;
    struct allows *allows = NULL;
    int code = syntax_new(text, len, &syntax);
    fuzz_require(code == OK || code == ERR_PARSE || code == ERR_LIMIT);
    if (code == OK) check_tree(syntax, text, len);
    if (code == ERR_PARSE) fuzz_require(!lua_takes(text, len));
    syntax_free(syntax);
    fuzz_require(allows_read(text, len, &allows) == OK);
    for (int line = 0; line < 5; line++)
        (void)allows_take(allows, line, "W-nil-value");
    struct faults faults;
    faults_init(&faults);
    allows_report(allows, "fuzz.lua", true, &faults);
    faults_done(&faults);
    allows_free(allows);
    free(text);
    return 0;
}
