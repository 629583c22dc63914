/* bind/aws_sign.c - aws.sigv4.sign: a request signed, with the texts of each stage to look at.
 *
 *   aws.sigv4.sign { method, uri, headers = { { name, value }, ... }, body, service, region,
 *     credentials = { access_key_id, secret_access_key, session_token }, time,
 *     placement = "headers" | "query", expires, normalize_path, double_encode, payload_hash,
 *     sign_content_sha256, omit_session_token }
 *   -> { canonical_request, string_to_sign, signature, authorization, headers, uri }
 *
 * uri is a path with its query, or a whole URL: then its host is signed unless a header host is
 * given, and the answer has a `url` too. */
#include "aws.h"

#include "moontide/aws/sigv4.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

#include <string.h>

enum { TEXT_MAX = 1024 * 1024 };

static const char KEYS_TYPE[] = "moontide.aws.keys", NAME[] = "sigv4.sign";
static const char KEYS_KEY; /* in the registry: the userdata of the derived keys */

static const struct vm_field sign_fields[] = {
    {"method", "string", "GET, POST, ..."},
    {"uri", "string",
     "A path with its query, or a whole URL: then its host is signed, and the answer has a url."},
    {"headers", "table?", "By name, or as pairs { name, value } in their order."},
    {"body", "string?", "What is sent."},
    {"service", "string", "\"s3\", \"ecs\", ..."},
    {"region", "string", "Of the service."},
    {"credentials", "aws.keys", "Who signs."},
    {"time", "moment?", "Else now."},
    {"placement", "\"headers\"|\"query\"?", "Where the signature stands; \"headers\"."},
    {"expires", "duration?", "Of a presigned URL: up to 7 d."},
    {"normalize_path", "boolean?", "True but for s3."},
    {"double_encode", "boolean?", "True but for s3."},
    {"payload_hash", "string?", "In place of the body's SHA-256."},
    {"sign_content_sha256", "boolean?", "Adds x-amz-content-sha256."},
    {"omit_session_token", "boolean?", "Leaves the token out of what is signed."},
    {NULL, NULL, NULL}};
static const struct vm_field signed_fields[] = {
    {"signature", "string", "In hexadecimal."},
    {"headers", "string[][]", "Pairs { name, value }: those given and those added."},
    {"authorization", "string?", "The header, when the signature stands in one."},
    {"uri", "string", "Path and query, with the signature when it stands there."},
    {"url", "string?", "The same whole, when a URL was given."},
    {"canonical_request", "string", "The first stage."},
    {"string_to_sign", "string", "The second."},
    {NULL, NULL, NULL}};
static const struct vm_field presign_fields[] = {
    {"url", "string", "What is to be asked."},
    {"method", "string?", "GET, POST, ..."},
    {"headers", "table?", "By name, or as pairs { name, value } in their order."},
    {"body", "string?", "What is sent."},
    {"service", "string?", "\"s3\", \"ecs\", ..."},
    {"region", "string?", "Of the service."},
    {"credentials", "aws.keys?", "Who signs."},
    {"time", "moment?", "Else now."},
    {"expires", "duration?", "Of a presigned URL: up to 7 d."},
    {"normalize_path", "boolean?", "True but for s3."},
    {"double_encode", "boolean?", "True but for s3."},
    {"payload_hash", "string?", "In place of the body's SHA-256."},
    {"omit_session_token", "boolean?", "Leaves the token out of what is signed."},
    {"profile", "string?", "Whose credentials and region, when they are not given."},
    {"uri", "string?", "In place of url."},
    {NULL, NULL, NULL}};
const struct vm_docs aws_sign_docs = {
    DOCS_CLASS, "aws.sign.fields", DOCS_WAITING, "Of aws.sigv4.sign.", NULL, sign_fields};
const struct vm_docs aws_signed_docs = {DOCS_CLASS,          "aws.signed", DOCS_WAITING,
                                        "A signed request.", NULL,         signed_fields};
const struct vm_docs aws_presign_docs = {
    DOCS_CLASS,   "aws.presign.options",
    DOCS_WAITING, "Of aws.presign; service is needed, method is GET without one.",
    NULL,         presign_fields};

static int keys_gc(lua_State *L)
{
    struct signing_keys **keys = lua_touserdata(L, 1);
    if (*keys) signing_keys_free(*keys);
    *keys = NULL;
    return 0;
}

static struct signing_keys *signing_keys_of(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &KEYS_KEY) == LUA_TUSERDATA) {
        struct signing_keys **known = lua_touserdata(L, -1);
        lua_pop(L, 1);
        return *known;
    }
    lua_pop(L, 1);
    struct signing_keys **keys = lua_newuserdatauv(L, sizeof *keys, 0);
    *keys = NULL;
    if (luaL_newmetatable(L, KEYS_TYPE)) {
        lua_pushcfunction(L, keys_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    if (signing_keys_new(keys) < 0) luaL_error(L, "out of memory");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &KEYS_KEY);
    return *keys;
}

static int credentials_gc(lua_State *L)
{
    struct credentials **credentials = lua_touserdata(L, 1);
    if (*credentials) credentials_release(*credentials);
    *credentials = NULL;
    return 0;
}

/* Pushes what releases them. */
static struct credentials *push_credentials(lua_State *L, int idx)
{
    struct credentials **holder = lua_newuserdatauv(L, sizeof *holder, 0);
    *holder = NULL;
    if (luaL_newmetatable(L, "moontide.aws.secrets")) {
        lua_pushcfunction(L, credentials_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return *holder = aws_check_credentials(L, idx, NAME);
}

static const char *text_field(lua_State *L, const char *name)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL) return NULL;
    int at = lua_gettop(L);
    return check_text(L, at, lua_pushfstring(L, "%s: %s", NAME, name));
}

static const char *need_field(lua_State *L, const char *name)
{
    const char *text = text_field(L, name);
    if (!text) luaL_error(L, "%s: %s is missing", NAME, name);
    return text;
}

static bool flag_field(lua_State *L, const char *name, bool otherwise)
{
    return lua_getfield(L, 1, name) == LUA_TNIL ? otherwise : lua_toboolean(L, -1);
}

/* The headers of the request, as pairs, or by name; one more place is left. */
static struct sign_header *check_headers(lua_State *L, size_t *count)
{
    struct sign_header *headers = lua_newuserdatauv(L, (SIGN_HEADERS_MAX + 1) * sizeof *headers, 0);
    *count = 0;
    if (lua_getfield(L, 1, "headers") == LUA_TNIL) return headers;
    int idx = lua_gettop(L);
    if (!lua_istable(L, idx)) luaL_error(L, "%s: headers must be a table", NAME);
    lua_Integer listed = (lua_Integer)lua_rawlen(L, idx);
    luaL_checkstack(L, 4 * SIGN_HEADERS_MAX, "headers");
    for (lua_Integer i = 1; i <= listed; i++) { /* in their order, which counts */
        if (lua_rawgeti(L, idx, i) != LUA_TTABLE)
            luaL_error(L, "%s: headers[%d] is no pair { name, value }", NAME, (int)i);
        if (*count == SIGN_HEADERS_MAX) luaL_error(L, "%s: too many headers", NAME);
        lua_rawgeti(L, -1, 1);
        const char *name = check_text(L, -1, "sigv4.sign: the name of a header");
        lua_rawgeti(L, -2, 2);
        const char *value = check_text(L, -1, "sigv4.sign: the value of a header");
        headers[(*count)++] = (struct sign_header){name, value};
        lua_pop(L, 3); /* the pair keeps them */
    }
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) continue;
        if (*count == SIGN_HEADERS_MAX) luaL_error(L, "%s: too many headers", NAME);
        const char *name = check_text(L, -2, "sigv4.sign: the name of a header");
        const char *value = check_text(L, -1, "sigv4.sign: the value of a header");
        headers[(*count)++] = (struct sign_header){name, value};
    }
    return headers;
}

/* The pieces of a URL, or of a path with its query; the texts are pushed. */
struct target {
    const char *origin; /* "https://host", or "" */
    const char *host;   /* NULL: none was said */
    const char *path, *query;
};

static struct target split_uri(lua_State *L, const char *uri)
{
    struct target target = {.origin = ""};
    const char *slashes = strstr(uri, "://");
    if (slashes && (size_t)(slashes - uri) < 6) {
        const char *host = slashes + 3;
        size_t len = strcspn(host, "/?#");
        target.host = lua_pushlstring(L, host, len);
        target.origin = lua_pushlstring(L, uri, (size_t)(host + len - uri));
        uri = host + len;
    }
    size_t path = strcspn(uri, "?");
    target.path = path ? lua_pushlstring(L, uri, path) : "/";
    target.query = uri[path] ? lua_pushstring(L, uri + path + 1) : NULL;
    return target;
}

static bool has_header(const struct sign_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0) return true;
    return false;
}

static void set_pair(lua_State *L, lua_Integer n, const struct sign_header *header)
{
    lua_createtable(L, 2, 0);
    lua_pushstring(L, header->name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, header->value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, n);
}

static void push_signed(lua_State *L, const struct sign_request *request,
                        const struct sigv4_result *result, const struct strbuf *text,
                        const struct target *target)
{
    lua_Integer n = 0;
    bool query = request->placement == SIGN_QUERY;
    lua_createtable(L, 0, 8);
    lua_pushstring(L, result->signature);
    lua_setfield(L, -2, "signature");
    lua_createtable(L, (int)(request->header_count + result->added_count), 0);
    for (size_t i = 0; i < request->header_count; i++)
        set_pair(L, ++n, &request->headers[i]);
    for (size_t i = 0; i < result->added_count; i++)
        set_pair(L, ++n, &result->added[i]);
    lua_setfield(L, -2, "headers");
    if (!query) {
        lua_pushlstring(L, strbuf_cstr(text), text->len);
        lua_setfield(L, -2, "authorization");
    }
    const char *asked = query ? strbuf_cstr(text) : request->query;
    lua_pushfstring(L, "%s%s%s", request->path, asked && *asked ? "?" : "", asked ? asked : "");
    if (*target->origin) {
        lua_pushfstring(L, "%s%s", target->origin, lua_tostring(L, -1));
        lua_setfield(L, -3, "url");
    }
    lua_setfield(L, -2, "uri");
}

static void read_request(lua_State *L, struct sign_request *request)
{
    const char *placement = text_field(L, "placement");
    request->method = need_field(L, "method");
    request->service = need_field(L, "service");
    request->region = need_field(L, "region");
    request->payload_hash = text_field(L, "payload_hash");
    if (lua_getfield(L, 1, "body") != LUA_TNIL)
        request->body = luaL_checklstring(L, -1, &request->body_len);
    bool s3 = strcmp(request->service, "s3") == 0;
    request->normalize_path = flag_field(L, "normalize_path", !s3);
    request->double_encode = flag_field(L, "double_encode", !s3);
    request->sign_content_sha256 = flag_field(L, "sign_content_sha256", false);
    request->omit_session_token = flag_field(L, "omit_session_token", false);
    request->time_s = lua_getfield(L, 1, "time") == LUA_TNIL
                          ? binding_now_ms(binding_of(L)) / 1000
                          : check_time_ms(L, -1, "sigv4.sign: time") / 1000;
    if (lua_getfield(L, 1, "expires") != LUA_TNIL) {
        int64_t expires_s = convert_duration_ms(L, -1, "sigv4.sign: expires") / 1000;
        if (expires_s < 1 || expires_s > SIGN_EXPIRES_MAX_S)
            luaL_error(L, "%s: expires is from one second to seven days", NAME);
        request->expires_s = expires_s;
    }
    if (placement && strcmp(placement, "query") == 0)
        request->placement = SIGN_QUERY;
    else if (placement && strcmp(placement, "headers") != 0)
        luaL_error(L, "%s: placement is \"headers\" or \"query\", not '%s'", NAME, placement);
    if (request->placement == SIGN_QUERY && s3 && !request->payload_hash)
        request->payload_hash = "UNSIGNED-PAYLOAD";
}

int aws_sign(lua_State *L)
{
    struct sign_request request = {0};
    struct sigv4_result result;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 64, NAME);
    vm_check_fields(L, 1, NAME, sign_fields);
    read_request(L, &request);
    struct target target = split_uri(L, need_field(L, "uri"));
    struct sign_header *headers = check_headers(L, &request.header_count);
    if (target.host && !has_header(headers, request.header_count, "host"))
        headers[request.header_count++] = (struct sign_header){"host", target.host};
    request.headers = headers;
    request.path = target.path;
    request.query = target.query;
    lua_getfield(L, 1, "credentials");
    const struct credentials *credentials = push_credentials(L, lua_gettop(L));
    struct signing_keys *keys = signing_keys_of(L);
    struct strbuf *text = push_buffer(L, TEXT_MAX);
    struct strbuf *canonical = push_buffer(L, TEXT_MAX);
    struct strbuf *to_sign = push_buffer(L, TEXT_MAX);
    vm_charge(L, request.body_len / 16);
    int code = sigv4_sign(keys, credentials, &request, text, &result);
    if (code == OK) code = sigv4_explain(credentials, &request, canonical, to_sign);
    if (code == ERR_INVALID)
        return luaL_error(L, "%s: the name or the value of a header is none, or the time", NAME);
    if (code < 0) return luaL_error(L, "%s: %s", NAME, err_text(code));
    push_signed(L, &request, &result, text, &target);
    lua_pushlstring(L, strbuf_cstr(canonical), canonical->len);
    lua_setfield(L, -2, "canonical_request");
    lua_pushlstring(L, strbuf_cstr(to_sign), to_sign->len);
    lua_setfield(L, -2, "string_to_sign");
    return 1;
}
