/* bench/bench_json_peers.c - cJSON and yyjson by their trees, and the Lua module lua-cjson. */
#include "bench_json_peers.h"

#include <cJSON.h>
#include <dlfcn.h>
#include <lauxlib.h>
#ifdef HAVE_YYJSON
#include <yyjson.h>
#endif

/* ---- cJSON ---- */

static int count_items(const cJSON *parent)
{
    int n = 0;
    for (const cJSON *item = parent->child; item; item = item->next)
        n++;
    return n;
}

static void push_cjson(lua_State *L, const cJSON *value)
{
    lua_Integer n = 0;
    luaL_checkstack(L, 4, "cJSON");
    switch (value->type & 0xFF) {
    case cJSON_False:
    case cJSON_True: lua_pushboolean(L, cJSON_IsTrue(value)); break;
    case cJSON_Number: lua_pushnumber(L, value->valuedouble); break;
    case cJSON_String: lua_pushstring(L, value->valuestring); break;
    case cJSON_Array:
        lua_createtable(L, count_items(value), 0);
        for (const cJSON *item = value->child; item; item = item->next) {
            push_cjson(L, item);
            lua_rawseti(L, -2, ++n);
        }
        break;
    case cJSON_Object:
        lua_createtable(L, 0, count_items(value));
        for (const cJSON *item = value->child; item; item = item->next) {
            lua_pushstring(L, item->string);
            push_cjson(L, item);
            lua_rawset(L, -3);
        }
        break;
    default: lua_pushlightuserdata(L, NULL); break;
    }
}

void peer_cjson(lua_State *L, const char *text, size_t len)
{
    cJSON *root = cJSON_ParseWithLength(text, len);
    if (!root) luaL_error(L, "cJSON cannot read it");
    push_cjson(L, root);
    cJSON_Delete(root);
}

/* ---- yyjson ---- */

#ifdef HAVE_YYJSON
static void push_yyjson(lua_State *L, yyjson_val *value)
{
    luaL_checkstack(L, 4, "yyjson");
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_BOOL: lua_pushboolean(L, yyjson_get_bool(value)); break;
    case YYJSON_TYPE_NUM:
        if (yyjson_is_real(value))
            lua_pushnumber(L, yyjson_get_real(value));
        else
            lua_pushinteger(L, yyjson_get_sint(value));
        break;
    case YYJSON_TYPE_STR: lua_pushlstring(L, yyjson_get_str(value), yyjson_get_len(value)); break;
    case YYJSON_TYPE_ARR: {
        yyjson_arr_iter items = yyjson_arr_iter_with(value);
        lua_createtable(L, (int)yyjson_arr_size(value), 0);
        lua_Integer n = 0;
        for (yyjson_val *item; (item = yyjson_arr_iter_next(&items));) {
            push_yyjson(L, item);
            lua_rawseti(L, -2, ++n);
        }
        break;
    }
    case YYJSON_TYPE_OBJ: {
        yyjson_obj_iter fields = yyjson_obj_iter_with(value);
        lua_createtable(L, 0, (int)yyjson_obj_size(value));
        for (yyjson_val *key; (key = yyjson_obj_iter_next(&fields));) {
            lua_pushlstring(L, yyjson_get_str(key), yyjson_get_len(key));
            push_yyjson(L, yyjson_obj_iter_get_val(key));
            lua_rawset(L, -3);
        }
        break;
    }
    default: lua_pushlightuserdata(L, NULL); break;
    }
}

bool peer_has_yyjson(void)
{
    return true;
}

void peer_yyjson(lua_State *L, const char *text, size_t len)
{
    yyjson_doc *doc = yyjson_read(text, len, 0);
    if (!doc) luaL_error(L, "yyjson cannot read it");
    push_yyjson(L, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
}
#else
bool peer_has_yyjson(void)
{
    return false;
}

void peer_yyjson(lua_State *L, const char *text, size_t len)
{
    (void)text;
    (void)len;
    luaL_error(L, "built without yyjson");
}
#endif

/* ---- lua-cjson ---- */

bool peer_push_lua_cjson(lua_State *L)
{
    void *library = dlopen("liblua5.4-cjson.so.0", RTLD_NOW); /* Debian's lua-cjson */
    void *opener = library ? dlsym(library, "luaopen_cjson") : NULL;
    if (!opener) return false;
    lua_CFunction open;
    *(void **)&open = opener;
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "decode");
    lua_remove(L, -2);
    return true;
}
