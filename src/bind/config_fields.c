/* bind/config_fields.c - the fields of moontide.lua, one function a group. */
#include "config_fields.h"

#include "moontide/base/fs.h"
#include "rails.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE = 1 << LUA_TTABLE, STRING = 1 << LUA_TSTRING, NUMBER = 1 << LUA_TNUMBER };
enum { ACCOUNTS_MAX = 1000, ENVIRONMENTS_MAX = 10000 };

void config_free_list(char ***list, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        free((*list)[i]);
    free(*list);
    *list = NULL;
    *count = 0;
}

static char *copy(struct fields *f, const char *text)
{
    char *made = strdup(text);
    if (!made) luaL_error(f->L, "out of memory");
    return made;
}

void config_take_text(struct fields *f, const char *field, char **into)
{
    const char *text = fields_string(f, field, OPTIONAL);
    if (!text) return;
    free(*into);
    *into = NULL;
    *into = copy(f, text);
}

void config_take_path(struct fields *f, const char *field, const char *dir, char **into)
{
    const char *text = fields_string(f, field, OPTIONAL);
    if (!text) return;
    free(*into);
    *into = fs_join(dir, text);
    if (!*into) luaL_error(f->L, "out of memory");
}

bool config_open_table(struct fields *f, const char *field, const char *what, struct fields *inner)
{
    if (fields_push(f, field, TABLE, "a table") == LUA_TNIL) return false;
    fields_inside(inner, f, -1, what, field);
    return true;
}

void config_close_table(struct fields *inner)
{
    lua_settop(inner->L, inner->at - 1);
}

/* ---- sizes ---- */

static bool parse_size(const char *text, double *bytes)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"B", 1},
                 {"", 1},
                 {"kB", 1e3},
                 {"KB", 1e3},
                 {"MB", 1e6},
                 {"GB", 1e9},
                 {"KiB", 1024},
                 {"MiB", 1024 * 1024},
                 {"GiB", 1024.0 * 1024 * 1024}};
    char *end;
    if (!isdigit((unsigned char)*text)) return false;
    double value = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strcmp(end, units[i].unit) == 0) {
            *bytes = value * units[i].factor;
            return isfinite(*bytes);
        }
    return false;
}

size_t config_take_size(struct fields *f, const char *field, double low, double high,
                        size_t fallback)
{
    int type = fields_push(f, field, STRING | NUMBER, "a size (\"32MiB\", or bytes)");
    if (type == LUA_TNIL) return fallback;
    double bytes = -1;
    char shown[64];
    if (type == LUA_TNUMBER) {
        bytes = lua_tonumber(f->L, -1);
        snprintf(shown, sizeof shown, "%g", bytes);
    } else {
        snprintf(shown, sizeof shown, "%s", lua_tostring(f->L, -1));
        if (!parse_size(lua_tostring(f->L, -1), &bytes)) bytes = -1;
    }
    lua_pop(f->L, 1);
    if (bytes >= low && bytes <= high) return (size_t)bytes;
    fields_fault(f, field, "%s: '%s' is no size from %.0f to %.0f bytes (\"32MiB\")", field, shown,
                 low, high);
    return fallback;
}

/* A duration that may not be none. */
static int64_t take_time(struct fields *f, const char *field, int64_t fallback)
{
    int64_t ms = fields_duration(f, field, OPTIONAL, fallback);
    if (ms < 1) fields_fault(f, field, "%s must be over 0", field);
    return ms;
}

/* ---- groups ---- */

static void read_environments(struct config_reading *r)
{
    struct fields *f = &r->root;
    lua_State *L = f->L;
    struct config *config = r->config;
    if (fields_push(f, "environments", TABLE, "a list of names") == LUA_TNIL) return;
    int table = lua_gettop(L);
    size_t count = lua_rawlen(L, table), keys = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        keys++;
    if (keys != count || count > ENVIRONMENTS_MAX) {
        fields_fault(f, "environments", "environments must be a list of names");
        count = 0;
    }
    config_free_list(&config->environments, &config->environment_count);
    config->environments = calloc(count ? count : 1, sizeof *config->environments);
    if (!config->environments) luaL_error(L, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, table, (lua_Integer)i + 1) != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
            fields_fault(f, "environments", "environments[%zu] must be a name", i + 1);
        } else {
            for (size_t j = 0; j < config->environment_count; j++)
                if (strcmp(config->environments[j], lua_tostring(L, -1)) == 0)
                    fields_fault(f, "environments", "environments names '%s' twice",
                                 lua_tostring(L, -1));
            config->environments[config->environment_count] = copy(f, lua_tostring(L, -1));
            config->environment_count++;
        }
        lua_pop(L, 1);
    }
    lua_settop(L, table - 1);
}

static void read_account(struct config_reading *r, const char *name, int idx)
{
    static const char *const known[] = {"role_arn", "region", "external_id", "session_name", NULL};
    struct fields inner;
    struct config *config = r->config;
    fields_inside(&inner, &r->root, idx, "configuration: accounts", name);
    fields_known(&inner, known);
    struct config_account *accounts =
        realloc(config->accounts, (config->account_count + 1) * sizeof *accounts);
    if (!accounts) luaL_error(inner.L, "out of memory");
    config->accounts = accounts;
    struct config_account *account = &accounts[config->account_count];
    *account = (struct config_account){0};
    config->account_count++;
    account->name = copy(&inner, name);
    config_take_text(&inner, "role_arn", &account->role_arn);
    config_take_text(&inner, "region", &account->region);
    config_take_text(&inner, "external_id", &account->external_id);
    config_take_text(&inner, "session_name", &account->session_name);
}

static void read_accounts(struct config_reading *r)
{
    struct fields *f = &r->root;
    lua_State *L = f->L;
    if (fields_push(f, "accounts", TABLE, "a table of named accounts") == LUA_TNIL) return;
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_settop(L, table + 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1))
            fields_fault(f, "accounts", "accounts must be named tables: name = { role_arn = ... }");
        else if (r->config->account_count == ACCOUNTS_MAX)
            break;
        else
            read_account(r, lua_tostring(L, -2), lua_gettop(L));
    }
    lua_settop(L, table - 1);
}

static void read_limits(struct config_reading *r)
{
    static const char *const known[] = {
        "policy_memory", "instructions", "evaluation", "evaluations", "collect", "apply",
        "source",        "request",      "connect",    "response",    NULL};
    struct fields inner;
    struct config *c = r->config;
    if (!config_open_table(&r->root, "limits", "configuration: limits", &inner)) return;
    fields_known(&inner, known);
    c->policy_memory_bytes =
        config_take_size(&inner, "policy_memory", 1 << 20, 16e9, c->policy_memory_bytes);
    c->source_bytes = config_take_size(&inner, "source", 1024, 1 << 20, c->source_bytes);
    c->instructions = (uint64_t)fields_integer(&inner, "instructions", 10000, 1000000000000,
                                               (int64_t)c->instructions);
    c->evaluation_ms = take_time(&inner, "evaluation", c->evaluation_ms);
    c->policy_wall_ms = take_time(&inner, "evaluations", c->policy_wall_ms);
    c->collect_ms = take_time(&inner, "collect", c->collect_ms);
    c->apply_ms = take_time(&inner, "apply", c->apply_ms);
    c->request_ms = take_time(&inner, "request", c->request_ms);
    c->connect_ms = take_time(&inner, "connect", c->connect_ms);
    c->response_bytes = config_take_size(&inner, "response", 1024, 4e9, c->response_bytes);
    config_close_table(&inner);
}

static void read_retry(struct config_reading *r)
{
    static const char *const known[] = {"attempts", "base", "cap", NULL};
    struct fields inner;
    struct config *c = r->config;
    if (!config_open_table(&r->root, "retry", "moontide.lua: retry", &inner)) return;
    fields_known(&inner, known);
    c->retry_attempts = (int)fields_integer(&inner, "attempts", 1, 10, c->retry_attempts);
    c->retry_base_ms = take_time(&inner, "base", c->retry_base_ms);
    c->retry_cap_ms = take_time(&inner, "cap", c->retry_cap_ms);
    config_close_table(&inner);
}

static void read_cost(struct config_reading *r)
{
    static const char *const known[] = {"per_1000_metrics", "monthly_budget", NULL};
    struct fields inner;
    if (!config_open_table(&r->root, "cost", "configuration: cost", &inner)) return;
    fields_known(&inner, known);
    r->config->price_per_1000_usd =
        fields_number(&inner, "per_1000_metrics", 0, 1000, r->config->price_per_1000_usd);
    (void)fields_number(&inner, "monthly_budget", 0, 1e12, 0);
    config_close_table(&inner);
}

static void read_journal(struct config_reading *r)
{
    static const char *const known[] = {"keep", "max_size", NULL};
    struct fields inner;
    struct config *c = r->config;
    if (!config_open_table(&r->root, "journal", "configuration: journal", &inner)) return;
    fields_known(&inner, known);
    c->journal_keep_ms = take_time(&inner, "keep", c->journal_keep_ms);
    c->journal_max_bytes =
        (int64_t)config_take_size(&inner, "max_size", 1 << 20, 1e12, (size_t)c->journal_max_bytes);
    config_close_table(&inner);
}

/* record = false, or { keep, size } */
static void read_record(struct config_reading *r)
{
    static const char *const known[] = {"keep", "size", NULL};
    struct fields inner;
    lua_State *L = r->root.L;
    struct config *c = r->config;
    int type = fields_push(&r->root, "record", TABLE | 1 << LUA_TBOOLEAN,
                           "false, or a table with keep and size");
    if (type == LUA_TNIL) return;
    if (type == LUA_TBOOLEAN) {
        c->record = lua_toboolean(L, -1);
        lua_pop(L, 1);
        return;
    }
    fields_inside(&inner, &r->root, -1, "configuration: record", "record");
    fields_known(&inner, known);
    c->record_keep_ms = take_time(&inner, "keep", c->record_keep_ms);
    c->record_max_bytes =
        (int64_t)config_take_size(&inner, "size", 1 << 20, 1e12, (size_t)c->record_max_bytes);
    config_close_table(&inner);
}

/* "service:Operation" */
static void read_allow(struct config_reading *r)
{
    struct fields *f = &r->root;
    lua_State *L = f->L;
    if (fields_push(f, "allow", TABLE, "a list of \"service:Operation\"") == LUA_TNIL) return;
    struct config *config = r->config;
    int table = lua_gettop(L);
    config->allow = calloc(lua_rawlen(L, table) + 1, sizeof *config->allow);
    if (!config->allow) luaL_error(L, "out of memory");
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        const char *colon = strchr(text, ':');
        if (!lua_isinteger(L, -2) || !colon || colon == text || !colon[1])
            fields_fault(f, "allow", "allow must be a list of \"service:Operation\"");
        else if (config->allow_count < lua_rawlen(L, table))
            config->allow[config->allow_count++] = copy(f, text);
    }
    lua_settop(L, table - 1);
}

void config_read_fields(struct config_reading *r)
{
    static const char *const known[] = {
        "environments", "region",   "profile", "endpoint", "accounts", "policies",
        "state",        "language", "mode",    "settle",   "allow",    "rails",
        "limits",       "log",      "alerts",  "vars",     "cost",     "reload",
        "retry",        "journal",  "record",  NULL};
    static const char *const languages[] = {"en", "ko", NULL};
    struct fields *f = &r->root, reload;
    struct config *c = r->config;
    fields_known(f, known);
    read_environments(r);
    read_accounts(r);
    config_take_text(f, "region", &c->region);
    config_take_text(f, "profile", &c->profile);
    config_take_text(f, "endpoint", &c->endpoint);
    config_take_path(f, "policies", c->dir, &c->policies_dir);
    config_take_path(f, "state", c->dir, &c->state_dir);
    int language = fields_choice(f, "language", languages, 0);
    free(c->language);
    c->language = NULL;
    c->language = copy(f, languages[language]);
    c->mode = (enum policy_mode)fields_choice(f, "mode", mode_names, (int)c->mode);
    c->settle_ms = fields_duration(f, "settle", OPTIONAL, c->settle_ms);
    read_limits(r);
    read_retry(r);
    config_read_log(r);
    read_cost(r);
    read_allow(r);
    read_journal(r);
    read_record(r);
    fields_rails(f, "configuration: rails", &c->rails);
    config_read_alerts(r);
    if (config_open_table(f, "reload", "configuration: reload", &reload))
        config_close_table(&reload);
}
