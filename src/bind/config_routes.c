/* bind/config_routes.c - the tree of routes of `alerts`, with the lines where they stand. */
#include "config_alerts.h"

#include <string.h>

enum { TABLE = 1 << LUA_TTABLE, STRING = 1 << LUA_TSTRING };

static void check_receiver(const struct alerts_reading *r, struct fields *f, const char *field,
                           const char *name)
{
    const char *names[RECEIVERS_MAX + 1];
    size_t count = r->settings->receiver_count;
    if (notify_receiver(r->settings, name)) return;
    for (size_t i = 0; i < count; i++)
        names[i] = r->settings->receivers[i].name;
    names[count] = NULL;
    fields_fault(f, field, "there is no receiver '%s'%s", name, fields_hint(name, names).text);
}

static void check_mutes(const struct alerts_reading *r, struct fields *f, const struct route *route)
{
    for (size_t i = 0; i < route->mute_count; i++)
        if (!notify_mute(r->settings, route->mute[i]))
            fields_fault(f, "mute", "there are no mute windows '%s'", route->mute[i]);
}

static int64_t interval(struct fields *f, const char *field)
{
    return fields_duration(f, field, OPTIONAL, -1);
}

static void read_route(struct alerts_reading *r, struct fields *f, struct route *route, int depth);

static void read_children(struct alerts_reading *r, struct fields *f, struct route *route,
                          int depth)
{
    lua_State *L = f->L;
    size_t count = lua_rawlen(L, f->at);
    for (size_t i = 1; i <= count; i++) {
        struct fields inner;
        int type = lua_rawgeti(L, f->at, (lua_Integer)i);
        if (type != LUA_TTABLE || depth == ROUTE_DEPTH_MAX || r->routes == ROUTES_MAX) {
            struct fields at = *f;
            at.line = r->lines ? r->lines[route->number] : 0;
            fields_fault(&at, NULL, "a route holds routes, at most %d deep and %d in all",
                         ROUTE_DEPTH_MAX, ROUTES_MAX);
            lua_pop(L, 1);
            return;
        }
        fields_inside(&inner, f, -1, "configuration: alerts.route", "route");
        inner.line = r->lines ? r->lines[r->routes] : 0;
        struct route *child =
            alerts_grow(L, (void **)&route->children, route->child_count, sizeof *child);
        route->child_count++;
        read_route(r, &inner, child, depth + 1);
        lua_pop(L, 1);
    }
}

static const struct vm_field route_fields[] = {
    {"matchers", "string[]?", "\"severity=high\", \"type=~api_.*\"; all must match."},
    {"receiver", "string?", "Who is told."},
    {"group_by", "string[]?",
     "Labels; alerts with equal ones are told together. { \"...\" }: each by itself."},
    {"group_wait", "duration?", "Until the first message of a group; 30s."},
    {"group_interval", "duration?", "Between two messages in which something changed; 5m."},
    {"repeat_interval", "duration?", "Until it is said again; 4h."},
    {"mute", "string[]?", "Names of mute windows."},
    {"continue", "boolean?", "Whether the routes behind it are tried too."},
    {"[integer]", "config.route", "A route inside of it."},
    {NULL, NULL, NULL}};
const struct vm_docs config_route_fields_docs = {
    DOCS_CLASS,  "config.route",
    DOCS_CONFIG, "Which alerts go where; routes inside of it stand in it as a list.",
    NULL,        route_fields};

/* A fault for each key that is neither known nor of the list of children. */
static void check_route_fields(struct fields *f)
{
    lua_State *L = f->L;
    lua_newtable(L);
    int named = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, f->at); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) continue;
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, named);
    }
    struct fields own = *f;
    own.at = named;
    fields_documented(&own, route_fields);
    lua_settop(L, named - 1);
}

static void read_route(struct alerts_reading *r, struct fields *f, struct route *route, int depth)
{
    luaL_checkstack(f->L, 20, "alerts.route");
    check_route_fields(f);
    route->line = r->lines ? r->lines[r->routes] : 0;
    route->number = r->routes++;
    alerts_matchers(f, "matchers", &route->matchers);
    const char *receiver = fields_string(f, "receiver", OPTIONAL);
    if (receiver) {
        route->receiver = alerts_copy(f->L, receiver);
        check_receiver(r, f, "receiver", receiver);
    }
    alerts_texts(f, "group_by", &route->group_by, &route->group_by_count);
    route->group_wait_ms = interval(f, "group_wait");
    route->group_interval_ms = interval(f, "group_interval");
    route->repeat_interval_ms = interval(f, "repeat_interval");
    alerts_texts(f, "mute", &route->mute, &route->mute_count);
    check_mutes(r, f, route);
    route->goes_on = fields_boolean(f, "continue", false);
    read_children(r, f, route, depth);
}

/* The tables of the tree at the top, up to the limits that reading has. */
static size_t count_routes(lua_State *L, int depth)
{
    size_t count = 1, children = lua_rawlen(L, -1);
    luaL_checkstack(L, 4, "alerts.route");
    for (size_t i = 1; i <= children && depth <= ROUTE_DEPTH_MAX && count <= ROUTES_MAX; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i) == LUA_TTABLE) count += count_routes(L, depth + 1);
        lua_pop(L, 1);
    }
    return count;
}

/* Where each route stands, when the file spells all of them out in one table. */
static void find_lines(struct alerts_reading *r, struct fields *f)
{
    size_t count = count_routes(f->L, 0);
    if (!f->source || count > ROUTES_MAX) return;
    /* Lua's, as reading may throw */
    r->lines = lua_newuserdatauv(f->L, ROUTES_MAX * sizeof *r->lines, 0);
    lua_insert(f->L, -2);
    if (source_items(f->source, "route", r->lines, ROUTES_MAX) != count) r->lines = NULL;
}

/* A name alone is a route with that receiver; without a route, one receiver gets everything. */
void alerts_routes(struct alerts_reading *r, struct fields *f)
{
    static const char expected[] = "a receiver's name, or { receiver = ..., { matchers = ... } }";
    struct route *root = &r->settings->root;
    struct fields inner;
    int type = fields_push(f, "route", TABLE | STRING, expected);
    if (type == LUA_TNIL) {
        if (r->settings->receiver_count == 1)
            root->receiver = alerts_copy(f->L, r->settings->receivers[0].name);
        else if (r->settings->receiver_count > 1)
            fields_fault(f, "receivers", "alerts needs a route: which receiver is told what");
        return;
    }
    if (type == LUA_TSTRING) {
        root->receiver = alerts_copy(f->L, lua_tostring(f->L, -1));
        check_receiver(r, f, "route", root->receiver);
    } else {
        fields_inside(&inner, f, -1, "configuration: alerts.route", "route");
        find_lines(r, f);
        inner.at = lua_gettop(f->L);
        read_route(r, &inner, root, 0);
        if (root->matchers.count > 0)
            fields_fault(&inner, "matchers", "the first route matches everything");
        if (!root->receiver) fields_fault(f, "route", "the first route needs a receiver");
    }
    lua_settop(f->L, f->at);
}
