/* bind/aws_help.c - what a client can do, for a person at the REPL. */
#include "aws.h"

#include <string.h>

enum {
    HELP_BYTES_MAX = 256 * 1024,
    HELP_DEPTH_MAX = 4,   /* of parameters */
    RESULT_DEPTH_MAX = 2, /* of results, which may be read off an answer as well */
    HELP_MEMBERS_MAX = 400,
    ENUM_SHOWN = 8
};

/* client:operations(): their names, sorted. */
int aws_operations(lua_State *L)
{
    const struct model *model = aws_check_client(L, 1)->model;
    lua_createtable(L, (int)model->operation_count, 0);
    for (uint32_t i = 0; i < model->operation_count; i++) {
        lua_pushstring(L, model->operations[i].snake);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

struct help {
    struct strbuf *out;
    const struct shape *path[HELP_DEPTH_MAX]; /* the structures that we are inside of */
    int depth, depth_max, left;
};

static const char *type_name(const struct shape *shape)
{
    switch (shape->type) {
    case SHAPE_STRUCTURE: return shape->is_union ? "one of" : "table";
    case SHAPE_LIST: return "list of";
    case SHAPE_MAP: return "map of";
    case SHAPE_STRING: return "string";
    case SHAPE_INTEGER: return "integer";
    case SHAPE_FLOAT: return "number";
    case SHAPE_BOOLEAN: return "boolean";
    case SHAPE_BLOB: return "bytes";
    case SHAPE_TIMESTAMP: return "time";
    case SHAPE_DOCUMENT: return "any value";
    }
    return "?";
}

static void put_enum(struct strbuf *out, const char *const *values)
{
    int n = 0;
    for (; values && values[n] && n < ENUM_SHOWN; n++)
        strbuf_addf(out, "%s\"%s\"", n ? " | " : ": ", values[n]);
    if (values && values[n]) strbuf_adds(out, " | ...");
}

/* "list of table"; the innermost shape, whose members are worth a look. */
static const struct shape *put_type(struct strbuf *out, const struct shape *shape)
{
    for (int i = 0; i < HELP_DEPTH_MAX; i++) {
        strbuf_adds(out, type_name(shape));
        if (shape->type != SHAPE_LIST && shape->type != SHAPE_MAP) break;
        strbuf_addc(out, ' ');
        shape = shape->item->shape;
    }
    if (shape->type == SHAPE_STRING) put_enum(out, shape->enum_values);
    return shape;
}

static void put_members(struct help *help, const struct shape *shape)
{
    int width = 0;
    if (help->depth == help->depth_max) return;
    for (int i = 0; i < help->depth; i++)
        if (help->path[i] == shape) return; /* it contains itself */
    for (uint32_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].name_len > width) width = shape->members[i].name_len;
    if (width > 40) width = 40;
    help->path[help->depth++] = shape;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        if (help->left-- <= 0) break;
        strbuf_addf(help->out, "%*s%-*s  ", 2 * help->depth, "", width, member->name);
        const struct shape *inner = put_type(help->out, member->shape);
        strbuf_adds(help->out, member->required ? ", required\n" : "\n");
        if (inner->type == SHAPE_STRUCTURE) put_members(help, inner);
    }
    help->depth--;
}

void aws_help_operation(struct strbuf *out, const char *service, const struct operation *operation)
{
    struct help help = {.out = out, .depth_max = HELP_DEPTH_MAX, .left = HELP_MEMBERS_MAX};
    strbuf_addf(out, "%s:%s { ... }%s%s\n", service ? service : "client", operation->snake,
                operation->read_only ? "" : "   (changes something)",
                operation->pagination ? "   (comes in pages)" : "");
    if (operation->input && operation->input->member_count > 0)
        put_members(&help, operation->input);
    else
        strbuf_adds(out, "  no parameters\n");
    if (!operation->output || operation->output->member_count == 0) return;
    strbuf_adds(out, "gives\n");
    help.left = HELP_MEMBERS_MAX;
    help.depth_max = RESULT_DEPTH_MAX;
    put_members(&help, operation->output);
    if (help.left <= 0) strbuf_adds(out, "  ...\n");
}

void aws_help_client(struct strbuf *out, const struct model *model)
{
    strbuf_addf(out, "%s: client:help(\"operation\") tells more of one\n", model->service_id);
    for (uint32_t i = 0; i < model->operation_count; i++)
        strbuf_addf(out, "  %s\n", model->operations[i].snake);
    for (uint32_t i = 0; i < model->waiter_count; i++)
        strbuf_addf(out, "  client:wait(\"%s\", ...)\n", model->waiters[i].snake);
}

/* client:help([operation]): prints. */
int aws_help(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    lua_settop(L, 2);
    struct strbuf *out = push_buffer(L, HELP_BYTES_MAX);
    if (lua_isnoneornil(L, 2))
        aws_help_client(out, client->model);
    else
        aws_help_operation(out, client->model->service,
                           aws_operation(L, client, check_text(L, 2, "help: the operation")));
    if (strbuf_status(out) < 0) return luaL_error(L, "help: out of memory");
    size_t len = out->len;
    while (len > 0 && out->data[len - 1] == '\n')
        len--;
    lua_getglobal(L, "print");
    lua_pushlstring(L, strbuf_cstr(out), len);
    lua_call(L, 1, 0);
    return 0;
}

static void put_metric(void *data, const struct client_metrics *metrics)
{
    lua_State *L = data;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"calls", metrics->calls},
                  {"attempts", metrics->attempts},
                  {"retries", metrics->retries},
                  {"throttles", metrics->throttles},
                  {"failures", metrics->failures}};
    const struct {
        const char *name;
        double value;
    } times[] = {
        {"p50_ms", metrics->p50_ms}, {"p90_ms", metrics->p90_ms}, {"p99_ms", metrics->p99_ms}};
    lua_createtable(L, 0, 8);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        lua_pushinteger(L, (lua_Integer)counts[i].value);
        lua_setfield(L, -2, counts[i].name);
    }
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        lua_pushnumber(L, times[i].value);
        lua_setfield(L, -2, times[i].name);
    }
    lua_setfield(L, -2, metrics->operation);
}

/* client:metrics(): by operation. */
int aws_metrics(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    lua_newtable(L);
    if (client->client) client_each_metric(client->client, put_metric, L);
    return 1;
}
