/* bind/aws_error.c - failed calls as error objects.
 *
 *   err.code, err.message, err.status, err.request_id, err.retryable, err.service, err.operation
 *   err.action    what IAM calls it: "ecs:DescribeServices"
 *   err.kind      what sort of failure it is: "Denied", "Throttled", "Server", "Timeout", ...
 *   err.fields    what else the service says of this error, as its model has it; or nil
 *
 * tostring(err) is one line: "ecs:describe_services: ClusterNotFoundException: Cluster not found.
 * (HTTP 400, request 12ab)". */
#include "aws.h"

#include "moontide/aws/retry.h"

#include <string.h>

/* Where IAM's prefix is not the service's name here. Source: Service Authorization Reference. */
const char *aws_action(const struct model *model, const struct operation *operation,
                       char out[ACTION_MAX])
{
    static const char *const prefixes[][2] = {{"elbv2", "elasticloadbalancing"}, {"sesv2", "ses"}};
    const char *prefix = model->service;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (strcmp(prefix, prefixes[i][0]) == 0) prefix = prefixes[i][1];
    snprintf(out, ACTION_MAX, "%s:%s", prefix, operation->name);
    return out;
}

static void set_names(lua_State *L, const struct aws_client *client,
                      const struct operation *operation)
{
    lua_pushstring(L, client->model->service);
    lua_setfield(L, -2, "service");
    lua_pushstring(L, operation->snake);
    lua_setfield(L, -2, "operation");
    char action[ACTION_MAX];
    lua_pushstring(L, aws_action(client->model, operation, action));
    lua_setfield(L, -2, "action");
}

/* Past "ecs list_clusters: " or "list_clusters: ", as this is said again. */
static const char *without_names(const char *text, const char *service, const char *operation)
{
    size_t service_len = strlen(service), len = strlen(operation);
    const char *at = text;
    if (strncmp(at, service, service_len) == 0 && at[service_len] == ' ') at += service_len + 1;
    return strncmp(at, operation, len) == 0 && at[len] == ':' && at[len + 1] == ' ' ? at + len + 2
                                                                                    : text;
}

int aws_raise_fault(lua_State *L, const struct aws_client *client,
                    const struct operation *operation, const struct fault *fault)
{
    luaL_checkstack(L, 8, "error");
    const char *text = without_names(fault->text, client->model->service, operation->snake);
    if (fault->code == ERR_DENIED && client->options.dry_run)
        lua_pushliteral(L, "DryRun");
    else
        push_error_code(L, fault->code);
    vm_push_error(L, lua_tostring(L, -1), text);
    lua_pushfstring(L, "%s:%s: %s", client->model->service, operation->snake, text);
    lua_setfield(L, -2, "text");
    lua_pushboolean(L, err_retryable(fault->code));
    lua_setfield(L, -2, "retryable");
    push_error_code(L, fault->code);
    lua_setfield(L, -2, "kind");
    set_names(L, client, operation);
    return lua_error(L);
}

static void set_judgement(lua_State *L, const struct wire_response *response, const char *code)
{
    struct retry_judgement judgement;
    struct http_response answer = {.code = OK,
                                   .status = response->status,
                                   .headers = response->headers,
                                   .header_count = response->header_count,
                                   .body = response->body,
                                   .body_len = response->body_len};
    retry_judge(&answer, code, &judgement);
    lua_pushboolean(L, judgement.kind != RETRY_NOT);
    lua_setfield(L, -2, "retryable");
    push_error_code(L, judgement.code);
    lua_setfield(L, -2, "kind");
}

/* A message of several lines, on one. */
static void push_line(lua_State *L, const char *text)
{
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (; *text; text++) {
        bool control = (unsigned char)*text < 0x20;
        luaL_addchar(&line, control ? ' ' : *text);
    }
    luaL_pushresult(&line);
}

/* Whether the table at idx holds more than the message, which the error has already. */
static bool says_more(lua_State *L, int idx)
{
    for (lua_pushnil(L); lua_next(L, idx);) {
        lua_pop(L, 1);
        const char *name = lua_tostring(L, -1); /* a string: the name of a member */
        if (strcasecmp(name, "message") == 0) continue;
        lua_pop(L, 1);
        return true;
    }
    return false;
}

void aws_push_error(lua_State *L, const struct aws_client *client,
                    const struct operation *operation, const struct wire_response *response,
                    const struct service_error *error)
{
    luaL_checkstack(L, 10, "error");
    int fields = lua_gettop(L);
    vm_push_error(L, error->code, error->message);
    lua_pushinteger(L, response->status);
    lua_setfield(L, -2, "status");
    if (*error->request_id) {
        lua_pushstring(L, error->request_id);
        lua_setfield(L, -2, "request_id");
    }
    set_judgement(L, response, error->code);
    set_names(L, client, operation);
    push_line(L, error->message);
    const char *message = lua_tostring(L, -1);
    lua_pushfstring(L, "%s:%s: %s%s%s (HTTP %d%s%s)", client->model->service, operation->snake,
                    error->code, *message ? ": " : "", message, response->status,
                    *error->request_id ? ", request " : "", error->request_id);
    lua_setfield(L, -3, "text");
    lua_pop(L, 1);
    if (says_more(L, fields)) {
        lua_pushvalue(L, fields);
        lua_setfield(L, -2, "fields");
    }
    lua_replace(L, fields);
}
