/* bind/mail.c - the Lua module `mail`, for receivers alone: one message to a mail server; waits.
 *
 *   local answer = mail.send { url = "smtp://mail.example.com:587", from = "a@example.com",
 *                              to = { "b@example.com" }, data = message, username = "a",
 *                              password = "...", tls = "starttls", timeout = "30s" }
 *   answer.status, answer.line, answer.refused[1].address, .status, .line
 *
 * tls: "starttls" (the default), "tls" (from the first byte), "optional", "none". What is not taken
 * throws an error object with `status` where the server said one. */
#include "check.h"

#include "moontide/io/smtp.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct mail_refusal {
    char *address;
    int status;
    char line[SMTP_LINE_MAX];
};

/* Owns one mail; the answer is kept here until the task goes on. */
struct mail_box {
    struct vm *vm;
    uint64_t wait_id;
    struct smtp_mail *mail; /* NULL: not under way */
    int code, status;
    char line[SMTP_LINE_MAX];
    struct mail_refusal *refused; /* shape: [refused_count] */
    size_t refused_count;
    struct fault fault;
};

static const char BOX_TYPE[] = "moontide.mail";

static int box_close(lua_State *L)
{
    struct mail_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    smtp_cancel(box->mail);
    for (size_t i = 0; i < box->refused_count; i++)
        free(box->refused[i].address);
    free(box->refused);
    box->mail = NULL;
    box->refused = NULL;
    box->refused_count = 0;
    return 0;
}

static struct mail_box *box_new(lua_State *L)
{
    struct mail_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct mail_box){.vm = vm_of(L)};
    task_box(L, BOX_TYPE, box_close);
    return box;
}

static void keep_line(char out[SMTP_LINE_MAX], const char *line)
{
    size_t len = strnlen(line, SMTP_LINE_MAX - 1);
    memcpy(out, line, len);
    out[len] = '\0';
}

static bool keep_refused(struct mail_box *box, const struct smtp_answer *answer)
{
    if (answer->refused_count == 0) return true;
    box->refused = calloc(answer->refused_count, sizeof *box->refused);
    if (!box->refused) return false;
    for (size_t i = 0; i < answer->refused_count; i++) {
        struct mail_refusal *to = &box->refused[box->refused_count];
        to->address = strdup(answer->refused[i].address);
        if (!to->address) return false;
        to->status = answer->refused[i].status;
        keep_line(to->line, answer->refused[i].line);
        box->refused_count++;
    }
    return true;
}

static void on_answer(void *data, const struct smtp_answer *answer)
{
    struct mail_box *box = data;
    box->mail = NULL;
    box->code = answer->code;
    box->status = answer->status;
    box->fault = answer->fault;
    keep_line(box->line, answer->line);
    if (!keep_refused(box, answer))
        box->code = fault_set(&box->fault, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    task_wake(box->vm, box->wait_id);
}

static void push_refused(lua_State *L, const struct mail_box *box)
{
    lua_createtable(L, (int)box->refused_count, 0);
    for (size_t i = 0; i < box->refused_count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushstring(L, box->refused[i].address);
        lua_setfield(L, -2, "address");
        lua_pushinteger(L, box->refused[i].status);
        lua_setfield(L, -2, "status");
        lua_pushstring(L, box->refused[i].line);
        lua_setfield(L, -2, "line");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int throw_failure(lua_State *L, const struct mail_box *box)
{
    luaL_checkstack(L, 10, "error");
    push_error_code(L, box->code);
    const char *message = lua_pushfstring(L, "mail.send: %s", box->fault.text);
    vm_push_error(L, lua_tostring(L, -2), message);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "text");
    lua_pushboolean(L, err_retryable(box->code));
    lua_setfield(L, -2, "retryable");
    push_error_code(L, box->code);
    lua_setfield(L, -2, "kind");
    if (box->status > 0) {
        lua_pushinteger(L, box->status);
        lua_setfield(L, -2, "status");
    }
    push_refused(L, box);
    lua_setfield(L, -2, "refused");
    return lua_error(L);
}

static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    const struct mail_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    if (box->code < 0) return throw_failure(L, box);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, box->status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, box->line);
    lua_setfield(L, -2, "line");
    push_refused(L, box);
    lua_setfield(L, -2, "refused");
    return 1;
}

/* The texts of the list at idx; the array is pushed. What it points to lives in the table. */
static const char **check_recipients(lua_State *L, int idx, size_t *count)
{
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_Unsigned n = lua_rawlen(L, idx);
    if (n == 0 || n > SMTP_RECIPIENTS_MAX)
        luaL_error(L, "mail.send: to has 1 to %d addresses", SMTP_RECIPIENTS_MAX);
    const char **to = lua_newuserdatauv(L, (size_t)n * sizeof *to, 0);
    for (lua_Unsigned i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, (lua_Integer)i);
        to[i - 1] = check_text(L, -1, "mail.send: an address of to");
        lua_pop(L, 1);
    }
    *count = (size_t)n;
    return to;
}

/* The text stays on the stack. */
static const char *text_field(lua_State *L, const char *name, bool required)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL && !required) return NULL;
    return check_text(L, -1, name);
}

static int64_t time_field(lua_State *L, const char *name)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL) return 0;
    return convert_duration_ms(L, -1, name);
}

static enum smtp_tls check_tls(lua_State *L, const char *url)
{
    static const char *const names[] = {"starttls", "optional", "none", "tls", NULL};
    lua_getfield(L, 1, "tls");
    int which = luaL_checkoption(L, -1, "starttls", names);
    bool whole = strncasecmp(url, "smtps:", 6) == 0;
    if ((which == 3) != whole && !(whole && lua_isnil(L, -1)))
        luaL_error(L, "mail.send: tls = \"tls\" belongs to smtps://, and only to it");
    return which == 3 || whole ? SMTP_STARTTLS : (enum smtp_tls)which;
}

static const struct vm_field send_fields[] = {
    {"url", "string", "The server: \"smtp://mail.example.com:587\" or smtps://."},
    {"from", "string", "The sender's address."},
    {"to", "string[]", "The recipients' addresses."},
    {"data", "string", "The message, head and body, as it is sent."},
    {"tls", "\"starttls\"|\"tls\"|\"optional\"|\"none\"?",
     "\"starttls\" unless the URL is smtps://, which is \"tls\"."},
    {"username", "string?", "For the server."},
    {"password", "string?", "For the server."},
    {"timeout", "duration?", "Of the whole; 40 s."},
    {"connect_timeout", "duration?", "Until the greeting; 5 s."},
    {"stall_timeout", "duration?", "While nothing comes and nothing leaves; 20 s."},
    {NULL, NULL, NULL}};

static int mail_send(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    vm_check_fields(L, 1, "mail.send", send_fields);
    luaL_checkstack(L, 24, "mail.send");
    struct smtp_options options = {.url = text_field(L, "url", true),
                                   .from = text_field(L, "from", true),
                                   .username = text_field(L, "username", false),
                                   .password = text_field(L, "password", false)};
    options.tls = check_tls(L, options.url);
    options.timeout_ms = time_field(L, "timeout");
    options.connect_timeout_ms = time_field(L, "connect_timeout");
    options.stall_timeout_ms = time_field(L, "stall_timeout");
    lua_getfield(L, 1, "data");
    options.data = luaL_checklstring(L, -1, &options.len);
    lua_getfield(L, 1, "to");
    options.to = check_recipients(L, lua_gettop(L), &options.to_count);

    const struct host *host = binding_of(L)->host;
    if (!host->http) return luaL_error(L, "mail.send: there is no network here");
    uint64_t wait_id = task_wait_id(L, "mail.send");
    struct mail_box *box = box_new(L);
    int box_idx = lua_gettop(L);
    box->wait_id = wait_id;
    lua_toclose(L, box_idx);
    int code = smtp_send(host->loop, host->http, &options, on_answer, box, &box->mail, &box->fault);
    if (code < 0) return raise_fault(L, "mail.send", &box->fault);
    return task_wait(L, box_idx, finish);
}

static const struct vm_function functions[] = {
    {"send", mail_send, "(fields: mail.send.fields): mail.answer",
     "Hands one message to a mail server and waits. What it does not take is an error object, with "
     "status where the server said one."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field refusal_fields[] = {{"address", "string", "Whose."},
                                                 {"status", "integer", "The server's code."},
                                                 {"line", "string", "What the server said."},
                                                 {NULL, NULL, NULL}};
static const struct vm_field answer_fields[] = {
    {"status", "integer", "The server's code."},
    {"line", "string", "What the server said."},
    {"refused", "mail.refusal[]", "Addresses that were not taken, while others were."},
    {NULL, NULL, NULL}};

const struct vm_docs mail_docs = {DOCS_MODULE, "mail", DOCS_RECEIVER, "Mail, for receivers alone.",
                                  functions,   NULL};
const struct vm_docs mail_send_docs = {
    DOCS_CLASS, "mail.send.fields", DOCS_RECEIVER, "One message.", NULL, send_fields};
const struct vm_docs mail_answer_docs = {
    DOCS_CLASS, "mail.answer", DOCS_RECEIVER, "What became of a message.", NULL, answer_fields};
const struct vm_docs mail_refusal_docs = {DOCS_CLASS,    "mail.refusal",
                                          DOCS_RECEIVER, "An address that was not taken.",
                                          NULL,          refusal_fields};

int open_mail(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
