/* fuzz/fuzz_match.c - any bytes as a Lua pattern and a subject: the step-counting matcher must
 * answer what Lua's own string library answers.
 *
 * The first byte is the length of the pattern. Lua finds a malformed part only when it gets there,
 * and gives up on deep patterns; the matcher compiles first. So both are compared only where ours
 * compiled, ended within few steps (Lua counts none), and Lua threw nothing. */
#include "../../src/vm/match.h"
#include "target.h"

#include <lauxlib.h>
#include <lualib.h>

enum { STEPS_MAX = 20000 };

static lua_State *real_lua(void)
{
    static lua_State *L;
    if (L) return L;
    fuzz_require((L = luaL_newstate()) != NULL);
    luaL_openlibs(L);
    return L;
}

/* Pushes what string.find(subject, "^" .. pattern, init + 1) gives; its count, or -1. */
static int lua_answer(lua_State *L, const char *pattern, size_t pattern_len, const char *subject,
                      size_t len, size_t init)
{
    luaL_Buffer b;
    lua_settop(L, 0);
    lua_getglobal(L, "string");
    lua_getfield(L, 1, "find");
    lua_pushlstring(L, subject, len);
    luaL_buffinit(L, &b);
    luaL_addchar(&b, '^');
    luaL_addlstring(&b, pattern, pattern_len);
    luaL_pushresult(&b);
    lua_pushinteger(L, (lua_Integer)init + 1);
    if (lua_pcall(L, 3, LUA_MULTRET, 0) != LUA_OK) return -1;
    return lua_gettop(L) - 1;
}

static void compare(const struct match_program *program, const struct match_result *result,
                    const char *subject)
{
    lua_State *L = real_lua();
    fuzz_require(lua_tointeger(L, 2) == (lua_Integer)result->start + 1);
    fuzz_require(lua_tointeger(L, 3) == (lua_Integer)result->end);
    fuzz_require(lua_gettop(L) == 3 + program->capture_count);
    for (int i = 0; i < program->capture_count; i++) {
        const struct match_capture *capture = &result->captures[i];
        size_t len;
        if (capture->position) {
            fuzz_require(lua_isinteger(L, 4 + i));
            fuzz_require(lua_tointeger(L, 4 + i) == (lua_Integer)capture->start + 1);
            continue;
        }
        fuzz_require(lua_type(L, 4 + i) == LUA_TSTRING);
        const char *text = lua_tolstring(L, 4 + i, &len);
        fuzz_require(len == capture->len && memcmp(text, subject + capture->start, len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0) return 0;
    size_t pattern_len = bytes[0] < len ? bytes[0] : len - 1, subject_len = len - 1 - pattern_len;
    char *pattern = fuzz_copy(bytes + 1, pattern_len);
    char *subject = fuzz_copy(bytes + 1 + pattern_len, subject_len);
    char *memory = malloc(match_size(pattern_len));
    struct match_program program;
    struct match_result result = {0};
    const char *error = NULL;
    fuzz_require(memory != NULL);
    (void)match_is_plain(pattern, pattern_len);
    if (!match_compile(&program, memory, pattern, pattern_len, &error)) {
        fuzz_require(error != NULL);
        goto leave;
    }
    for (size_t init = 0; init <= subject_len && init < 8; init++) {
        uint64_t steps = STEPS_MAX;
        enum match_answer answer = match_at(&program, subject, subject_len, init, &steps, &result);
        fuzz_require(steps <= STEPS_MAX);
        if (answer == MATCH_TOO_LONG) break;
        int n = lua_answer(real_lua(), pattern, pattern_len, subject, subject_len, init);
        if (n < 0) break;
        fuzz_require((answer == MATCH_YES) == (n >= 2));
        if (answer == MATCH_YES) compare(&program, &result, subject);
    }
leave:
    free(memory);
    free(subject);
    free(pattern);
    return 0;
}
