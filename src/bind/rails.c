/* bind/rails.c - the table `rails` goes to the rails as JSON: they alone know what it may say. */
#include "rails.h"

#include "moontide/vm/convert.h"

#include <stdio.h>
#include <string.h>

enum { RAILS_JSON_MAX = 64 * 1024, NAME_MAX_LEN = 32 };

/* The field that a fault of rail_limits_read() begins with: "rate_in.period: ...". */
static void leading_name(const char *text, char out[NAME_MAX_LEN])
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    snprintf(out, NAME_MAX_LEN, "%.*s", (int)(len < NAME_MAX_LEN ? len : 0), text);
}

/* The table at idx, read; the buffer is gone before anything is told, which may throw. */
static int read_table(struct fields *fields, int idx, struct rail_limits *limits,
                      struct fault *fault)
{
    struct strbuf json;
    strbuf_init(&json, RAILS_JSON_MAX);
    int code = convert_to_json(fields->L, idx, "rails", &json, fault);
    if (code == OK) code = rail_limits_read(limits, strbuf_cstr(&json), json.len, fault);
    strbuf_done(&json);
    return code;
}

void fields_rails(struct fields *fields, const char *what, struct rail_limits *limits)
{
    struct fields inner;
    struct fault fault;
    char name[NAME_MAX_LEN];
    if (fields_push(fields, "rails", 1 << LUA_TTABLE, "a table") == LUA_TNIL) return;
    int table = lua_gettop(fields->L);
    fields_inside(&inner, fields, table, what, "rails");
    int code = read_table(&inner, table, limits, &fault);
    if (code == ERR_NOMEM) luaL_error(fields->L, "out of memory");
    if (code < 0) {
        leading_name(fault.text, name);
        bool whole = strcmp(name, "rails") == 0; /* what convert says begins so too */
        fields_finding(whole ? fields : &inner,
                       strstr(fault.text, "unknown field") ? "E-unknown-field" : NULL,
                       name[0] ? name : NULL, "%s", fault.text);
    }
    lua_settop(fields->L, table - 1);
}
