/* bind/config_alerts.c - `alerts` of moontide.lua: who is told what, when (notify/settings.h).
 *
 * What is read is put into the settings at once, so that nothing is lost when Lua throws for want
 * of memory. A receiver's fields pass as they are, secrets included: only the module of its type
 * knows them (bind/courier.h). */
#include "config_alerts.h"
#include "moontide/base/fs.h"
#include "moontide/base/zone.h"
#include "moontide/vm/convert.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 1 << LUA_TTABLE };
enum {
    RECEIVER_JSON_MAX = 256 * 1024,
    NAME_MAX_BYTES = 64,
    LIST_MAX = 64,
    MUTES_MAX = 100,
    INHIBIT_RULES_MAX = 64, /* as many bits as the notifier keeps of each alert */
    WINDOW_MIN_MS = 60 * 1000,
};

/* The line of the i-th (from 1) of `count` tables in the list `name`; 0: not known. */
static int item_line(const struct fields *f, const char *name, size_t i, size_t count)
{
    int lines[LIST_MAX + 1];
    bool known = f->source && i <= LIST_MAX &&
                 source_items(f->source, name, lines, LIST_MAX + 1) == count + 1;
    return known ? lines[i] : 0;
}

char *alerts_copy(lua_State *L, const char *text)
{
    char *made = strdup(text);
    if (!made) luaL_error(L, "out of memory");
    return made;
}

/* One more zeroed item at the end of *items; counted by the caller. */
void *alerts_grow(lua_State *L, void **items, size_t count, size_t size)
{
    void *more = realloc(*items, (count + 1) * size);
    if (!more) luaL_error(L, "out of memory");
    *items = more;
    return memset((char *)more + count * size, 0, size);
}

/* ---- lists of texts ---- */

/* Calls take(into, text) for each text of the list `field`; anything else in it is a fault. */
static void each_text(struct fields *f, const char *field, const char *expected,
                      void (*take)(struct fields *f, const char *field, const char *text,
                                   void *into),
                      void *into)
{
    lua_State *L = f->L;
    if (fields_push(f, field, TABLE, expected) == LUA_TNIL) return;
    int table = lua_gettop(L);
    size_t count = lua_rawlen(L, table), keys = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        keys++;
    if (keys != count || count > LIST_MAX) {
        fields_fault(f, field, "%s must be %s", field, expected);
        count = 0;
    }
    for (size_t i = 1; i <= count; i++) {
        if (lua_rawgeti(L, table, (lua_Integer)i) == LUA_TSTRING)
            take(f, field, lua_tostring(L, -1), into);
        else
            fields_fault(f, field, "%s must be %s", field, expected);
        lua_pop(L, 1);
    }
    lua_settop(L, table - 1);
}

struct text_list {
    char ***items;
    size_t *count;
};

static void take_text(struct fields *f, const char *field, const char *text, void *into)
{
    (void)field;
    struct text_list *list = into;
    char **slot = alerts_grow(f->L, (void **)list->items, *list->count, sizeof(char *));
    *slot = alerts_copy(f->L, text);
    ++*list->count;
}

static void take_matcher(struct fields *f, const char *field, const char *text, void *into)
{
    struct fault fault;
    int code = matchers_add(into, text, &fault);
    if (code == ERR_NOMEM) luaL_error(f->L, "out of memory");
    if (code < 0) fields_fault(f, field, "%s", fault.text);
}

void alerts_matchers(struct fields *f, const char *field, struct matchers *into)
{
    each_text(f, field, "a list of matchers: { \"environment=prod\" }", take_matcher, into);
}

void alerts_texts(struct fields *f, const char *field, char ***items, size_t *count)
{
    struct text_list list = {items, count};
    each_text(f, field, "a list of names", take_text, &list);
}

/* ---- receivers ---- */

static const char *const receiver_common[] = {"type", "send_resolved", "rate", NULL};

/* The table at the top as JSON, without the fields that every receiver has. */
static char *fields_json(struct fields *f, const char *field)
{
    lua_State *L = f->L;
    struct strbuf json;
    struct fault fault;
    int table = lua_gettop(L);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        bool common = false;
        for (int i = 0; receiver_common[i] && lua_type(L, -2) == LUA_TSTRING; i++)
            common = common || strcmp(receiver_common[i], lua_tostring(L, -2)) == 0;
        if (common) continue;
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, table + 1);
    }
    strbuf_init(&json, RECEIVER_JSON_MAX);
    int code = convert_to_json(L, table + 1, field, &json, &fault);
    char *made = code == OK ? strbuf_take(&json, NULL) : NULL;
    strbuf_done(&json);
    lua_settop(L, table);
    if (code < 0)
        fields_fault(f, field, "%s", fault.text);
    else if (!made)
        luaL_error(L, "out of memory");
    return made;
}

static void read_receiver(struct alerts_reading *r, struct fields *list, const char *name)
{
    struct fields f;
    lua_State *L = list->L;
    struct notify_settings *settings = r->settings;
    if (strlen(name) > NAME_MAX_BYTES || settings->receiver_count == RECEIVERS_MAX) {
        fields_fault(list, name, "at most %d receivers, with names of at most %d bytes",
                     RECEIVERS_MAX, NAME_MAX_BYTES);
        return;
    }
    fields_inside(&f, list, -1, "configuration: alerts.receivers", name);
    struct receiver_settings *receiver =
        alerts_grow(L, (void **)&settings->receivers, settings->receiver_count, sizeof *receiver);
    settings->receiver_count++;
    receiver->name = alerts_copy(L, name);
    const char *type = fields_string(&f, "type", OPTIONAL);
    if (!type && !f.failed) fields_fault(list, name, "%s needs a type", name);
    receiver->type = alerts_copy(L, type ? type : "");
    receiver->send_resolved = fields_boolean(&f, "send_resolved", true);
    receiver->rate_per_s = fields_number(&f, "rate", 0.001, 1000, 1);
    receiver->json = fields_json(list, name);
    if (!receiver->json) receiver->json = alerts_copy(L, "{}");
}

/* Calls read(r, f, name) for each named table of `field`, with the table on the top. */
static void each_named(struct alerts_reading *r, struct fields *f, const char *field,
                       const char *expected,
                       void (*read)(struct alerts_reading *r, struct fields *f, const char *name))
{
    lua_State *L = f->L;
    if (fields_push(f, field, TABLE, expected) == LUA_TNIL) return;
    struct fields list;
    int table = lua_gettop(L);
    fields_inside(&list, f, table, "configuration: alerts", field);
    for (lua_pushnil(L); lua_next(L, table); lua_settop(L, table + 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_istable(L, -1))
            read(r, &list, lua_tostring(L, -2));
        else
            fields_fault(f, field, "%s must be %s", field, expected);
    }
    lua_settop(L, table - 1);
}

/* ---- mute windows ---- */

static const struct vm_field window_fields[] = {
    {"cron", "string", "When it begins."},
    {"duration", "duration", "How long it lasts."},
    {"timezone", "string?", "A name of the system's zone files; UTC."},
    {NULL, NULL, NULL}};
const struct vm_docs config_window_fields_docs = {DOCS_CLASS,  "config.window",
                                                  DOCS_CONFIG, "Times in which a route is silent.",
                                                  NULL,        window_fields};

static void read_window(struct fields *f, struct mute_settings *mute)
{
    struct fault fault;
    struct zone *zone = NULL;
    struct cron cron;
    fields_documented(f, window_fields);
    const char *text = fields_string(f, "cron", REQUIRED);
    int64_t duration_ms = fields_duration(f, "duration", REQUIRED, WINDOW_MIN_MS);
    const char *zone_text = fields_string(f, "timezone", OPTIONAL);
    if (text && cron_parse(text, &cron, &fault) < 0) {
        fields_fault(f, "cron", "%s", fault.text);
        text = NULL;
    }
    if (duration_ms < WINDOW_MIN_MS || duration_ms > (int64_t)WINDOW_HOURS_MAX * 3600 * 1000)
        fields_fault(f, "duration", "duration must be from 1m to %dh", WINDOW_HOURS_MAX);
    if (!text || f->failed) return;
    struct window *window =
        alerts_grow(f->L, (void **)&mute->windows, mute->window_count, sizeof *window);
    if (zone_text && zone_open(zone_text, &zone, &fault) < 0) {
        fields_fault(f, "timezone", "%s", fault.text);
        return;
    }
    *window = (struct window){.cron = cron, .duration_ms = duration_ms, .zone = zone};
    mute->window_count++;
}

static void read_mute(struct alerts_reading *r, struct fields *list, const char *name)
{
    lua_State *L = list->L;
    int table = lua_gettop(L);
    if (r->settings->mute_count == MUTES_MAX) {
        fields_fault(list, name, "at most %d kinds of mute windows", MUTES_MAX);
        return;
    }
    struct mute_settings *mute =
        alerts_grow(L, (void **)&r->settings->mutes, r->settings->mute_count, sizeof *mute);
    r->settings->mute_count++;
    mute->name = alerts_copy(L, name);
    size_t count = lua_rawlen(L, table);
    if (count == 0)
        fields_fault(list, name,
                     "%s must be a list of { cron = ..., duration = ..., timezone = ... }", name);
    for (size_t i = 1; i <= count && i <= LIST_MAX; i++) {
        struct fields f;
        if (lua_rawgeti(L, table, (lua_Integer)i) == LUA_TTABLE) {
            fields_inside(&f, list, -1, "configuration: alerts.mute", name);
            f.line = item_line(list, name, i, count);
            read_window(&f, mute);
        } else {
            fields_fault(list, name, "%s must be a list of tables", name);
        }
        lua_settop(L, table);
    }
}

/* ---- inhibition ---- */

static const struct vm_field inhibit_fields[] = {
    {"source", "string[]", "Matchers."},
    {"target", "string[]", "Matchers."},
    {"equal", "string[]?", "Labels that both must have the same."},
    {NULL, NULL, NULL}};
const struct vm_docs config_inhibit_fields_docs = {
    DOCS_CLASS,  "config.inhibit",
    DOCS_CONFIG, "While an alert of source fires, those of target are not told.",
    NULL,        inhibit_fields};

static void read_inhibit(struct alerts_reading *r, struct fields *f)
{
    lua_State *L = f->L;
    if (fields_push(f, "inhibit", TABLE, "a list of rules") == LUA_TNIL) return;
    int table = lua_gettop(L);
    size_t count = lua_rawlen(L, table);
    if (count > INHIBIT_RULES_MAX)
        fields_fault(f, "inhibit", "at most %d rules of inhibition", INHIBIT_RULES_MAX);
    for (size_t i = 1; i <= count && i <= INHIBIT_RULES_MAX; i++) {
        struct fields inner;
        if (lua_rawgeti(L, table, (lua_Integer)i) != LUA_TTABLE) {
            fields_fault(f, "inhibit", "inhibit must be a list of { source, target, equal }");
            break;
        }
        struct inhibit_settings *rule = alerts_grow(L, (void **)&r->settings->inhibits,
                                                    r->settings->inhibit_count, sizeof *rule);
        r->settings->inhibit_count++;
        fields_inside(&inner, f, -1, "configuration: alerts.inhibit", "inhibit");
        inner.line = item_line(f, "inhibit", i, count);
        fields_documented(&inner, inhibit_fields);
        alerts_matchers(&inner, "source", &rule->source);
        alerts_matchers(&inner, "target", &rule->target);
        alerts_texts(&inner, "equal", &rule->equal, &rule->equal_count);
        if (rule->source.count == 0 || rule->target.count == 0)
            fields_fault(&inner, NULL, "a rule of inhibition needs matchers in source and target");
        lua_settop(L, table);
    }
    lua_settop(L, table - 1);
}

/* ---- all of it ---- */

static const struct vm_field alerts_fields[] = {
    {"receivers", "table<string, config.receiver>?", "By name."},
    {"route", "string|config.route?", "A receiver's name, or a tree."},
    {"mute", "table<string, config.window[]>?", "Windows by name."},
    {"inhibit", "config.inhibit[]?", "Rules."},
    {"heartbeat", "table?", "{ url }: asked at the end of each tick."},
    {"templates", "string?", "A directory with message.lua."},
    {"send_simulated", "boolean?", "A simulated world sends its messages, too."},
    {NULL, NULL, NULL}};
const struct vm_docs config_alerts_fields_docs = {
    DOCS_CLASS, "config.alerts", DOCS_CONFIG, "Who is told of which alerts, and when.",
    NULL,       alerts_fields};

/* Its other fields are those of the type, which src/prelude/receiver_*.lua document. */
static const struct vm_field receiver_fields[] = {
    {"type", "string", "\"slack\", \"pagerduty\", \"email\", ..., or one of your own."},
    {"send_resolved", "boolean?", "Whether the end of an alert is told; true."},
    {"rate", "number?", "Messages a second at most; 1."},
    {"[string]", "any", "A field of the type: docs/alerts.md."},
    {NULL, NULL, NULL}};
const struct vm_docs config_receiver_docs = {
    DOCS_CLASS, "config.receiver", DOCS_CONFIG, "Somebody who is told.", NULL, receiver_fields};

void config_read_alerts(struct config_reading *reading)
{
    struct fields f;
    lua_State *L = reading->root.L;
    struct notify_settings *settings = &reading->config->alerts;
    struct alerts_reading r = {.settings = settings};
    if (fields_push(&reading->root, "alerts", TABLE, "a table") == LUA_TNIL) return;
    fields_inside(&f, &reading->root, -1, "configuration: alerts", "alerts");
    fields_documented(&f, alerts_fields);
    each_named(&r, &f, "receivers", "named tables: name = { type = ... }", read_receiver);
    each_named(&r, &f, "mute", "named lists: nights = { { cron = ..., duration = ... } }",
               read_mute);
    alerts_routes(&r, &f);
    read_inhibit(&r, &f);
    if (fields_push(&f, "heartbeat", TABLE, "{ url = ... }") != LUA_TNIL) {
        settings->heartbeat_json = fields_json(&f, "heartbeat");
        lua_pop(L, 1);
    }
    const char *templates = fields_string(&f, "templates", OPTIONAL);
    if (templates && !(settings->templates_dir = fs_join(reading->config->dir, templates)))
        luaL_error(L, "out of memory");
    settings->send_simulated = fields_boolean(&f, "send_simulated", false);
    lua_settop(L, f.at - 1);
}
