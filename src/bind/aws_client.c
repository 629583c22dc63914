/* bind/aws_client.c - a client of one service as a userdata.
 *
 *   local ecs = aws.client("ecs", { region = "ap-northeast-2" })
 *
 * Its model is loaded here; region, endpoint and credentials are looked for at the first call, so
 * that what is pure works without them. Models and credentials are shared by the clients of a
 * state. */
#include "aws.h"
#include "fields.h"

#include "moontide/aws/endpoint.h"
#include "moontide/base/nearest.h"
#include "moontide/bind/config.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_ARRAY_MAX = 8192 /* members: 128 KiB; the keys of larger models are hashed */ };

static const char CLIENT_TYPE[] = "moontide.aws.client";
static const char CHAIN_TYPE[] = "moontide.aws.chain";
static const char MODEL_TYPE[] = "moontide.aws.model";
static const char CHAINS_KEY, MODELS_KEY; /* in the registry: tables of what is shared */

static const struct vm_field client_options[] = {
    {"region", "string?",
     "Else the account's, the configuration's, the environment's, the profile's."},
    {"profile", "string?", "Of ~/.aws; else the configuration's."},
    {"endpoint", "string?", "A URL in place of AWS's."},
    {"credentials", "aws.keys?", "Explicit ones, in place of the chain."},
    {"retries", "integer?",
     "Tries after the first: 0 to 100; else the configuration's, the environment's, the profile's, "
     "2."},
    {"retry_mode", "\"standard\"|\"adaptive\"?", "\"standard\" by default."},
    {"timeout", "duration?", "Of one attempt; 30 s."},
    {"max_concurrency", "integer?", "Calls under way at once; 50. The others wait in order."},
    {"rate", "number?", "Calls a second of this client; 0: without even the known limits."},
    {"dry_run", "boolean?",
     "Refuses every operation that is not a read, and says what it would have sent."},
    {"model", "string|table?",
     "A service-2.json of botocore, its directory, or a table of that shape."},
    {"protocol", "string?",
     "One of the model's protocols: \"json\", \"query\", ...; else the best, and the next where an "
     "endpoint does not know it."},
    {"first_byte_timeout", "duration?", "Until an answer begins; as long as timeout."},
    {"account", "string?", "A name of the configuration's accounts: its role and region."},
    {NULL, NULL, NULL}};
static const struct vm_field key_fields[] = {
    {"access_key_id", "string", "The key's id."},
    {"secret_access_key", "string", "The key."},
    {"session_token", "string?", "Of temporary credentials."},
    {NULL, NULL, NULL}};

const struct vm_docs aws_client_options_docs = {
    DOCS_CLASS, "aws.client.options", DOCS_WAITING, "Of aws.client.", NULL, client_options};
const struct vm_docs aws_keys_docs = {DOCS_CLASS, "aws.keys", DOCS_WAITING, "Credentials in plain.",
                                      NULL,       key_fields};

struct aws_client *aws_check_client(lua_State *L, int idx)
{
    struct aws_client *client = luaL_testudata(L, idx, CLIENT_TYPE);
    if (!client) luaL_error(L, "aws: a client was expected (is it client:operation{...}?)");
    return client;
}

const struct aws_client *aws_test_client(lua_State *L, int idx)
{
    return luaL_testudata(L, idx, CLIENT_TYPE);
}

/* Pushes the table in the registry under key. */
static void push_shared(lua_State *L, const char *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

/* ---- models ---- */

static int model_gc(lua_State *L)
{
    struct model **model = lua_touserdata(L, 1);
    model_release(*model);
    *model = NULL;
    return 0;
}

/* Pushes an empty holder of a model. */
static struct model **push_holder(lua_State *L)
{
    struct model **holder = lua_newuserdatauv(L, sizeof *holder, 0);
    *holder = NULL;
    if (luaL_newmetatable(L, MODEL_TYPE)) {
        lua_pushcfunction(L, model_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return holder;
}

static int read_table(lua_State *L, const char *service, int idx, struct model **out,
                      struct fault *fault)
{
    struct strbuf *text = push_buffer(L, MODEL_BYTES_MAX);
    int code = convert_to_json(L, idx, "model", text, fault);
    return code < 0 ? code : model_read(service, strbuf_cstr(text), text->len, out, fault);
}

/* The holder stays on the stack. */
static struct model *load_model(lua_State *L, const char *service, int model_idx)
{
    struct fault fault;
    int code, type = lua_type(L, model_idx);
    if (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TTABLE)
        luaL_error(L, "aws.client: model must be a path or a table, not a %s",
                   luaL_typename(L, model_idx));
    push_shared(L, &MODELS_KEY);
    int shared = lua_gettop(L);
    if (type == LUA_TNIL && lua_getfield(L, shared, service) == LUA_TUSERDATA) {
        struct model **known = lua_touserdata(L, -1);
        if (*known) return *known;
    }
    struct model **holder = push_holder(L);
    int holder_idx = lua_gettop(L);
    if (type == LUA_TTABLE) {
        code = read_table(L, service, model_idx, holder, &fault);
    } else {
        const char *path =
            type == LUA_TSTRING ? check_text(L, model_idx, "aws.client: model") : NULL;
        code = model_load(service, path, holder, &fault);
    }
    if (code < 0) raise_fault(L, "aws.client", &fault);
    lua_settop(L, holder_idx);
    if (type == LUA_TNIL) {
        lua_pushvalue(L, holder_idx);
        lua_setfield(L, shared, service);
    }
    return *holder;
}

static int no_such_protocol(lua_State *L, const struct model *model, const char *name)
{
    luaL_Buffer known;
    uint32_t bits = model->protocols;
    enum protocol_kind kind;
    luaL_buffinit(L, &known);
    for (; protocol_best(bits, &kind); bits &= ~(1u << kind)) {
        if (bits != model->protocols) luaL_addstring(&known, ", ");
        luaL_addstring(&known, protocol_name(kind));
    }
    luaL_pushresult(&known);
    return luaL_error(L, "aws.client: protocol is '%s', but %s has %s", name, model->service,
                      lua_tostring(L, -1));
}

/* The client's models; the option `protocol` of the table at idx chooses one of several. */
static void take_model(lua_State *L, int idx, struct aws_client *client, struct model *model)
{
    enum protocol_kind kind = model->protocol;
    client->first = model_retain(model);
    client->model = model_retain(model);
    client->settled = (model->protocols & (model->protocols - 1)) == 0; /* there is but one */
    int top = lua_gettop(L);
    if (lua_getfield(L, idx, "protocol") != LUA_TNIL) {
        const char *name = check_text(L, top + 1, "aws.client: protocol");
        int code =
            protocol_by_name(name, strlen(name), &kind) ? aws_speak(client, kind) : ERR_UNSUPPORTED;
        if (code == ERR_UNSUPPORTED) no_such_protocol(L, model, name);
        if (code < 0) luaL_error(L, "out of memory");
        client->settled = true;
    }
    lua_settop(L, top);
}

int aws_speak(struct aws_client *client, enum protocol_kind kind)
{
    struct model *model = NULL;
    int code = model_in_protocol(client->first, kind, &model);
    if (code < 0) return code;
    model_release(client->model);
    client->model = model;
    return OK;
}

/* ---- credentials ---- */

void aws_chain_release(struct shared_chain *shared)
{
    if (!shared || --shared->refs > 0) return;
    if (shared->chain) credential_chain_free(shared->chain);
    aws_chain_release(shared->base);
    free(shared);
}

static int chain_gc(lua_State *L)
{
    struct shared_chain **holder = lua_touserdata(L, 1);
    aws_chain_release(*holder);
    *holder = NULL;
    return 0;
}

/* Pushes an empty holder of a chain. */
static struct shared_chain **push_chain_holder(lua_State *L)
{
    struct shared_chain **holder = lua_newuserdatauv(L, sizeof *holder, 0);
    *holder = NULL;
    if (luaL_newmetatable(L, CHAIN_TYPE)) {
        lua_pushcfunction(L, chain_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return holder;
}

static const char *credential_field(lua_State *L, int idx, const char *name, const char *what)
{
    if (lua_getfield(L, idx, name) == LUA_TNIL) return NULL;
    int at = lua_gettop(L);
    return check_text(L, at, lua_pushfstring(L, "%s: credentials.%s", what, name));
}

struct credentials *aws_check_credentials(lua_State *L, int idx, const char *what)
{
    idx = lua_absindex(L, idx);
    if (!lua_istable(L, idx))
        luaL_error(L, "%s: credentials must be a table { access_key_id, secret_access_key }", what);
    vm_check_fields(L, idx, lua_pushfstring(L, "%s: credentials", what), key_fields);
    const char *id = credential_field(L, idx, "access_key_id", what);
    const char *secret = credential_field(L, idx, "secret_access_key", what);
    const char *token = credential_field(L, idx, "session_token", what);
    if (!id || !secret)
        luaL_error(L, "%s: credentials need access_key_id and secret_access_key", what);
    struct credentials *credentials = NULL;
    if (credentials_new(id, secret, token, 0, "configuration", &credentials) < 0)
        luaL_error(L, "out of memory");
    return credentials;
}

struct shared_chain *aws_chain(lua_State *L, const char *profile, int idx)
{
    const struct host *host = binding_of(L)->host;
    const char *name = profile ? profile : "";
    int top = lua_gettop(L);
    if (!host->http || !host->loop) luaL_error(L, "aws: there is no network here");
    push_shared(L, &CHAINS_KEY);
    bool known = !idx && lua_getfield(L, top + 1, name) == LUA_TUSERDATA;
    struct shared_chain **holder = known ? lua_touserdata(L, -1) : push_chain_holder(L);
    int holder_idx = lua_gettop(L);
    if (!*holder) {
        struct credential_options options = {
            .loop = host->loop, .http = host->http, .profile = profile};
        struct credentials *given = idx ? aws_check_credentials(L, idx, "aws.client") : NULL;
        struct shared_chain *shared = calloc(1, sizeof *shared);
        options.explicit_credentials = given;
        int code = shared ? credential_chain_new(&options, &shared->chain) : ERR_NOMEM;
        credentials_release(given);
        if (code < 0) free(shared);
        if (code < 0) luaL_error(L, "aws: no credentials: %s", err_text(code));
        shared->refs = 1;
        *holder = shared;
        if (!idx) {
            lua_pushvalue(L, holder_idx);
            lua_setfield(L, top + 1, name);
        }
    }
    (*holder)->refs++;
    lua_settop(L, top);
    return *holder;
}

const struct config_account *aws_account(lua_State *L, const char *name)
{
    const struct config *config = binding_of(L)->host->config;
    size_t count = config ? config->account_count : 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(config->accounts[i].name, name) == 0) return &config->accounts[i];
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    for (size_t i = 0; i < count; i++)
        names[i] = config->accounts[i].name;
    names[count] = NULL;
    luaL_error(L, "account '%s' is not in the configuration's accounts%s", name,
               fields_hint(name, names).text);
    return NULL;
}

struct shared_chain *aws_account_chain(lua_State *L, const struct config_account *account)
{
    const struct host *host = binding_of(L)->host;
    const struct config *config = host->config;
    int top = lua_gettop(L);
    if (!account->role_arn) return aws_chain(L, config->profile, 0);
    push_shared(L, &CHAINS_KEY);
    lua_pushfstring(L, "account:%s", account->name); /* no profile's name has a colon in front */
    lua_pushvalue(L, -1);
    bool known = lua_rawget(L, top + 1) == LUA_TUSERDATA;
    struct shared_chain **holder = known ? lua_touserdata(L, -1) : push_chain_holder(L);
    int holder_idx = lua_gettop(L);
    if (!*holder) {
        struct shared_chain *shared = calloc(1, sizeof *shared);
        if (!shared) luaL_error(L, "out of memory");
        shared->refs = 1;
        *holder = shared;
        shared->base = aws_chain(L, config->profile, 0);
        struct credential_role_options options = {
            .loop = host->loop,
            .http = host->http,
            .base = shared->base->chain,
            .role_arn = account->role_arn,
            .profile = config->profile,
            .region = account->region ? account->region : config->region,
            .sts_endpoint = config->endpoint,
        };
        int code = credential_role_chain_new(&options, &shared->chain);
        if (code < 0) luaL_error(L, "aws: no credentials: %s", err_text(code));
        lua_pushvalue(L, top + 2);
        lua_pushvalue(L, holder_idx);
        lua_rawset(L, top + 1);
    }
    (*holder)->refs++;
    lua_settop(L, top);
    return *holder;
}

/* ---- options ---- */

static const char *text_option(lua_State *L, int idx, const char *name)
{
    if (lua_getfield(L, idx, name) == LUA_TNIL) return NULL;
    int at = lua_gettop(L);
    return check_text(L, at, lua_pushfstring(L, "aws.client: %s", name));
}

static lua_Integer count_option(lua_State *L, int idx, const char *name, lua_Integer most)
{
    if (lua_getfield(L, idx, name) == LUA_TNIL) return -1;
    lua_Integer count = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    if (count < 0 || count > most)
        luaL_error(L, "aws.client: %s must be an integer from 0 to %d", name, (int)most);
    return count;
}

static void read_limits(lua_State *L, int idx, struct client_options *options)
{
    lua_Integer retries = count_option(L, idx, "retries", 100);
    if (retries >= 0) options->backoff.max_attempts = (int)retries + 1;
    lua_Integer concurrency = count_option(L, idx, "max_concurrency", 10000);
    if (concurrency > 0) options->max_concurrency = (int)concurrency;
    const char *mode = text_option(L, idx, "retry_mode");
    if (mode && strcmp(mode, "adaptive") == 0)
        options->retry_mode = RETRY_MODE_ADAPTIVE;
    else if (mode && strcmp(mode, "standard") != 0)
        luaL_error(L, "aws.client: retry_mode is \"standard\" or \"adaptive\", not '%s'", mode);
    if (lua_getfield(L, idx, "timeout") != LUA_TNIL)
        options->timeout_ms = convert_duration_ms(L, -1, "aws.client: timeout");
    if (lua_getfield(L, idx, "first_byte_timeout") != LUA_TNIL)
        options->first_byte_ms = convert_duration_ms(L, -1, "aws.client: first_byte_timeout");
    if (lua_getfield(L, idx, "rate") != LUA_TNIL) {
        options->rate_per_s = luaL_checknumber(L, -1);
        if (!(options->rate_per_s > 0)) options->rate_per_s = -1; /* 0: not even the known ones */
    }
    if (lua_getfield(L, idx, "dry_run") != LUA_TNIL) options->dry_run = lua_toboolean(L, -1);
}

static void read_options(lua_State *L, int idx, struct client_options *options)
{
    const struct config *config = binding_of(L)->host->config;
    options->trace = binding_of(L)->host->trace_aws;
    if (config) {
        options->backoff = (struct backoff_policy){.max_attempts = config->retry_attempts,
                                                   .base_ms = config->retry_base_ms,
                                                   .cap_ms = config->retry_cap_ms};
        options->timeout_ms = config->request_ms;
        options->profile = config->profile;
        options->endpoint = config->endpoint;
    }
    options->region = text_option(L, idx, "region");
    const char *profile = text_option(L, idx, "profile");
    const char *endpoint = text_option(L, idx, "endpoint");
    if (profile) options->profile = profile;
    if (endpoint) options->endpoint = endpoint;
    const char *account = text_option(L, idx, "account");
    if (account && !options->region) options->region = aws_account(L, account)->region;
    read_limits(L, idx, options);
    if (lua_getfield(L, idx, "credentials") != LUA_TNIL)
        credentials_release(aws_check_credentials(L, -1, "aws.client"));
}

const char *aws_push_region(lua_State *L, const char *given, const char *profile)
{
    const struct config *config = binding_of(L)->host->config;
    struct fault fault;
    char *found = NULL;
    if (given) return lua_pushstring(L, given);
    if (config && config->region) return lua_pushstring(L, config->region);
    if (region_default(profile, &found, &fault) < 0) raise_fault(L, "aws.client", &fault);
    if (!found) {
        lua_pushnil(L);
        return NULL;
    }
    char *copy = lua_newuserdatauv(L, strlen(found) + 1, 0); /* no longjmp while `found` is ours */
    memcpy(copy, found, strlen(found) + 1);
    free(found);
    return lua_pushstring(L, copy);
}

/* ---- the userdata ---- */

static int client_gc(lua_State *L)
{
    struct aws_client *client = lua_touserdata(L, 1);
    client_free(client->client);
    client->client = NULL;
    aws_chain_release(client->chain);
    client->chain = NULL;
    wire_request_done(&client->request);
    model_release(client->model);
    model_release(client->first);
    client->model = client->first = NULL;
    return 0;
}

static int client_tostring(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    const char *region = client->client ? client_region(client->client) : client->options.region;
    lua_pushfstring(L, "aws.client(\"%s\"%s%s)", client->model->service, region ? ", " : "",
                    region ? region : "");
    return 1;
}

const struct operation *aws_operation(lua_State *L, const struct aws_client *client,
                                      const char *name)
{
    const struct model *model = client->model;
    const struct operation *operation = model_operation(model, name);
    if (operation) return operation;
    const char **names = lua_newuserdatauv(L, (model->operation_count + 1) * sizeof *names, 0);
    for (uint32_t i = 0; i < model->operation_count; i++)
        names[i] = model->operations[i].snake;
    names[model->operation_count] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        luaL_error(L, "%s has no operation '%s' (did you mean '%s'?)", model->service, name, near);
    luaL_error(L, "%s has no operation '%s' (see client:operations())", model->service, name);
    return NULL;
}

/* upvalue: the methods that every client has */
static int client_index(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, CLIENT_METHODS);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 3) != LUA_TNIL) return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    const char *name = check_text(L, 2, "aws: the name of an operation");
    aws_push_method(L, aws_operation(L, client, name));
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 3);
    return 1;
}

/* Stack: 1 service, 2 options. upvalue: the methods */
int aws_client_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *service = check_text(L, 1, "aws.client: the service");
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    vm_check_fields(L, 2, "aws.client", client_options);
    /* a copy, so that nobody changes it under the client */
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, 3);
    }
    lua_getfield(L, 3, "model");
    struct model *model = load_model(L, service, 4);
    struct client_options options = {0};
    read_options(L, 3, &options);

    struct aws_client *client = lua_newuserdatauv(L, sizeof *client, CLIENT_VALUES);
    *client = (struct aws_client){.options = options};
    wire_request_init(&client->request);
    int client_idx = lua_gettop(L);
    if (luaL_newmetatable(L, CLIENT_TYPE)) {
        static const luaL_Reg functions[] = {
            {"__gc", client_gc}, {"__tostring", client_tostring}, {NULL, NULL}};
        luaL_setfuncs(L, functions, 0);
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushcclosure(L, client_index, 1);
        lua_setfield(L, -2, "__index");
        lua_pushboolean(L, false);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, client_idx);
    take_model(L, 3, client, model);
    client->options.model = model;
    bool large = model->member_count > KEYS_ARRAY_MAX;
    for (int i = CLIENT_KEYS; i <= CLIENT_METHODS; i++) {
        lua_createtable(L, i == CLIENT_KEYS && !large ? (int)model->member_count + 1 : 0, 0);
        lua_setiuservalue(L, client_idx, i);
    }
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, client_idx, CLIENT_OPTIONS);
    return 1;
}

struct client *aws_connect(lua_State *L, int idx)
{
    struct aws_client *client = aws_check_client(L, idx);
    if (client->client) return client->client;
    const struct host *host = binding_of(L)->host;
    struct fault fault;
    int top = lua_gettop(L);
    idx = lua_absindex(L, idx);
    if (!host->http || !host->loop) luaL_error(L, "aws: there is no network here");
    struct client_options *options = &client->options;
    lua_getiuservalue(L, idx, CLIENT_OPTIONS);
    options->region = aws_push_region(L, options->region, options->profile);
    lua_pushvalue(L, -1);
    lua_setfield(L, top + 1, "region"); /* keeps the text */
    bool explicit = lua_getfield(L, top + 1, "credentials") != LUA_TNIL;
    int keys = explicit ? lua_gettop(L) : 0;
    bool account = !explicit && lua_getfield(L, top + 1, "account") != LUA_TNIL;
    if (!client->chain)
        client->chain = account ? aws_account_chain(L, aws_account(L, lua_tostring(L, -1)))
                                : aws_chain(L, options->profile, keys);
    options->credentials = client->chain->chain;
    options->loop = host->loop;
    options->http = host->http;
    options->rates = host->rates;
    if (client_new(options, &client->client, &fault) < 0) raise_fault(L, "aws.client", &fault);
    lua_settop(L, top);
    return client->client;
}
