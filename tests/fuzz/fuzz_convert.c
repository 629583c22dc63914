/* fuzz/fuzz_convert.c - any bytes as JSON into Lua and back: what was decoded can be encoded, and
 * that text comes back as itself. */
#include "moontide/vm/convert.h"
#include "target.h"

enum { RUNS_PER_STATE = 4096, TEXT_MAX = 1 << 22, MEMORY_MAX = 64 << 20 };

static struct vm *fresh_enough(void)
{
    static struct vm *vm;
    static int runs;
    if (vm && ++runs % RUNS_PER_STATE == 0) {
        vm_free(vm);
        vm = NULL;
    }
    if (!vm) {
        struct vm_options options = {.sandboxed = true, .memory_limit_bytes = MEMORY_MAX};
        fuzz_require(vm_new(&options, &vm) == OK);
    }
    return vm;
}

static int decode(lua_State *L, const char *text, size_t len, struct fault *fault)
{
    int top = lua_gettop(L);
    int code = convert_from_json(L, text, len, fault);
    fuzz_require(lua_gettop(L) == top + (code == OK));
    fuzz_require(code == OK || fault->text[0]);
    return code;
}

/* Bytes that are no UTF-8 are written as U+FFFD: keys that differed may then be one, or sort anew.
 */
static bool was_replaced(const struct strbuf *text)
{
    return memmem(text->data, text->len, "\xEF\xBF\xBD", 3) != NULL;
}

/* The body runs protected, as memory errors throw: two light userdata, the input and its length. */
static int there_and_back(lua_State *L)
{
    const char *json = lua_touserdata(L, 1);
    size_t len = (size_t)lua_tointeger(L, 2);
    struct fault fault = {0};
    if (decode(L, json, len, &fault) < 0) return 0;
    struct strbuf first, second;
    strbuf_init(&first, TEXT_MAX);
    strbuf_init(&second, TEXT_MAX);
    int top = lua_gettop(L);
    int code = convert_to_json(L, top, "value", &first, &fault);
    fuzz_require(lua_gettop(L) == top);
    if (code == OK) {
        fuzz_require(decode(L, first.data, first.len, &fault) == OK);
        fuzz_require(convert_to_json(L, top + 1, "value", &second, &fault) == OK);
        fuzz_require(was_replaced(&first) ||
                     (first.len == second.len && memcmp(first.data, second.data, first.len) == 0));
    } else {
        fuzz_require(fault.text[0] != '\0');
    }
    strbuf_done(&first);
    strbuf_done(&second);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    lua_State *L = vm_lua(fresh_enough());
    char *text = fuzz_copy(bytes, len);
    lua_settop(L, 0);
    lua_pushcfunction(L, there_and_back);
    lua_pushlightuserdata(L, text);
    lua_pushinteger(L, (lua_Integer)len);
    fuzz_require(lua_pcall(L, 2, 0, 0) == LUA_OK);
    lua_settop(L, 0);
    free(text);
    return 0;
}
