/* bind/config.c - moontide.lua: run in a sandbox of its own, checked field by field, and from then
 * on plain data.
 *
 * env "NAME" and file "PATH" read secrets. What they gave may stand anywhere but in `vars`, which
 * policies (and so journals and messages) see: there it is a fault. */
#include "moontide/bind/config.h"

#include "config_fields.h"
#include "moontide/base/fs.h"
#include "moontide/vm/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECRET_FILE_MAX = 64 * 1024,
    SECRET_LEN_MIN = 4, /* shorter texts would be found everywhere */
    CONFIG_JSON_MAX = 1024 * 1024,
    CONFIG_INSTRUCTIONS = 5000000,
    CONFIG_WALL_MS = 1000,
};

/* ---- secrets ---- */

static void keep_secret(lua_State *L, struct config_reading *r, const char *text)
{
    if (strlen(text) < SECRET_LEN_MIN) return;
    char **secrets = realloc(r->secrets, (r->secret_count + 1) * sizeof *secrets);
    if (!secrets) luaL_error(L, "out of memory");
    r->secrets = secrets;
    secrets[r->secret_count] = strdup(text);
    if (!secrets[r->secret_count]) luaL_error(L, "out of memory");
    r->secret_count++;
}

static int config_env(lua_State *L)
{
    struct config_reading *r = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1);
    const char *value = getenv(name);
    if (!value) return luaL_error(L, "env: the environment variable %s is not set", name);
    lua_pushstring(L, value);
    keep_secret(L, r, value);
    return 1;
}

/* Runs protected, so that the file's bytes are released whatever happens. */
static int push_line(lua_State *L)
{
    const char *text = lua_touserdata(L, 1);
    size_t len = strlen(text);
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    lua_pushlstring(L, text, len);
    return 1;
}

static int config_file(lua_State *L)
{
    struct config_reading *r = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1);
    struct fault fault;
    char *text = NULL;
    size_t len = 0;
    char *path = fs_join(r->config->dir, name);
    if (!path) return luaL_error(L, "out of memory");
    int code = fs_read_file(path, SECRET_FILE_MAX, &text, &len, &fault);
    free(path);
    if (code < 0) return luaL_error(L, "file: %s", fault.text);
    lua_pushcfunction(L, push_line);
    lua_pushlightuserdata(L, text);
    int status = lua_pcall(L, 1, 1, 0);
    free(text);
    if (status != LUA_OK) return lua_error(L);
    keep_secret(L, r, lua_tostring(L, -1));
    return 1;
}

/* secretsmanager "name" or { name = ..., key = ..., region = ..., account = ... }: a reference,
 * which is looked up by whoever needs it (prelude/receivers.lua); the upvalue names the service. */
static int config_reference(lua_State *L)
{
    const char *service = lua_tostring(L, lua_upvalueindex(1));
    if (lua_type(L, 1) == LUA_TSTRING) {
        lua_createtable(L, 0, 2);
        lua_pushvalue(L, 1);
        lua_setfield(L, -2, "name");
    } else {
        luaL_checktype(L, 1, LUA_TTABLE);
        if (lua_getfield(L, 1, "name") != LUA_TSTRING)
            return luaL_error(L, "%s: a name is needed: %s \"path/of/it\"", service, service);
        lua_settop(L, 1);
    }
    lua_pushstring(L, service);
    lua_setfield(L, -2, "$secret");
    return 1;
}

static int open_globals(lua_State *L)
{
    struct config_reading *r = lua_touserdata(L, 1);
    static const luaL_Reg functions[] = {{"env", config_env}, {"file", config_file}, {NULL, NULL}};
    static const char *const services[] = {"secretsmanager", "ssm"};
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        lua_pushstring(L, services[i]);
        lua_pushcclosure(L, config_reference, 1);
        lua_setglobal(L, services[i]);
    }
    lua_pushglobaltable(L);
    lua_pushlightuserdata(L, r);
    luaL_setfuncs(L, functions, 1);
    return 0;
}

/* ---- what policies see ---- */

/* Whether a secret stands in the JSON text, where it is written with JSON's escapes. */
static bool secret_in(const struct config_reading *r, const char *json)
{
    bool found = false;
    for (size_t i = 0; i < r->secret_count && !found; i++) {
        struct strbuf quoted;
        strbuf_init(&quoted, SECRET_FILE_MAX * 8);
        json_quote(&quoted, r->secrets[i], strlen(r->secrets[i]));
        if (quoted.len > 2) {
            quoted.data[quoted.len - 1] = '\0';
            found = strstr(json, quoted.data + 1) != NULL;
        }
        strbuf_done(&quoted);
    }
    return found;
}

/* The value at idx as JSON, without secrets; faults are the field's. */
static void vars_json(struct config_reading *r, lua_State *L, int idx, struct strbuf *json)
{
    struct fault fault;
    if (convert_to_json(L, idx, "vars", json, &fault) < 0)
        fields_fault(&r->root, "vars", "%s", fault.text);
    else if (secret_in(r, strbuf_cstr(json)))
        fields_fault(&r->root, "vars",
                     "vars holds what env or file read: policies see vars, secrets do not "
                     "belong there");
}

static int write_json(struct config_reading *r, lua_State *L)
{
    const struct config *config = r->config;
    struct strbuf json, vars;
    struct json_writer w;
    strbuf_init(&json, CONFIG_JSON_MAX);
    strbuf_init(&vars, CONFIG_JSON_MAX);
    if (L && fields_push(&r->root, "vars", 1 << LUA_TTABLE, "a table") != LUA_TNIL)
        vars_json(r, L, -1, &vars);
    if (vars.len == 0) strbuf_adds(&vars, "{}");

    json_writer_init(&w, &json);
    json_object(&w);
    json_key(&w, "environments");
    json_array(&w);
    for (size_t i = 0; i < config->environment_count; i++)
        json_string(&w, config->environments[i]);
    json_array_end(&w);
    json_key(&w, "language");
    json_string(&w, config->language);
    json_key(&w, "mode");
    json_string(&w, mode_names[config->mode]);
    if (config->region) {
        json_key(&w, "region");
        json_string(&w, config->region);
    }
    json_key(&w, "vars");
    json_raw(&w, strbuf_cstr(&vars), vars.len);
    json_object_end(&w);
    int code = strbuf_status(&json);
    if (code == OK) code = strbuf_status(&vars);
    free(r->config->json);
    r->config->json = strbuf_take(&json, NULL);
    strbuf_done(&json);
    strbuf_done(&vars);
    return code == OK && !r->config->json ? ERR_NOMEM : code;
}

/* ---- defaults ---- */

static int set_defaults(struct config *config, const char *dir)
{
    static const char *const names[] = {"prod", "staging"};
    config->mode = MODE_RECOMMEND;
    config->settle_ms = 60000;
    config->policy_memory_bytes = (size_t)32 << 20;
    config->instructions = 5000000;
    config->evaluation_ms = 1000;
    config->policy_wall_ms = 5000;
    config->collect_ms = 30000;
    config->apply_ms = 60000;
    config->source_bytes = VM_SOURCE_MAX;
    config->request_ms = 30000;
    config->connect_ms = 3000;
    config->response_bytes = (size_t)32 << 20;
    config->retry_base_ms = 1000; /* AWS SDKs' standard mode, see io/backoff.h */
    config->retry_cap_ms = 20000;
    config->journal_keep_ms = (int64_t)90 * 86400000;
    config->journal_max_bytes = (int64_t)256 << 20;
    config->record = true;
    config->record_keep_ms = (int64_t)7 * 86400000;
    config->record_max_bytes = (int64_t)1 << 30;
    rail_limits_default(&config->rails);
    notify_settings_init(&config->alerts);
    config->price_per_1000_usd = 0.01; /* Amazon CloudWatch pricing, GetMetricData */
    config->log_level = LOG_INFO;
    config->log_format = -1;
    config->dir = strdup(dir);
    config->language = strdup("en");
    config->policies_dir = fs_join(dir, "policies");
    config->state_dir = fs_join(dir, ".moontide");
    config->environments = calloc(COUNT_OF(names), sizeof *config->environments);
    if (!config->dir || !config->language || !config->policies_dir || !config->state_dir ||
        !config->environments)
        return ERR_NOMEM;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        config->environments[i] = strdup(names[i]);
        if (!config->environments[i]) return ERR_NOMEM;
        config->environment_count++;
    }
    return OK;
}

void config_free(struct config *config)
{
    if (!config) return;
    rail_limits_done(&config->rails);
    notify_settings_done(&config->alerts);
    config_log_done(config);
    config_free_list(&config->environments, &config->environment_count);
    config_free_list(&config->allow, &config->allow_count);
    for (size_t i = 0; i < config->account_count; i++) {
        free(config->accounts[i].name);
        free(config->accounts[i].role_arn);
        free(config->accounts[i].region);
        free(config->accounts[i].external_id);
        free(config->accounts[i].session_name);
    }
    free(config->accounts);
    free(config->dir);
    free(config->file);
    free(config->region);
    free(config->profile);
    free(config->endpoint);
    free(config->policies_dir);
    free(config->state_dir);
    free(config->language);
    free(config->json);
    free(config);
}

/* ---- loading ---- */

/* Arguments: the reading, what the file returned. */
static int read_table(lua_State *L)
{
    struct config_reading *r = lua_touserdata(L, 1);
    luaL_checkstack(L, 30, "moontide.lua");
    r->root.L = L;
    r->root.at = 2;
    if (!lua_istable(L, 2)) {
        fields_fault(&r->root, NULL, "the file must return a table, not a %s", luaL_typename(L, 2));
        return 0;
    }
    config_read_fields(r);
    if (write_json(r, L) < 0) return luaL_error(L, "out of memory");
    return 0;
}

static int run_file(struct config_reading *r, const char *source, size_t len, struct fault *fault)
{
    struct binding binding = {.faults = r->faults};
    struct vm_options options = {.sandboxed = true, .owner = &binding};
    struct vm_budget budget = {
        .instructions = CONFIG_INSTRUCTIONS, .wall_ms = CONFIG_WALL_MS, .what = "load"};
    struct vm *vm = NULL;
    char chunk[FAULT_FILE_MAX];
    snprintf(chunk, sizeof chunk, "@%.*s", FAULT_FILE_MAX - 2, r->root.file);
    int code = vm_new(&options, &vm);
    if (code < 0) return fault_set(fault, code, "no Lua state: %s", err_text(code));
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, open_globals);
    lua_pushlightuserdata(L, r);
    code = vm_call(vm, L, 1, 0, fault, NULL);
    vm_budget(vm, &budget);
    if (code == OK) code = vm_load(vm, source, len, chunk, fault);
    if (code == OK) code = vm_call(vm, L, 0, 1, fault, NULL);
    if (code == OK) {
        lua_pushcfunction(L, read_table);
        lua_insert(L, 1);
        lua_pushlightuserdata(L, r);
        lua_insert(L, 2);
        vm_budget(vm, NULL);
        code = vm_call(vm, L, 2, 0, fault, NULL);
    }
    vm_free(vm);
    return code;
}

static int load_file(struct config_reading *r, const char *path)
{
    struct fault fault;
    char *text = NULL;
    size_t len = 0;
    int code = fs_read_file(path, VM_SOURCE_MAX, &text, &len, &fault);
    if (code == ERR_NOT_FOUND) return OK; /* all defaults */
    const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    snprintf(r->root.file, sizeof r->root.file, "%s", shown);
    if (code == OK) {
        struct source *source = NULL;
        r->config->file = strdup(path);
        if (!r->config->file || source_new(path, text, len, &source) < 0)
            code = fault_set(&fault, ERR_NOMEM, "out of memory");
        r->root.source = source;
        if (code == OK) code = run_file(r, text, len, &fault);
        r->root.source = NULL;
        source_free(source);
    }
    free(text);
    if (code < 0) {
        if (!fault.file[0]) fault_at(&fault, shown, 0, 0);
        faults_add(r->faults, &fault);
    }
    return code;
}

int config_load(const char *dir, struct config **out, struct faults *faults)
{
    struct faults found;
    faults_init(&found);
    struct config_reading r = {.faults = &found};
    r.root = (struct fields){.what = "configuration", .site = "return", .faults = &found};
    char *path = fs_join(dir, "moontide.lua");
    r.config = calloc(1, sizeof *r.config);
    int code = path && r.config ? set_defaults(r.config, dir) : ERR_NOMEM;
    if (code == OK) code = write_json(&r, NULL);
    if (code == OK) code = load_file(&r, path);
    if (code < 0 && found.count == 0) {
        struct fault fault;
        fault_set(&fault, code, "%s", err_text(code));
        faults_add(&found, &fault);
    }
    if (code == OK && found.count > 0) code = found.items[0].code;
    for (size_t i = 0; i < found.count; i++)
        faults_add(faults, &found.items[i]);
    faults_done(&found);
    for (size_t i = 0; i < r.secret_count; i++)
        free(r.secrets[i]);
    free(r.secrets);
    free(path);
    if (code < 0)
        config_free(r.config);
    else
        *out = r.config;
    return code;
}
