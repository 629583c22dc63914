/* bind/aws_call.c - one call of an operation, which waits:
 *
 *   client:describe_services { cluster = "gm-tool-prod", services = { "api" } }
 *
 * and the same in two halves that are pure: client:serialize(operation, params) and
 * client:parse(operation, { status, headers, body }). */
#include "aws.h"

#include "moontide/base/log.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char BOX_TYPE[] = "moontide.aws.call";

enum {
    CHARGE_BYTES = 8, /* of an answer, for one instruction */
    REQUEST_ID_MAX = 128,
    OTHERS_MAX = 2, /* protocols after the first one, of one call */
};

/* Owns one call; the answer is kept here until the task goes on. */
struct call_box {
    struct vm *vm;
    uint64_t wait_id;
    struct aws_client *client; /* the box's user value keeps it */
    struct model *model;       /* in the protocol of this request; retained */
    const struct operation *operation;
    struct client_call *call; /* NULL: not under way */
    bool attempt;             /* an error of the service is an answer */
    void *tag;                /* of the task, when its calls are recorded */
    size_t record;
    int others; /* protocols that were tried before */
    int code;
    struct fault fault;
    struct wire_response response;
    char *bytes;           /* what response points into */
    struct strbuf scratch; /* of the parser */
};

static int box_close(lua_State *L)
{
    struct call_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    if (box->call) client_cancel(box->call);
    box->call = NULL;
    model_release(box->model);
    box->model = NULL;
    free(box->bytes);
    box->bytes = NULL;
    strbuf_done(&box->scratch);
    return 0;
}

static struct call_box *box_new(lua_State *L, struct aws_client *client,
                                const struct operation *operation)
{
    struct call_box *box = lua_newuserdatauv(L, sizeof *box, 1);
    memset(box, 0, sizeof *box);
    box->vm = vm_of(L);
    box->client = client;
    box->model = model_retain(client->model);
    box->operation = operation;
    strbuf_init(&box->scratch, (size_t)4 * WIRE_BODY_MAX);
    task_box(L, BOX_TYPE, box_close);
    return box;
}

/* One block: the array of headers, their texts, the body. */
static int keep_response(struct call_box *box, const struct wire_response *from)
{
    size_t size = from->header_count * sizeof(struct http_header) + from->body_len + 1;
    for (size_t i = 0; i < from->header_count; i++)
        size += strlen(from->headers[i].name) + strlen(from->headers[i].value) + 2;
    box->bytes = malloc(size);
    if (!box->bytes) return ERR_NOMEM;
    struct http_header *headers = (struct http_header *)(void *)box->bytes;
    char *at = (char *)(headers + from->header_count);
    for (size_t i = 0; i < from->header_count; i++) {
        size_t name = strlen(from->headers[i].name) + 1;
        size_t value = strlen(from->headers[i].value) + 1;
        headers[i].name = memcpy(at, from->headers[i].name, name);
        headers[i].value = memcpy(at + name, from->headers[i].value, value);
        at += name + value;
    }
    if (from->body_len) memcpy(at, from->body, from->body_len);
    at[from->body_len] = '\0';
    box->response = (struct wire_response){.status = from->status,
                                           .headers = headers,
                                           .header_count = from->header_count,
                                           .body = at,
                                           .body_len = from->body_len};
    return OK;
}

static void find_request_id(const struct wire_response *response, char out[REQUEST_ID_MAX])
{
    *out = '\0';
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *header = &response->headers[i];
        if (strcmp(header->name, "x-amzn-requestid") != 0 &&
            strcmp(header->name, "x-amz-request-id") != 0)
            continue;
        snprintf(out, REQUEST_ID_MAX, "%s", header->value);
        return;
    }
    static const char mark[] = "<RequestId>"; /* of the query protocol's answers */
    const char *at = response->body_len
                         ? memmem(response->body, response->body_len, mark, sizeof mark - 1)
                         : NULL;
    if (!at) return;
    at += sizeof mark - 1;
    size_t left = (size_t)(response->body + response->body_len - at), len = 0;
    while (len < left && len < REQUEST_ID_MAX - 1 && at[len] != '<')
        len++;
    snprintf(out, REQUEST_ID_MAX, "%.*s", (int)len, at);
}

static const struct binding *owner_of(const struct call_box *box)
{
    return vm_owner(box->vm);
}

static void record_begin(lua_State *L, struct call_box *box)
{
    const struct binding *binding = owner_of(box);
    char action[ACTION_MAX];
    box->tag = binding->on_call ? task_tag(L) : NULL;
    if (!box->tag) return;
    struct call_record record = {.action = aws_action(box->client->model, box->operation, action),
                                 .read_only = box->operation->read_only};
    box->record = binding->on_call(box->tag, 0, &record);
}

static void record_end(const struct call_box *box, const struct client_result *result)
{
    char request_id[REQUEST_ID_MAX];
    if (!box->tag) return;
    find_request_id(&result->response, request_id);
    struct call_record record = {
        .ended = true, .effect = result->sent && !result->refused, .request_id = request_id};
    owner_of(box)->on_call(box->tag, box->record, &record);
}

static void on_done(void *data, const struct client_result *result)
{
    struct call_box *box = data;
    box->call = NULL;
    record_end(box, result);
    box->code = result->code;
    box->fault = result->fault;
    if (result->code == OK && keep_response(box, &result->response) < 0)
        box->code = fault_set(&box->fault, ERR_NOMEM, "out of memory");
    task_wake(box->vm, box->wait_id);
}

/* Pushes the result and answers true, or the error object and false; throws for an answer that is
 * none. client_idx: for the names of its members. */
static bool push_parsed(lua_State *L, int client_idx, const struct model *model,
                        const struct operation *operation, const struct wire_response *response,
                        struct strbuf *scratch)
{
    const struct aws_client *client = lua_touserdata(L, client_idx);
    struct lua_writer writer;
    struct service_error error;
    struct fault fault;
    luaL_checkstack(L, 8, "parsing");
    vm_charge(L, response->body_len / CHARGE_BYTES);
    lua_getiuservalue(L, client_idx, CLIENT_KEYS);
    lua_writer_init(&writer, L, -1);
    int code = protocol_parse(model, operation, response, &writer.writer, scratch, &error, &fault);
    if (code == OK) return true;
    if (code != ERR_HTTP) aws_raise_fault(L, client, operation, &fault);
    aws_push_error(L, client, operation, response, &error);
    return false;
}

static int start(lua_State *L, const struct operation *operation, bool attempt, int others);

static void settle(struct aws_client *client)
{
    client->settled = true;
    if (client->model->protocol == client->first->protocol) return;
    log_event(LOG_INFO, "aws.protocol", LOG_S("service", client->model->service),
              LOG_S("endpoint", client_endpoint(client->client)),
              LOG_S("protocol", protocol_name(client->model->protocol)));
}

/* Whether the answer is of somebody who does not know the protocol that was spoken: then the client
 * speaks the next one of its model. As the collector of CloudWatch has it: who is overloaded (429,
 * 5xx) says nothing about protocols, and none is kept before an answer has come in it, so that a
 * proxy's page changes nothing for good. */
static bool must_ask_otherwise(struct call_box *box)
{
    struct aws_client *client = box->client;
    enum protocol_kind spoken = box->model->protocol, next;
    bool current = client->model->protocol == spoken;
    if (protocol_speaks(spoken, &box->response)) {
        if (current && !client->settled) settle(client);
        return false;
    }
    if (box->response.status == 429 || box->response.status >= 500) return false;
    if (!current) return box->others < OTHERS_MAX; /* another call has found out already */
    if (client->settled) return false;
    if (model_next_protocol(box->model, &next)) return aws_speak(client, next) == OK;
    (void)!aws_speak(client, client->first->protocol); /* in vain: from the start next time */
    return false;
}

/* Stack: 1 the client, 2 the parameters, box_idx the box. */
static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    struct call_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    if (box->code != OK) return aws_raise_fault(L, box->client, box->operation, &box->fault);
    if (must_ask_otherwise(box)) return start(L, box->operation, box->attempt, box->others + 1);
    if (push_parsed(L, 1, box->model, box->operation, &box->response, &box->scratch)) return 1;
    if (!box->attempt) return lua_error(L);
    lua_pushnil(L);
    lua_insert(L, -2);
    lua_pushinteger(L, box->response.status);
    return 3;
}

/* A UUID of version 4. */
static void make_token(void *data, char out[37])
{
    unsigned char bytes[16];
    (void)data;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) memset(bytes, 0, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        at += snprintf(at, 3, "%02x", bytes[i]);
    }
}

/* The table of parameters at params_idx (nil: none) into client->request; throws. */
static void serialize(lua_State *L, int client_idx, const struct operation *operation,
                      int params_idx, const struct serialize_options *options)
{
    struct aws_client *client = lua_touserdata(L, client_idx);
    struct lua_reader reader;
    struct fault fault = {0};
    int top = lua_gettop(L);
    if (lua_isnoneornil(L, params_idx)) {
        lua_newtable(L);
        params_idx = lua_gettop(L);
    }
    if (!lua_istable(L, params_idx))
        luaL_error(L, "%s:%s: parameters are a table, not a %s", client->model->service,
                   operation->snake, luaL_typename(L, params_idx));
    lua_getiuservalue(L, client_idx, CLIENT_NAMES);
    lua_reader_init(&reader, L, params_idx, -1);
    wire_request_reset(&client->request);
    int code = protocol_serialize(client->model, operation, &reader.reader, options,
                                  &client->request, &fault);
    lua_reader_done(&reader);
    if (code < 0) aws_raise_fault(L, client, operation, &fault);
    lua_settop(L, top);
}

/* Stack: 1 the client, 2 the parameters. `others`: protocols that were tried in vain. */
static int start(lua_State *L, const struct operation *operation, bool attempt, int others)
{
    static const struct serialize_options options = {.token = make_token};
    struct aws_client *client = lua_touserdata(L, 1);
    struct fault fault;
    serialize(L, 1, operation, 2, &options);
    struct client *connection = aws_connect(L, 1);
    char name[VM_NAME_MAX];
    snprintf(name, sizeof name, "%s:%s", client->model->service, operation->snake);
    uint64_t wait_id = task_wait_id(L, name);
    struct call_box *box = box_new(L, client, operation);
    int box_idx = lua_gettop(L);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, box_idx, 1);
    lua_toclose(L, box_idx);
    box->wait_id = wait_id;
    box->attempt = attempt;
    box->others = others;
    int code =
        client_send(connection, operation, &client->request, on_done, box, &box->call, &fault);
    if (code < 0) return aws_raise_fault(L, client, operation, &fault);
    record_begin(L, box);
    return task_wait(L, box_idx, finish);
}

/* upvalue: the operation, as a light userdata */
static int method(lua_State *L)
{
    const struct operation *operation = lua_touserdata(L, lua_upvalueindex(1));
    const struct aws_client *client = aws_check_client(L, 1);
    const struct operation *own = client->model->operations;
    if (operation < own || operation >= own + client->model->operation_count)
        return luaL_error(L, "%s is an operation of another client", operation->snake);
    lua_settop(L, 2);
    return start(L, operation, false, 0);
}

void aws_push_method(lua_State *L, const struct operation *operation)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)operation);
    lua_pushcclosure(L, method, 1);
}

const struct operation *aws_method_operation(lua_State *L, int idx)
{
    if (lua_tocfunction(L, idx) != method || !lua_getupvalue(L, idx, 1)) return NULL;
    const struct operation *operation = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return operation;
}

static const struct operation *check_operation(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    return aws_operation(L, client, check_text(L, 2, "aws: the name of the operation"));
}

int aws_attempt(lua_State *L)
{
    const struct operation *operation = check_operation(L);
    lua_settop(L, 3);
    lua_remove(L, 2);
    return start(L, operation, true, 0);
}

/* ---- the halves ---- */

static const struct vm_field serialize_fields[] = {
    {"idempotency_token", "string?",
     "At most 36 characters; without it the token is left out, so that equal parameters give equal "
     "requests."},
    {NULL, NULL, NULL}};
static const struct vm_field response_fields[] = {
    {"status", "integer?", "200."},
    {"headers", "table?", "By name, or as pairs { name, value }."},
    {"body", "string?", "Its bytes."},
    {NULL, NULL, NULL}};
static const struct vm_field request_fields[] = {
    {"method", "string", "GET, POST, ..."},
    {"uri", "string", "Path and query."},
    {"headers", "table<string, string>", "By name."},
    {"body", "string", "What would be sent."},
    {"host_prefix", "string?", "What stands before the endpoint's name."},
    {NULL, NULL, NULL}};
const struct vm_docs aws_serialize_docs = {DOCS_CLASS,   "aws.serialize.options",
                                           DOCS_WAITING, "Of client:serialize.",
                                           NULL,         serialize_fields};
const struct vm_docs aws_response_docs = {
    DOCS_CLASS, "aws.response", DOCS_WAITING, "What client:parse is given.", NULL, response_fields};
const struct vm_docs aws_request_docs = {DOCS_CLASS,   "aws.request",
                                         DOCS_WAITING, "What client:serialize answers.",
                                         NULL,         request_fields};

static void push_request(lua_State *L, const struct wire_request *request)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, request->method);
    lua_setfield(L, -2, "method");
    lua_pushlstring(L, strbuf_cstr(&request->uri), request->uri.len);
    lua_setfield(L, -2, "uri");
    lua_createtable(L, 0, (int)request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        lua_pushstring(L, wire_header_value(request, i));
        lua_setfield(L, -2, wire_header_name(request, i));
    }
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, strbuf_cstr(&request->body), request->body.len);
    lua_setfield(L, -2, "body");
    if (request->host_prefix.len == 0) return;
    lua_pushlstring(L, strbuf_cstr(&request->host_prefix), request->host_prefix.len);
    lua_setfield(L, -2, "host_prefix");
}

static void given_token(void *data, char out[37])
{
    snprintf(out, 37, "%s", (const char *)data);
}

/* client:serialize(operation, params [, { idempotency_token }]): the token is left out unless
 * given, so that equal parameters give equal requests. */
int aws_serialize(lua_State *L)
{
    struct serialize_options options = {0};
    const struct operation *operation = check_operation(L);
    const struct aws_client *client = aws_check_client(L, 1);
    lua_settop(L, 4);
    if (!lua_isnil(L, 4)) {
        luaL_checktype(L, 4, LUA_TTABLE);
        vm_check_fields(L, 4, "serialize", serialize_fields);
        if (lua_getfield(L, 4, "idempotency_token") != LUA_TNIL) {
            const char *token = check_text(L, -1, "serialize: idempotency_token");
            if (strlen(token) > 36)
                return luaL_error(L, "serialize: idempotency_token has at most 36 characters");
            options = (struct serialize_options){given_token, (void *)(uintptr_t)token};
        }
    }
    serialize(L, 1, operation, 3, &options);
    push_request(L, &client->request);
    return 1;
}

/* The headers of the table at idx, { name = value } or { { name, value }, ... }, with names in
 * lower case. */
static struct http_header *check_headers(lua_State *L, int idx, size_t *count)
{
    struct http_header *headers = lua_newuserdatauv(L, HTTP_HEADERS_MAX * sizeof *headers, 0);
    *count = 0;
    if (lua_isnil(L, idx)) return headers;
    if (!lua_istable(L, idx)) luaL_error(L, "parse: headers must be a table");
    luaL_checkstack(L, 2 * HTTP_HEADERS_MAX + 8, "headers");
    lua_newtable(L); /* keeps the names */
    int kept = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, idx);) {
        int pair = lua_gettop(L);
        if (lua_istable(L, pair)) {
            lua_rawgeti(L, pair, 1);
            lua_rawgeti(L, pair, 2);
        } else {
            lua_pushvalue(L, pair - 1);
            lua_pushvalue(L, pair);
        }
        if (*count == HTTP_HEADERS_MAX) luaL_error(L, "parse: too many headers");
        const char *given = check_text(L, -2, "parse: the name of a header");
        const char *value = check_text(L, -1, "parse: the value of a header");
        char *name = lua_newuserdatauv(L, strlen(given) + 1, 0);
        for (size_t i = 0; i <= strlen(given); i++)
            name[i] = (char)(given[i] >= 'A' && given[i] <= 'Z' ? given[i] + 32 : given[i]);
        lua_rawseti(L, kept, (lua_Integer)*count + 1);
        headers[(*count)++] = (struct http_header){name, value};
        lua_settop(L, pair - 1);
    }
    return headers;
}

/* client:parse(operation, { status, headers, body }): the result, or throws the service's error. */
int aws_parse(lua_State *L)
{
    const struct operation *operation = check_operation(L);
    lua_settop(L, 3);
    luaL_checktype(L, 3, LUA_TTABLE);
    vm_check_fields(L, 3, "parse", response_fields);
    struct wire_response response = {.status = 200, .body = ""};
    if (lua_getfield(L, 3, "status") != LUA_TNIL) response.status = (int)luaL_checkinteger(L, -1);
    if (lua_getfield(L, 3, "body") != LUA_TNIL)
        response.body = luaL_checklstring(L, -1, &response.body_len);
    lua_getfield(L, 3, "headers");
    response.headers = check_headers(L, lua_gettop(L), &response.header_count);
    struct strbuf *scratch = push_buffer(L, (size_t)4 * WIRE_BODY_MAX);
    const struct model *model = aws_check_client(L, 1)->model;
    if (push_parsed(L, 1, model, operation, &response, scratch)) return 1;
    return lua_error(L);
}
