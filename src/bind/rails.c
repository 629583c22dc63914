/* bind/rails.c - the table `rails` goes to the rails as JSON: they alone know what it may say. */
#include "rails.h"

#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

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

/* The limits that rail_limit_names lists. */
static const struct vm_field rails_fields[] = {
    {"max_actions_per_tick", "integer?",
     "Of all policies together: the configuration's counts; 10."},
    {"max_share", "number?",
     "Of a policy's targets in one tick, 0 to 1; 0.25. One is always allowed."},
    {"tolerance", "number?", "Wanted / current within this of 1 is no change; 0.1."},
    {"stabilization_in", "duration?", "The highest wish of so long counts for scaling in; 5m."},
    {"stabilization_out", "duration?", "The lowest wish of so long counts for scaling out; 0."},
    {"cooldown_in", "duration?", "Between two scalings in; 5m."},
    {"cooldown_out", "duration?", "Between two scalings out, unless more is wanted; 5m."},
    {"rate_in", "rails.rate?",
     "How fast capacity may fall; { add = 0, percent = 100, period = \"60s\" }."},
    {"rate_out", "rails.rate?",
     "How fast it may grow: whichever allows more; { add = 4, percent = 100, period = \"60s\" }."},
    {"min", "number?", "Never less capacity."},
    {"max", "number?", "Never more."},
    {"drift_hold", "duration?",
     "How long a resource that somebody else changed is left alone; 1h."},
    {"gate", "boolean?", "Whether depends_on holds scaling out; true."},
    {"change_windows", "rails.window[]?", "Changes only inside of one of these; always without."},
    {"freezes", "rails.window[]?", "No change inside of any of these."},
    {NULL, NULL, NULL}};
static const struct vm_field rate_fields[] = {
    {"add", "number?", "So much in a period."},
    {"percent", "number?", "So much of what there was, in a period."},
    {"period", "duration?", "1s to 30d."},
    {NULL, NULL, NULL}};
static const struct vm_field window_fields[] = {
    {"cron", "string", "When it begins: five fields, or @daily and the like."},
    {"duration", "duration", "1 minute to 31 days."},
    {"timezone", "string?", "A name of the system's zone files; UTC."},
    {NULL, NULL, NULL}};
const struct vm_docs rails_docs = {DOCS_CLASS,
                                   "rails",
                                   DOCS_POLICY | DOCS_CONFIG,
                                   "What stands between a decision and AWS: of the configuration, "
                                   "a policy or a decision, each over the one before.",
                                   NULL,
                                   rails_fields};
const struct vm_docs rails_rate_docs = {
    DOCS_CLASS, "rails.rate", DOCS_POLICY | DOCS_CONFIG, "How fast a capacity may change.",
    NULL,       rate_fields};
const struct vm_docs rails_window_docs = {
    DOCS_CLASS, "rails.window", DOCS_POLICY | DOCS_CONFIG, "Times that come again.",
    NULL,       window_fields};

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
