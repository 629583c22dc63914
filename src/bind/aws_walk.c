/* bind/aws_walk.c - from page to page, and what a waiter thinks of an answer: what prelude/aws.lua
 * asks of the models. */
#include "aws.h"

#include "moontide/aws/pagination.h"
#include "moontide/aws/waiter.h"
#include "moontide/base/nearest.h"

#include <string.h>

enum { TOKENS_MAX = 8 };

static const struct operation *check_operation(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    return aws_operation(L, client, check_text(L, 2, "aws: the name of the operation"));
}

/* The tokens of a page, as values on the stack that were there before the reader began. */
struct tokens {
    lua_State *L;
    int first_idx;
    int count;
    const char *names[TOKENS_MAX];
    bool too_many;
};

static void keep_token(void *data, const char *name, struct value_reader *at)
{
    struct tokens *tokens = data;
    if (tokens->count == TOKENS_MAX) {
        tokens->too_many = true;
        return;
    }
    if (at) lua_copy(tokens->L, -1, tokens->first_idx + tokens->count);
    tokens->names[tokens->count++] = name;
}

/* (client, operation, page, cursor, params): sets the tokens of the next page in params. Returns
 * whether there is one, and the cursor for the next time. */
int aws_next_page(lua_State *L)
{
    const struct operation *operation = check_operation(L);
    const struct aws_client *client = aws_check_client(L, 1);
    struct page_cursor cursor = {.tokens = (uint64_t)luaL_checkinteger(L, 4)};
    struct lua_reader reader;
    struct fault fault = {0};
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 5, LUA_TTABLE);
    lua_settop(L, 5);
    if (!operation->pagination) {
        lua_pushboolean(L, false);
        return 1;
    }
    struct tokens tokens = {.L = L, .first_idx = 6};
    lua_settop(L, 5 + TOKENS_MAX); /* nil */
    lua_getiuservalue(L, 1, CLIENT_NAMES);
    lua_reader_init(&reader, L, 3, -1);
    int more =
        page_next(operation->pagination, &reader.reader, &cursor, keep_token, &tokens, &fault);
    lua_reader_done(&reader);
    if (tokens.too_many) more = fault_set(&fault, ERR_LIMIT, "more than %d tokens", TOKENS_MAX);
    if (more < 0) return aws_raise_fault(L, client, operation, &fault);
    for (int i = 0; more > 0 && i < tokens.count; i++) {
        lua_pushstring(L, tokens.names[i]);
        lua_pushvalue(L, tokens.first_idx + i);
        lua_rawset(L, 5);
    }
    lua_pushboolean(L, more > 0);
    lua_pushinteger(L, (lua_Integer)cursor.tokens);
    return 2;
}

static void check_member(lua_State *L, const struct shape *shape, const char *name, size_t len)
{
    if (shape_member(shape, name, len)) return;
    const char **names = lua_newuserdatauv(L, (shape->member_count + 1) * sizeof *names, 0);
    for (uint32_t i = 0; i < shape->member_count; i++)
        names[i] = shape->members[i].name;
    names[shape->member_count] = NULL;
    const char *text = lua_pushlstring(L, name, len), *near = nearest_name(text, names);
    luaL_error(L, "items: %s has no '%s'%s%s%s", shape->name, text, near ? " (did you mean '" : "",
               near ? near : "", near ? "'?)" : "");
}

/* (client, operation, key): the names that lead to the list of items, as a list. Without a key that
 * of the model's paginator. */
int aws_result_key(lua_State *L)
{
    const struct operation *operation = check_operation(L);
    const struct shape *shape = operation->output;
    const char *key = NULL;
    if (!lua_isnoneornil(L, 3))
        key = check_text(L, 3, "items: the key");
    else if (operation->pagination && operation->pagination->result_key)
        key = operation->pagination->result_key[0];
    if (!key)
        return luaL_error(L, "items: %s does not say which list it pages; name it",
                          operation->snake);
    lua_newtable(L);
    for (lua_Integer n = 1; *key; n++) {
        size_t len = strcspn(key, ".");
        if (shape && shape->type == SHAPE_STRUCTURE) {
            check_member(L, shape, key, len);
            shape = shape_member(shape, key, len)->shape;
        }
        lua_pushlstring(L, key, len);
        lua_rawseti(L, -2, n);
        key += len + (key[len] == '.');
    }
    return 1;
}

/* ---- waiters ---- */

static const struct waiter *check_waiter(lua_State *L)
{
    const struct aws_client *client = aws_check_client(L, 1);
    const struct model *model = client->model;
    const char *name = check_text(L, 2, "wait: the name of a waiter");
    const struct waiter *waiter = model_waiter(model, name);
    if (waiter) return waiter;
    if (model->waiter_count == 0)
        luaL_error(L, "wait: the model of %s has no waiters", model->service);
    const char **names = lua_newuserdatauv(L, (model->waiter_count + 1) * sizeof *names, 0);
    for (uint32_t i = 0; i < model->waiter_count; i++)
        names[i] = model->waiters[i].snake;
    names[model->waiter_count] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        luaL_error(L, "wait: %s has no waiter '%s' (did you mean '%s'?)", model->service, name,
                   near);
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (uint32_t i = 0; i < model->waiter_count; i++) {
        if (i > 0) luaL_addstring(&all, ", ");
        luaL_addstring(&all, names[i]);
    }
    luaL_pushresult(&all);
    luaL_error(L, "wait: %s has no waiter '%s'; it has %s", model->service, name,
               lua_tostring(L, -1));
    return NULL;
}

int aws_waiter(lua_State *L)
{
    const struct waiter *waiter = check_waiter(L);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, waiter->operation->snake);
    lua_setfield(L, -2, "operation");
    lua_pushinteger(L, waiter->delay_s);
    lua_setfield(L, -2, "delay");
    lua_pushinteger(L, waiter->max_attempts);
    lua_setfield(L, -2, "max_attempts");
    return 1;
}

/* (client, name, result or nil, error or nil, status): "success", "failure" or "retry" */
int aws_judge(lua_State *L)
{
    static const char *const states[] = {
        [WAITER_SUCCESS] = "success", [WAITER_FAILURE] = "failure", [WAITER_RETRY] = "retry"};
    const struct waiter *waiter = check_waiter(L);
    const struct aws_client *client = aws_check_client(L, 1);
    struct waiter_answer answer = {.status = (int)luaL_optinteger(L, 5, 200)};
    struct lua_reader reader;
    struct fault fault = {0};
    enum waiter_state state = WAITER_FAILURE;
    lua_settop(L, 5);
    if (lua_istable(L, 4)) {
        lua_pushliteral(L, "code");
        lua_rawget(L, 4);
        answer.error_code = lua_tostring(L, -1);
    }
    lua_getiuservalue(L, 1, CLIENT_NAMES);
    lua_reader_init(&reader, L, 3, -1);
    if (lua_istable(L, 3)) answer.result = &reader.reader;
    int code = waiter_judge(waiter, &answer, &state, &fault);
    lua_reader_done(&reader);
    if (code < 0) return aws_raise_fault(L, client, waiter->operation, &fault);
    lua_pushstring(L, states[state]);
    return 1;
}
