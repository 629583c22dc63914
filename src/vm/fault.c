/* vm/fault.c - from a Lua error value to a fault with file and line, and error objects for Lua. */
#include "state.h"

#include "moontide/base/strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_LEVELS = 16, TRACEBACK_MAX = 16 * 1024 };

static const char ERROR_TYPE[] = "moontide.error";

/* A line of the operator's own Lua, and not of the prelude, which is no place to send anybody to.
 */
static bool is_place(const lua_Debug *ar)
{
    return ar->currentline > 0 && strncmp(ar->source, "@moontide/", 10) != 0;
}

static void place_of(const lua_Debug *ar, struct place *place)
{
    const char *file =
        ar->source[0] == '@' || ar->source[0] == '=' ? ar->source + 1 : ar->short_src;
    snprintf(place->file, sizeof(place->file), "%s", file);
    snprintf(place->shown, sizeof(place->shown), "%s", ar->short_src);
    place->line = ar->currentline;
}

/* The innermost line of Lua source that L is in. Allocates nothing, so it may be called by the
 * allocator. */
bool place_find(lua_State *L, struct place *place)
{
    lua_Debug ar;
    for (int level = 0; level < PLACE_LEVELS && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || !is_place(&ar)) continue;
        place_of(&ar, place);
        return true;
    }
    return false;
}

/* "shown:line: text": the length of the prefix, 0 when text does not begin with this place. */
static size_t place_prefix(const struct place *place, const char *text)
{
    char prefix[LUA_IDSIZE + 16];
    int len = snprintf(prefix, sizeof(prefix), "%s:%d: ", place->shown, place->line);
    return len > 0 && strncmp(text, prefix, (size_t)len) == 0 ? (size_t)len : 0;
}

/* The place that the message names, if one of the calls is there; else the innermost one. */
static void place_of_message(lua_State *L, const char *message, struct place *place)
{
    place->line = 0;
    lua_Debug ar;
    for (int level = 0; message && level < PLACE_LEVELS && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || !is_place(&ar)) continue;
        place_of(&ar, place);
        if (place_prefix(place, message)) return;
    }
    place->line = 0;
    place_find(L, place);
}

/* The error value is on top of L, whose calls still stand. */
void vm_note_place(lua_State *L, struct vm *vm)
{
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (!vm->stopping) place_of_message(L, message, &vm->place);
}

int vm_message_handler(lua_State *L)
{
    struct vm *vm = vm_of(L);
    if (vm->stopping) return 1;
    vm_note_place(L, vm);
    if (!vm->want_traceback) return 1;
    luaL_traceback(L, L, NULL, 1);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    free(vm->traceback);
    vm->traceback = strndup(text, len > TRACEBACK_MAX ? TRACEBACK_MAX : len);
    lua_pop(L, 1);
    return 1;
}

/* Cuts "file:line: " off a message that was not raised by a call we saw (a syntax error, or one
 * that was caught and thrown again). Only what looks like a chunk is taken for one. */
static size_t chunk_prefix(const char *text, struct place *place)
{
    const char *end = text;
    if (*text == '[') {
        end = strstr(text, "\"]:");
        if (!end) return 0;
        end += 2;
    } else {
        while (*end && *end != '\n' && !(end[0] == ':' && isdigit((unsigned char)end[1])))
            end++;
        bool lua = end - text > 4 && strncmp(end - 4, ".lua", 4) == 0;
        bool named = end > text && !memchr(text, '/', (size_t)(end - text)) &&
                     !memchr(text, ' ', (size_t)(end - text)) &&
                     !memchr(text, '.', (size_t)(end - text));
        if (!lua && !named) return 0;
    }
    if (*end != ':') return 0;
    int line = 0;
    int used = 0;
    if (sscanf(end, ":%7d: %n", &line, &used) != 1 || used == 0 || line <= 0) return 0;
    snprintf(place->file, sizeof(place->file), "%.*s", (int)(end - text), text);
    place->line = line;
    return (size_t)(end - text) + (size_t)used;
}

static void fault_from_text(struct vm *vm, struct fault *fault, const char *text)
{
    struct place place = {0};
    size_t skip = vm->place.line ? place_prefix(&vm->place, text) : 0;
    if (skip)
        place = vm->place;
    else if ((skip = chunk_prefix(text, &place)) == 0)
        place = vm->place;
    fault_set(fault, ERR_LUA, "%s", text + skip);
    if (place.line) fault_at(fault, place.file, place.line, 0);
}

/* error value -> text */
static int describe(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING) return 1;
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "message");
        lua_rawget(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) return 1;
    }
    if (lua_isnumber(L, 1)) {
        lua_tostring(L, 1);
        lua_settop(L, 1);
        return 1;
    }
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    return 1;
}

static int memory_fault(struct vm *vm, struct fault *fault)
{
    if (!vm->memory.refused) {
        fault_set(fault, ERR_NOMEM, "out of memory");
        return ERR_NOMEM;
    }
    double mib = (double)vm->memory.limit / (1024.0 * 1024.0);
    fault_set(fault, ERR_MEMORY_CAP, "the memory limit of %.3g MiB was exceeded", mib);
    if (vm->memory.place.line) fault_at(fault, vm->memory.place.file, vm->memory.place.line, 0);
    return ERR_MEMORY_CAP;
}

int vm_fault(struct vm *vm, lua_State *L, int status, struct fault *fault)
{
    struct fault own;
    if (!fault) fault = &own;
    if (status == LUA_ERRMEM && !vm->stopping) {
        lua_pop(L, 1);
        memory_fault(vm, fault);
    } else if (!vm->stopping && lua_checkstack(L, 4)) {
        lua_pushcfunction(L, describe);
        lua_insert(L, -2);
        int described = lua_pcall(L, 1, 1, 0);
        if (described == LUA_ERRMEM)
            memory_fault(vm, fault);
        else if (described != LUA_OK)
            fault_from_text(vm, fault, "(the error object's __tostring failed)");
        else
            fault_from_text(vm, fault, lua_tostring(L, -1));
        lua_pop(L, 1);
    } else {
        lua_pop(L, 1);
        if (!vm->stopping) fault_set(fault, ERR_NOMEM, "out of memory");
    }
    if (vm->stopping) *fault = vm->stop; /* perhaps only since __tostring */
    vm->place.line = 0;
    return fault->code;
}

/* ---- error objects ---- */

static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "text");
    if (lua_rawget(L, 1) == LUA_TSTRING) return 1;
    lua_pushliteral(L, "code");
    lua_rawget(L, 1);
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    const char *code = lua_tostring(L, -2);
    const char *message = lua_tostring(L, -1);
    lua_pushfstring(L, "%s: %s", code ? code : "error", message ? message : "");
    return 1;
}

void vm_push_error(lua_State *L, const char *code, const char *message)
{
    luaL_checkstack(L, 4, "error object");
    lua_createtable(L, 0, 4);
    lua_pushstring(L, code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    if (luaL_newmetatable(L, ERROR_TYPE)) {
        lua_pushcfunction(L, error_tostring);
        lua_setfield(L, -2, "__tostring");
    }
    lua_setmetatable(L, -2);
}
