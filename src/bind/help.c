/* bind/help.c - help(x): what x is, in the list of documentation, among a client's operations, or
 * by looking at it. */
#include "moontide/bind/help.h"

#include "aws.h"
#include "complete_text.h"
#include "help_page.h"
#include "moontide/base/nearest.h"

#include <ctype.h>
#include <string.h>

enum { HELP_BYTES_MAX = 256 * 1024, NAMES_MAX = 2048, KEYS_SHOWN = 100 };

/* ---- a value that is documented nowhere ---- */

/* The class that a value's methods are of: they say it, by the list. */
static bool class_of(lua_State *L, int idx, struct docs_entry *out)
{
    int top = lua_gettop(L);
    bool found = false;
    lua_pushvalue(L, idx);
    if (follow_index(L))
        for (lua_pushnil(L); !found && lua_next(L, -2); lua_pop(L, 1))
            if (lua_iscfunction(L, -1) && docs_of_value(L, -1, out)) {
                found = true;
                break;
            }
    lua_settop(L, top);
    out->function = NULL;
    out->field = NULL;
    return found && out->module->name;
}

/* What Lua's own library, or the prelude, has at a place that is documented. */
static bool find_place(lua_State *L, int idx, struct docs_entry *out)
{
    int top = lua_gettop(L);
    bool found = false;
    for (const struct vm_docs *const *docs = docs_modules; *docs && !found; docs++) {
        if ((*docs)->kind != DOCS_MODULE && (*docs)->kind != DOCS_GLOBALS) continue;
        lua_pushglobaltable(L);
        if ((*docs)->name) {
            lua_pushstring(L, (*docs)->name);
            get_field_raw(L);
        }
        for (const struct vm_function *f = (*docs)->functions; f && f->name && !found; f++) {
            if (!lua_istable(L, -1)) break;
            lua_pushstring(L, f->name);
            lua_rawget(L, -2);
            found = lua_rawequal(L, idx, -1);
            lua_pop(L, 1);
            if (found) *out = (struct docs_entry){.module = *docs, .function = f};
        }
        lua_settop(L, top);
    }
    return found;
}

static void put_lua_function(lua_State *L, int idx, struct strbuf *out)
{
    lua_Debug about;
    lua_pushvalue(L, idx);
    lua_getinfo(L, ">Su", &about);
    if (*about.what == 'C') {
        strbuf_adds(out, "a function that is built in\n");
        return;
    }
    strbuf_adds(out, "function(");
    lua_pushvalue(L, idx);
    for (int i = 1; i <= about.nparams; i++)
        strbuf_addf(out, "%s%s", i > 1 ? ", " : "", lua_getlocal(L, NULL, i));
    lua_pop(L, 1);
    if (about.isvararg) strbuf_adds(out, about.nparams ? ", ..." : "...");
    strbuf_adds(out, ")\n");
    if (strncmp(about.source, "@moontide/", 10) == 0)
        strbuf_adds(out, "  of moontide\n");
    else
        strbuf_addf(out, "  defined at %s:%d\n", about.short_src, about.linedefined);
}

/* The string keys of a table, in no order but that of the table. */
static void put_table(lua_State *L, int idx, struct page *page)
{
    struct strbuf keys;
    int shown = 0;
    lua_Unsigned count = lua_rawlen(L, idx);
    strbuf_init(&keys, HELP_BYTES_MAX);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && ++shown <= KEYS_SHOWN)
            strbuf_addf(&keys, "%s%s", keys.len ? " " : "", lua_tostring(L, -2));
    strbuf_adds(page->out, "a table");
    if (count) strbuf_addf(page->out, ", a list of %llu", (unsigned long long)count);
    strbuf_adds(page->out, keys.len ? " with the fields\n  " : "\n");
    page_words(page, 2, strbuf_cstr(&keys));
    if (keys.len) strbuf_adds(page->out, shown > KEYS_SHOWN ? " ...\n" : "\n");
    strbuf_done(&keys);
}

static void put_value(lua_State *L, int idx, struct page *page)
{
    struct docs_entry entry;
    const struct aws_client *client = aws_test_client(L, idx);
    const struct operation *operation = aws_method_operation(L, idx);
    if (client)
        aws_help_client(page->out, client->model);
    else if (operation)
        aws_help_operation(page->out, NULL, operation);
    else if (docs_of_value(L, idx, &entry) || class_of(L, idx, &entry))
        page_entry(page, &entry);
    else if (lua_isfunction(L, idx) && find_place(L, idx, &entry))
        page_entry(page, &entry);
    else if (lua_isfunction(L, idx))
        put_lua_function(L, idx, page->out);
    else if (lua_istable(L, idx))
        put_table(L, idx, page);
    else
        strbuf_addf(page->out, "a %s\n", luaL_typename(L, idx));
}

/* ---- a name ---- */

static void nearest_documented(lua_State *L, const char *name, struct strbuf *out)
{
    const char **names = lua_newuserdatauv(L, (NAMES_MAX + 1) * sizeof *names, 0);
    size_t count = 0;
    lua_newtable(L);
    int kept = lua_gettop(L); /* the texts that are made here */
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        if ((*docs)->name && count < NAMES_MAX) names[count++] = (*docs)->name;
        for (const struct vm_function *f = (*docs)->functions; f && f->name; f++) {
            if (count == NAMES_MAX) break;
            names[count] = f->name;
            if ((*docs)->name) {
                names[count] = lua_pushfstring(L, "%s.%s", (*docs)->name, f->name);
                lua_rawseti(L, kept, (lua_Integer)count + 1);
            }
            count++;
        }
    }
    names[count] = NULL;
    const char *near = nearest_name(name, names);
    if (near) strbuf_addf(out, " (did you mean '%s'?)", near);
}

/* "ecs:describe_services" of a client that a global holds, "ecs:pages", "vector:mean". */
static bool put_named_method(lua_State *L, const struct text *text, struct page *page)
{
    int last = text->count - 1, top = lua_gettop(L);
    if (!text_is(text, last - 1, ':') || !text_push_value(L, text, last - 2)) return false;
    const struct aws_client *client = aws_test_client(L, -1);
    const struct operation *operation = NULL;
    if (client) {
        lua_pushlstring(L, text->tokens[last].text, text->tokens[last].len);
        operation = model_operation(client->model, lua_tostring(L, -1));
    }
    struct docs_entry entry;
    bool found = operation != NULL;
    if (operation) {
        aws_help_operation(page->out, client->model->service, operation);
    } else if (class_of(L, top + 1, &entry)) {
        lua_pushfstring(L, "%s:", entry.module->name);
        lua_pushlstring(L, text->tokens[last].text, text->tokens[last].len);
        lua_concat(L, 2);
        found = docs_find(lua_tostring(L, -1), 0, &entry);
        if (found) page_entry(page, &entry);
    }
    lua_settop(L, top);
    return found;
}

static void put_name(lua_State *L, const char *name, size_t len, struct page *page)
{
    struct docs_entry entry;
    struct text text;
    if (docs_find(name, DOCS_SCRIPT | DOCS_STANDARD, &entry) || docs_find(name, 0, &entry)) {
        page_entry(page, &entry);
        return;
    }
    /* A blank behind it, so that all of it is read as tokens and none as a word under way. */
    lua_pushfstring(L, "%s ", name);
    text_read(L, lua_tostring(L, -1), len + 1, &text);
    if (put_named_method(L, &text, page)) return;
    if (text_push_value(L, &text, text.count - 1)) {
        put_value(L, lua_gettop(L), page);
        return;
    }
    strbuf_addf(page->out, "there is no help for '%s'", name);
    nearest_documented(L, name, page->out);
    strbuf_addc(page->out, '\n');
}

/* ---- help ---- */

/* upvalues: the screen, what shows a text */
static int help(lua_State *L)
{
    const struct help_screen *screen = lua_touserdata(L, lua_upvalueindex(1));
    bool overview = lua_gettop(L) == 0;
    lua_settop(L, 1);
    struct strbuf *out = push_buffer(L, HELP_BYTES_MAX);
    struct page page = {
        .out = out, .width = screen->width ? screen->width : 80, .color = screen->color};
    luaL_checkstack(L, 20, "help");
    size_t len;
    if (overview)
        page_overview(&page);
    else if (lua_type(L, 1) == LUA_TSTRING)
        put_name(L, lua_tolstring(L, 1, &len), lua_rawlen(L, 1), &page);
    else
        put_value(L, 1, &page);
    if (strbuf_status(out) < 0) return luaL_error(L, "help: out of memory");
    len = out->len;
    while (len > 0 && out->data[len - 1] == '\n')
        len--;
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushlstring(L, strbuf_cstr(out), len);
    lua_call(L, 1, 0);
    return 0;
}

void help_push(lua_State *L, const struct help_screen *screen)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)screen);
    lua_insert(L, -2);
    lua_pushcclosure(L, help, 2);
}

bool help_shorthand(const char *line, size_t len, struct strbuf *out)
{
    size_t begin = 0, end = len;
    bool name = true;
    while (begin < end && isspace((unsigned char)line[begin]))
        begin++;
    if (begin == end || line[begin] != '?') return false;
    for (begin++; begin < end && isspace((unsigned char)line[begin]); begin++)
        continue;
    while (end > begin && isspace((unsigned char)line[end - 1]))
        end--;
    for (size_t i = begin; i < end; i++)
        name = name && (isalnum((unsigned char)line[i]) || strchr("_.:", line[i]));
    strbuf_adds(out, name && end > begin ? "help(\"" : "help(");
    strbuf_add(out, line + begin, end - begin);
    strbuf_adds(out, name && end > begin ? "\")" : ")");
    return true;
}
