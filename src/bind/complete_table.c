/* bind/complete_table.c - what may stand inside a table constructor or a string.
 *
 * The brackets that are open lead from the outside in:
 *
 *   ecs:run_task { overrides = { containerOverrides = { { na
 *   call, its 1st    key           key                  item -> the keys of that type
 *
 * The call says the type: that of an operation of a client, else the signature that documents the
 * function. */
#include "complete_text.h"

#include "aws.h"
#include "moontide/bind/docs.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 128 };

struct call {
    int last;      /* the token that the name of the function ends with */
    int arguments; /* the "(", or -1: one constructor or string alone */
    int index;     /* which argument, from 1 */
};

static bool token_text(const struct text *text, int at, const char *word)
{
    return text_is(text, at, TOKEN_NAME) && token_is(&text->tokens[at], word);
}

static void copy_token(const struct text *text, int at, char out[NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%.*s", (int)text->tokens[at].len, text->tokens[at].text);
}

/* ---- a method of a client of aws ---- */

/* The operation (or that of the waiter) that the first argument names. */
static const struct operation *named_operation(const struct text *text, const struct call *call,
                                               const struct model *model, bool waiter)
{
    char name[NAME_MAX_BYTES];
    if (call->arguments < 0 || !text_is(text, call->arguments + 1, TOKEN_STRING)) return NULL;
    copy_token(text, call->arguments + 1, name);
    if (!waiter) return model_operation(model, name);
    const struct waiter *found = model_waiter(model, name);
    return found ? found->operation : NULL;
}

static bool takes_operation(const struct text *text, int at)
{
    static const char *const names[] = {"pages", "items", "help", "serialize", "parse"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (token_text(text, at, names[i])) return true;
    return false;
}

static bool operation_type(const struct text *text, const struct call *call,
                           const struct model *model, struct type *out)
{
    char name[NAME_MAX_BYTES];
    const struct operation *operation = NULL;
    bool waiter = token_text(text, call->last, "wait");
    copy_token(text, call->last, name);
    if (call->index == 1) operation = model_operation(model, name);
    if (call->index == 2 && (waiter || takes_operation(text, call->last)))
        operation = named_operation(text, call, model, waiter);
    *out = (struct type){.shape = operation ? operation->input : NULL};
    return out->shape != NULL;
}

/* The names that are first arguments of a client's methods. */
static void add_names(const struct candidates *to, const struct text *text, const struct call *call,
                      const struct model *model)
{
    bool waiter = token_text(text, call->last, "wait");
    for (uint32_t i = 0; waiter && i < model->waiter_count; i++)
        add_candidate(to, model->waiters[i].snake, strlen(model->waiters[i].snake));
    if (waiter || !takes_operation(text, call->last)) return;
    for (uint32_t i = 0; i < model->operation_count; i++)
        add_candidate(to, model->operations[i].snake, strlen(model->operations[i].snake));
}

/* ---- any function that is documented ---- */

/* A module that can be called is documented by its __call. */
static const struct vm_function *function_of(const struct docs_entry *entry)
{
    char name[NAME_MAX_BYTES];
    struct docs_entry call;
    if (entry->function || entry->field || !entry->module->name) return entry->function;
    snprintf(name, sizeof name, "%s.__call", entry->module->name);
    return docs_find(name, 0, &call) ? call.function : NULL;
}

static bool find_by_name(const struct text *text, int last, struct docs_entry *entry)
{
    char name[NAME_MAX_BYTES] = "";
    int begin = text_name_begin(text, last);
    size_t len = 0;
    for (int i = begin; begin >= 0 && i <= last; i++) {
        const struct token *token = &text->tokens[i];
        if (token->kind != TOKEN_NAME && token->kind != '.') return false;
        if (len + token->len >= sizeof name) return false;
        memcpy(name + len, token->text, token->len);
        len += token->len;
        name[len] = '\0';
    }
    return len > 0 && docs_find(name, 0, entry);
}

/* Pushes the function that is called; false: nothing is pushed. */
static bool push_function(lua_State *L, const struct text *text, const struct call *call)
{
    if (!text_is(text, call->last - 1, ':')) return text_push_value(L, text, call->last);
    if (!text_push_value(L, text, call->last - 2)) return false;
    if (lua_type(L, -1) == LUA_TSTRING) (void)luaL_getmetafield(L, -1, "__index");
    lua_pushlstring(L, text->tokens[call->last].text, text->tokens[call->last].len);
    get_field_raw(L);
    return true;
}

static bool documented_type(lua_State *L, const struct text *text, const struct call *call,
                            struct type *out)
{
    struct docs_entry entry;
    int top = lua_gettop(L);
    bool method = text_is(text, call->last - 1, ':');
    bool found = !method && find_by_name(text, call->last, &entry);
    if (!found && push_function(L, text, call)) found = docs_of_value(L, -1, &entry);
    lua_settop(L, top);
    const struct vm_function *function = found ? function_of(&entry) : NULL;
    return function && type_of_parameter(function->signature, call->index, out);
}

/* ---- calls ---- */

/* The client whose method is called, or NULL. It stays where Lua has it. */
static const struct aws_client *client_of(lua_State *L, const struct text *text,
                                          const struct call *call)
{
    if (!text_is(text, call->last - 1, ':')) return NULL;
    if (!text_push_value(L, text, call->last - 2)) return NULL;
    const struct aws_client *client = aws_test_client(L, -1);
    lua_pop(L, 1);
    return client;
}

static bool argument_type(lua_State *L, const struct text *text, const struct call *call,
                          struct type *out)
{
    const struct aws_client *client = client_of(L, text, call);
    if (client && operation_type(text, call, client->model, out)) return true;
    if (!client) return documented_type(L, text, call, out);
    char method[NAME_MAX_BYTES], name[NAME_MAX_BYTES + sizeof "aws.client:"];
    struct docs_entry entry;
    copy_token(text, call->last, method);
    snprintf(name, sizeof name, "aws.client:%s", method);
    return docs_find(name, 0, &entry) && entry.function &&
           type_of_parameter(entry.function->signature, call->index, out);
}

/* What is called with the constructor or string that begins at token `at` (which may be the word:
 * text->count), inside of the k-th open bracket (-1: none). */
static bool call_of(const struct text *text, int at, int k, struct call *out)
{
    int open = k >= 0 ? text->open[k] : -1, depth = 0;
    *out = (struct call){.last = at - 1, .arguments = -1, .index = 1};
    if (text_is(text, at - 1, TOKEN_NAME)) return true;
    if (!text_is(text, open, '(') || !(open == at - 1 || text_is(text, at - 1, ','))) return false;
    *out = (struct call){.last = open - 1, .arguments = open, .index = 1};
    for (int i = open + 1; i < at; i++) {
        int kind = text->tokens[i].kind;
        depth += (kind == '(' || kind == '{' || kind == '[') -
                 (kind == ')' || kind == '}' || kind == ']');
        out->index += kind == ',' && depth == 0;
    }
    return text_is(text, open - 1, TOKEN_NAME);
}

/* ---- constructors ---- */

static bool item_begins(const struct text *text, int at, int open)
{
    return open == at - 1 || text_is(text, at - 1, ',') || text_is(text, at - 1, ';');
}

/* The type of what begins at token `at`, inside of the k-th open bracket. */
static bool type_at(lua_State *L, const struct text *text, int at, int k, struct type *out)
{
    struct call call;
    struct type outer;
    int open = k >= 0 ? text->open[k] : -1;
    if (text_is(text, at - 1, '=')) {
        bool bracketed = text_is(text, at - 2, ']') && text_is(text, at - 3, TOKEN_STRING);
        int key = bracketed ? at - 3 : at - 2;
        if (!text_is(text, open, '{') || (!bracketed && !text_is(text, key, TOKEN_NAME)))
            return false;
        return type_at(L, text, open, k - 1, &outer) &&
               type_of_key(&outer, text->tokens[key].text, text->tokens[key].len, out);
    }
    if (text_is(text, open, '{') && item_begins(text, at, open))
        return type_at(L, text, open, k - 1, &outer) && type_of_item(&outer, out);
    return call_of(text, at, k, &call) && argument_type(L, text, &call, out);
}

/* Keys that the constructor has already. */
static void remove_present(const struct candidates *to, const struct text *text, int open)
{
    int depth = 0;
    for (int i = open + 1; i + 1 < text->count; i++) {
        int kind = text->tokens[i].kind;
        depth += (kind == '(' || kind == '{' || kind == '[') -
                 (kind == ')' || kind == '}' || kind == ']');
        if (depth || kind != TOKEN_NAME || !text_is(text, i + 1, '=')) continue;
        lua_pushlstring(to->L, text->tokens[i].text, text->tokens[i].len);
        lua_pushnil(to->L);
        lua_rawset(to->L, to->set);
    }
}

static bool any(const struct candidates *to)
{
    lua_pushnil(to->L);
    if (!lua_next(to->L, to->set)) return false;
    lua_pop(to->L, 2);
    return true;
}

static void add_texts(const struct candidates *to, const struct text *text, int k)
{
    struct type type;
    struct call call;
    if (type_at(to->L, text, text->count, k, &type)) type_texts(&type, to);
    if (text_is(text, text->count - 1, '=') || !call_of(text, text->count, k, &call)) return;
    const struct aws_client *client = client_of(to->L, text, &call);
    if (client && call.index == 1) add_names(to, text, &call, client->model);
    bool service = token_text(text, call.last, "client") && text_is(text, call.last - 1, '.') &&
                   token_text(text, call.last - 2, "aws") && call.index == 1;
    for (size_t i = 0; service && model_builtin_names[i]; i++)
        add_candidate(to, model_builtin_names[i], strlen(model_builtin_names[i]));
}

bool complete_typed(const struct candidates *to, const struct text *text)
{
    struct type type;
    int k = text->open_count - 1;
    int open = k >= 0 ? text->open[k] : -1;
    if (text->in_string) {
        add_texts(to, text, k);
    } else if (text_is(text, open, '{') && item_begins(text, text->count, open) &&
               type_at(to->L, text, open, k - 1, &type)) {
        type_keys(&type, to);
        remove_present(to, text, open);
    }
    return any(to);
}
