/* bind/docs_find.c - an entry of the list, by its dotted name or by the value that it documents. */
#include "moontide/bind/docs.h"

#include <string.h>

/* ---- by name ---- */

static const struct vm_function *function_named(const struct vm_docs *docs, const char *name)
{
    const struct vm_function *at = docs->functions;
    for (; at && at->name; at++)
        if (strcmp(at->name, name) == 0) return at;
    return NULL;
}

static const struct vm_field *field_named(const struct vm_docs *docs, const char *name)
{
    const struct vm_field *at = docs->kind == DOCS_ALIAS ? NULL : docs->fields;
    for (; at && at->name; at++)
        if (strcmp(at->name, name) == 0) return at;
    return NULL;
}

/* Whether owner is the name of the docs; globals have none. */
static bool is_named(const struct vm_docs *docs, const char *owner, size_t len)
{
    if (!docs->name) return len == 0;
    return strlen(docs->name) == len && strncmp(docs->name, owner, len) == 0;
}

static bool find_member(const char *owner, size_t len, const char *name, unsigned where,
                        struct docs_entry *out)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (!(docs->where & where) || !is_named(docs, owner, len)) continue;
        const struct vm_function *function = function_named(docs, name);
        const struct vm_field *field = function ? NULL : field_named(docs, name);
        if (!function && !field) continue;
        *out = (struct docs_entry){docs, function, field};
        return true;
    }
    return false;
}

static bool find_whole(const char *name, unsigned where, struct docs_entry *out)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        if (!((*at)->where & where) || !(*at)->name || strcmp((*at)->name, name) != 0) continue;
        *out = (struct docs_entry){*at, NULL, NULL};
        return true;
    }
    return false;
}

bool docs_find(const char *name, unsigned where, struct docs_entry *out)
{
    if (!where) where = ~0u;
    if (strncmp(name, "_G.", 3) == 0) name += 3;
    const char *dot = strrchr(name, '.');
    const char *colon = strrchr(name, ':');
    if (!dot || (colon && colon > dot)) dot = colon;
    size_t len = dot ? (size_t)(dot - name) : 0;
    if (find_member(name, len, dot ? dot + 1 : name, where, out) && out->function) return true;
    struct docs_entry whole;
    if (find_whole(name, where, &whole)) {
        *out = whole;
        return true;
    }
    return find_member(name, len, dot ? dot + 1 : name, where, out);
}

/* ---- by value ---- */

static bool find_call(lua_CFunction call, struct docs_entry *out)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_function *f = (*at)->functions; f && f->name; f++)
            if (f->call == call) {
                *out = (struct docs_entry){*at, f, NULL};
                return true;
            }
    return false;
}

/* Pushes what stands under a dotted name among the globals; raw, so that no code runs. */
static void push_named(lua_State *L, const char *name)
{
    lua_pushglobaltable(L);
    while (name && *name) {
        const char *dot = strchr(name, '.');
        lua_pushlstring(L, name, dot ? (size_t)(dot - name) : strlen(name));
        if (lua_istable(L, -2))
            lua_rawget(L, -2);
        else
            lua_pushnil(L);
        lua_remove(L, -2);
        name = dot ? dot + 1 : NULL;
    }
}

static bool same_as_named(lua_State *L, int idx, const char *module, const char *name)
{
    push_named(L, module);
    if (name && lua_istable(L, -1)) {
        lua_pushstring(L, name);
        lua_rawget(L, -2);
        lua_remove(L, -2);
    }
    bool same = lua_rawequal(L, idx, -1);
    lua_pop(L, 1);
    return same;
}

static bool find_place(lua_State *L, int idx, struct docs_entry *out)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (docs->kind == DOCS_CLASS || docs->kind == DOCS_ALIAS) continue;
        *out = (struct docs_entry){docs, NULL, NULL};
        if (docs->kind == DOCS_MODULE && same_as_named(L, idx, docs->name, NULL)) return true;
        for (const struct vm_function *f = docs->functions; f && f->name; f++) {
            out->function = f;
            if (!f->call && same_as_named(L, idx, docs->name, f->name)) return true;
        }
    }
    return false;
}

bool docs_of_value(lua_State *L, int idx, struct docs_entry *out)
{
    idx = lua_absindex(L, idx);
    lua_CFunction call = lua_tocfunction(L, idx);
    if (call && find_call(call, out)) return true;
    if (!lua_isfunction(L, idx) && !lua_istable(L, idx)) return false;
    return lua_checkstack(L, 4) && find_place(L, idx, out);
}
