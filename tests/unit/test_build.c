/* Facts about building tables: what comes out is what went in, at any size and depth, and the cache
 * of strings never hands out another text. */
#include "moontide/vm/build.h"
#include "moontide/vm/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct vm *new_state(void)
{
    struct vm *vm = NULL;
    assert_int_equal(vm_new(&(struct vm_options){0}, &vm), OK);
    lua_pushcfunction(vm_lua(vm), open_json);
    lua_call(vm_lua(vm), 0, 0);
    return vm;
}

static int sizes[] = {0, 1, 2, 3, 100, 255, 256, 511, 512, 513, 1023, 5000, 100000};

static void lists_of_any_length_keep_their_order(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct build b;
        build_init(&b, L);
        build_begin(&b, true);
        for (int n = 1; n <= sizes[i]; n++)
            build_integer(&b, n);
        build_end(&b);
        assert_int_equal(lua_rawlen(L, -1), sizes[i]);
        for (int n = 1; n <= sizes[i]; n++) {
            lua_rawgeti(L, -1, n);
            assert_int_equal(lua_tointeger(L, -1), n);
            lua_pop(L, 1);
        }
        lua_settop(L, 0);
    }
    vm_free(vm);
}

static void tables_of_any_size_keep_their_fields(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct build b;
        char key[32];
        build_init(&b, L);
        build_begin(&b, false);
        for (int n = 0; n < sizes[i]; n++) {
            snprintf(key, sizeof key, "field%d", n);
            build_key(&b, key, strlen(key));
            build_begin(&b, true);
            build_string(&b, key, strlen(key));
            build_end(&b);
        }
        build_end(&b);
        for (int n = 0; n < sizes[i]; n++) {
            snprintf(key, sizeof key, "field%d", n);
            assert_int_equal(lua_getfield(L, -1, key), LUA_TTABLE);
            lua_rawgeti(L, -1, 1);
            assert_string_equal(lua_tostring(L, -1), key);
            lua_pop(L, 2);
        }
        lua_settop(L, 0);
    }
    vm_free(vm);
}

static void lists_in_lists_stay_apart(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    struct build b;
    build_init(&b, L);
    build_begin(&b, true);
    for (int i = 0; i < 700; i++) {
        build_begin(&b, true);
        for (int n = 0; n < i; n++)
            build_integer(&b, i);
        build_end(&b);
    }
    build_end(&b);
    assert_int_equal(lua_rawlen(L, -1), 700);
    for (int i = 0; i < 700; i++) {
        lua_rawgeti(L, -1, i + 1);
        assert_int_equal(lua_rawlen(L, -1), i);
        lua_rawgeti(L, -1, i);
        assert_int_equal(lua_tointeger(L, -1), i);
        lua_pop(L, 2);
    }
    vm_free(vm);
}

/* Texts of each length that differ in one byte only, again and again. */
static void the_cache_never_hands_out_another_text(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    lua_State *L = vm_lua(vm);
    for (int round = 0; round < 4; round++) {
        struct build b;
        build_init(&b, L);
        for (size_t len = 0; len < 48; len++) {
            char text[48];
            memset(text, 'a', sizeof text);
            for (size_t at = 0; at < len; at++) {
                for (char c = 'a'; c < 'e'; c++) {
                    text[at] = c;
                    build_string(&b, text, len);
                    size_t got_len;
                    const char *got = lua_tolstring(L, -1, &got_len);
                    assert_int_equal(got_len, len);
                    assert_memory_equal(got, text, len);
                    lua_pop(L, 1);
                    b.top--;
                }
                text[at] = 'a';
            }
        }
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT);
    }
    vm_free(vm);
}

static int build_too_deep(lua_State *L)
{
    struct build b;
    build_init(&b, L);
    for (int i = 0; i <= BUILD_DEPTH_MAX; i++)
        build_begin(&b, true);
    return 0;
}

static void depth_has_an_end(void **state)
{
    (void)state;
    struct vm *vm = new_state();
    struct fault fault;
    lua_pushcfunction(vm_lua(vm), build_too_deep);
    assert_int_equal(vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL), ERR_LUA);
    assert_non_null(strstr(fault.text, "nested too deeply"));
    vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_any_length_keep_their_order),
        cmocka_unit_test(tables_of_any_size_keep_their_fields),
        cmocka_unit_test(lists_in_lists_stay_apart),
        cmocka_unit_test(the_cache_never_hands_out_another_text),
        cmocka_unit_test(depth_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
