/* bind/http.c - the Lua module `http`: requests that wait.
 *
 *   local answer = http.get("https://example.com/health", { timeout = "5s" })
 *   answer.status, answer.headers["content-type"], answer.body
 *
 * Any status is an answer; no answer (not connected, timed out, too large) throws an error object.
 */
#include "check.h"

#include "moontide/io/http.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES_MAX = 2 * HTTP_HEADER_BYTES_MAX };

/* Owns one request; the answer is kept here until the task goes on. */
struct http_box {
    struct vm *vm;
    uint64_t wait_id;
    const char *function_name;
    struct http_call *call; /* NULL: not under way */
    int code, status;
    char *body;
    size_t body_len;
    struct strbuf headers; /* name NUL value NUL ... */
    struct fault fault;
};

static const char BOX_TYPE[] = "moontide.http";

static int box_close(lua_State *L)
{
    struct http_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    if (box->call) http_cancel(box->call);
    box->call = NULL;
    free(box->body);
    box->body = NULL;
    strbuf_done(&box->headers);
    return 0;
}

static struct http_box *box_new(lua_State *L, const char *function_name)
{
    struct http_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct http_box){.vm = vm_of(L), .function_name = function_name};
    strbuf_init(&box->headers, HEADER_BYTES_MAX);
    task_box(L, BOX_TYPE, box_close);
    return box;
}

static void keep_answer(struct http_box *box, const struct http_response *response)
{
    box->status = response->status;
    for (size_t i = 0; i < response->header_count; i++) {
        strbuf_add(&box->headers, response->headers[i].name, strlen(response->headers[i].name) + 1);
        strbuf_add(&box->headers, response->headers[i].value,
                   strlen(response->headers[i].value) + 1);
    }
    box->body = malloc(response->body_len + 1);
    if (!box->body || strbuf_status(&box->headers) != OK) {
        box->code = fault_set(&box->fault, ERR_NOMEM, "out of memory");
        return;
    }
    if (response->body_len) memcpy(box->body, response->body, response->body_len);
    box->body_len = response->body_len;
}

static void on_answer(void *data, const struct http_response *response)
{
    struct http_box *box = data;
    box->call = NULL;
    box->code = response->code;
    box->fault = response->fault;
    if (response->code == OK) keep_answer(box, response);
    task_wake(box->vm, box->wait_id);
}

/* Headers that came more than once are joined by ", ", as RFC 9110 section 5.2 has it. */
static void push_headers(lua_State *L, const struct strbuf *headers)
{
    const char *at = strbuf_cstr(headers), *end = at + headers->len;
    lua_newtable(L);
    while (at < end) {
        const char *name = at, *value = name + strlen(name) + 1;
        at = value + strlen(value) + 1;
        if (lua_getfield(L, -1, name) == LUA_TSTRING) {
            lua_pushfstring(L, ", %s", value);
            lua_concat(L, 2);
        } else {
            lua_pop(L, 1);
            lua_pushstring(L, value);
        }
        lua_setfield(L, -2, name);
    }
}

static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    struct http_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    if (box->code != OK) return raise_fault(L, box->function_name, &box->fault);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, box->status);
    lua_setfield(L, -2, "status");
    push_headers(L, &box->headers);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, box->body, box->body_len);
    lua_setfield(L, -2, "body");
    return 1;
}

/* The headers of the table at idx; the array is pushed. What they point to lives in the table. */
static struct http_header *check_headers(lua_State *L, int idx, size_t *count)
{
    struct http_header *headers = lua_newuserdatauv(L, HTTP_HEADERS_MAX * sizeof *headers, 0);
    *count = 0;
    if (lua_isnil(L, idx)) return headers;
    if (!lua_istable(L, idx)) luaL_error(L, "http: headers must be a table");
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "http: the name of a header is a string");
        if (*count == HTTP_HEADERS_MAX) luaL_error(L, "http: too many headers");
        const char *name = check_text(L, -2, "http: the name of a header");
        const char *value = check_text(L, -1, name);
        if (strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n"))
            luaL_error(L, "http: header '%s' contains a character that is not allowed", name);
        headers[(*count)++] = (struct http_header){name, value};
        lua_pop(L, 1);
    }
    return headers;
}

static size_t check_bytes(lua_State *L, int idx)
{
    lua_Integer bytes = lua_tointeger(L, idx);
    if (bytes < 1 || bytes > HTTP_BODY_MAX_DEFAULT)
        luaL_error(L, "http: max_bytes is 1 to %d", HTTP_BODY_MAX_DEFAULT);
    return (size_t)bytes;
}

/* Stack: 1 method, 2 url, 3 options (a table). */
static int send_and_wait(lua_State *L, const char *function_name)
{
    struct http_request request = {.method = check_text(L, 1, "http: method"),
                                   .url = check_text(L, 2, "http: url")};
    lua_getfield(L, 3, "body");
    if (!lua_isnil(L, -1)) request.body = luaL_checklstring(L, -1, &request.body_len);
    lua_getfield(L, 3, "timeout");
    if (!lua_isnil(L, -1)) request.timeout_ms = convert_duration_ms(L, -1, "http: timeout");
    lua_getfield(L, 3, "max_bytes");
    if (!lua_isnil(L, -1)) request.max_body_bytes = check_bytes(L, -1);
    lua_getfield(L, 3, "headers");
    request.headers = check_headers(L, lua_gettop(L), &request.header_count);

    struct http *http = binding_of(L)->host->http;
    if (!http) return luaL_error(L, "%s: there is no network here", function_name);
    uint64_t wait_id = task_wait_id(L, function_name);
    struct http_box *box = box_new(L, function_name);
    box->wait_id = wait_id;
    int box_idx = lua_gettop(L);
    lua_toclose(L, box_idx);
    int code = http_send(http, &request, on_answer, box, &box->call);
    if (code != OK) {
        fault_set(&box->fault, code, "%s: %s", err_text(code), request.url);
        return raise_fault(L, function_name, &box->fault);
    }
    return task_wait(L, box_idx, finish);
}

static const struct vm_field option_fields[] = {
    {"headers", "table<string, string>?", "Headers by name, at most 256."},
    {"timeout", "duration?", "Of the whole request; else the configuration's, 30 s."},
    {NULL, NULL, NULL}};
static const struct vm_field request_fields[] = {
    {"method", "string?", "GET without it."},
    {"url", "string", "http or https."},
    {"headers", "table<string, string>?", "Headers by name."},
    {"timeout", "duration?", "Of the whole request; else the configuration's, 30 s."},
    {"body", "string?", "What is sent."},
    {"max_bytes", "integer?", "Of the answer's body, up to 32 MiB; more is an error."},
    {NULL, NULL, NULL}};

/* http.get(url, { headers, timeout }) */
static int http_get(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    vm_check_fields(L, 2, "http.get", option_fields);
    lua_pushliteral(L, "GET");
    lua_insert(L, 1);
    return send_and_wait(L, "http.get");
}

/* http.post(url, body, { headers, timeout }) */
static int http_post(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 3);
    lua_newtable(L);
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        vm_check_fields(L, 3, "http.post", option_fields);
        lua_getfield(L, 3, "headers");
        lua_setfield(L, 4, "headers");
        lua_getfield(L, 3, "timeout");
        lua_setfield(L, 4, "timeout");
    }
    lua_pushvalue(L, 2);
    lua_setfield(L, 4, "body");
    lua_pushliteral(L, "POST");
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 4);
    lua_replace(L, 3);
    lua_replace(L, 2);
    lua_replace(L, 1);
    lua_settop(L, 3);
    return send_and_wait(L, "http.post");
}

/* http.request { method, url, headers, body, timeout, max_bytes } */
static int http_request_table(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    vm_check_fields(L, 1, "http.request", request_fields);
    lua_settop(L, 1);
    if (lua_getfield(L, 1, "method") == LUA_TNIL) {
        lua_pushliteral(L, "GET");
        lua_replace(L, 2);
    }
    lua_getfield(L, 1, "url");
    lua_pushvalue(L, 1);
    lua_remove(L, 1);
    return send_and_wait(L, "http.request");
}

static const struct vm_function functions[] = {
    {"get", http_get, "(url: string, options?: http.options): http.answer", "Asks with GET."},
    {"post", http_post, "(url: string, body: string, options?: http.options): http.answer",
     "Sends a body with POST."},
    {"request", http_request_table, "(request: http.request.fields): http.answer",
     "Any other request."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field answer_fields[] = {
    {"status", "integer", "200, 404, ..."},
    {"headers", "table<string, string>",
     "By name in lower case; one that came several times is joined by \", \"."},
    {"body", "string", "Its bytes, decompressed."},
    {NULL, NULL, NULL}};

const struct vm_docs http_docs = {DOCS_MODULE,
                                  "http",
                                  DOCS_POLICY | DOCS_RECEIVER | DOCS_SCRIPT,
                                  "Requests that wait. Any status is an answer; none (not "
                                  "connected, timed out, too large) is an error object.",
                                  functions,
                                  NULL};
const struct vm_docs http_options_docs = {DOCS_CLASS,
                                          "http.options",
                                          DOCS_POLICY | DOCS_RECEIVER | DOCS_SCRIPT,
                                          "Of http.get and http.post.",
                                          NULL,
                                          option_fields};
const struct vm_docs http_request_docs = {DOCS_CLASS,
                                          "http.request.fields",
                                          DOCS_POLICY | DOCS_RECEIVER | DOCS_SCRIPT,
                                          "Of http.request.",
                                          NULL,
                                          request_fields};
const struct vm_docs http_answer_docs = {
    DOCS_CLASS,        "http.answer", DOCS_POLICY | DOCS_RECEIVER | DOCS_SCRIPT,
    "What came back.", NULL,          answer_fields};

int open_http(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
