/* bind/courier_core.c - the functions that receivers.lua is given: files, signatures, and what the
 * running message is allowed. */
#include "courier_state.h"

#include "fields.h"
#include "moontide/base/fs.h"
#include "moontide/base/hash.h"
#include "moontide/bind/config.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/prelude.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "receiver_"; /* of files, in prelude and lib */
enum { TYPES_MAX = 64 };

static const struct config *config_of(lua_State *L)
{
    const struct post *post = lua_touserdata(L, lua_upvalueindex(1));
    return post->host->config;
}

/* A file's text and its chunk name; or nil and, where it is there but cannot be read, why. */
static int push_file(lua_State *L, char *path)
{
    char *text = NULL, chunk[FAULT_FILE_MAX];
    size_t len = 0;
    struct fault fault = {0};
    if (!path) return luaL_error(L, "out of memory");
    int code = fs_read_file(path, VM_SOURCE_MAX, &text, &len, &fault);
    snprintf(chunk, sizeof chunk, "@%.*s", FAULT_FILE_MAX - 2, path);
    free(path);
    if (code == OK) {
        lua_pushlstring(L, text, len);
        lua_pushstring(L, chunk);
    } else {
        lua_pushnil(L);
        lua_pushstring(L, code == ERR_NOT_FOUND ? NULL : fault.text);
    }
    free(text);
    return 2;
}

/* source(type): of the binary, else of the operator's lib. */
static int core_source(lua_State *L)
{
    const char *type = luaL_checkstring(L, 1);
    const struct config *config = config_of(L);
    char file[RECEIVER_TYPE_MAX + sizeof PREFIX + 16];
    size_t len = strlen(type);
    if (len == 0 || len >= RECEIVER_TYPE_MAX ||
        strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
        return 0;
    snprintf(file, sizeof file, "%s%s", PREFIX, type);
    const struct prelude_file *found = prelude_find(file);
    if (found) {
        lua_pushlstring(L, found->source, found->len);
        lua_pushfstring(L, "@moontide/%s.lua", file);
        return 2;
    }
    if (!config) return 0;
    snprintf(file, sizeof file, "lib/%s%s.lua", PREFIX, type);
    return push_file(L, fs_join(config->policies_dir, file));
}

/* types(): a table whose keys are the types of the binary. */
static int core_types(lua_State *L)
{
    lua_newtable(L);
    for (const struct prelude_file *file = prelude_files; file->name; file++) {
        if (strncmp(file->name, PREFIX, sizeof PREFIX - 1) != 0) continue;
        lua_pushboolean(L, true);
        lua_setfield(L, -2, file->name + sizeof PREFIX - 1);
    }
    return 1;
}

/* template(): the text of the operator's message.lua and its chunk name; nil: there is none. */
static int core_template(lua_State *L)
{
    const struct config *config = config_of(L);
    if (!config || !config->alerts.templates_dir) return 0;
    return push_file(L, fs_join(config->alerts.templates_dir, "message.lua"));
}

/* place(): the configuration's language, and its region or nil. */
static int core_place(lua_State *L)
{
    const struct config *config = config_of(L);
    lua_pushstring(L, config && config->language ? config->language : "en");
    lua_pushstring(L, config ? config->region : NULL);
    return 2;
}

/* nearest(name, table): " (did you mean 'x'?)", x one of the table's keys; or "". */
static int core_nearest(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *names[TYPES_MAX + 1];
    size_t count = 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        if (count < TYPES_MAX && lua_type(L, -2) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -2);
    names[count] = NULL;
    lua_pushstring(L, fields_hint(name, names).text);
    return 1;
}

/* hmac(secret, text): HMAC-SHA256 (RFC 2104) in lower case hex. */
static int core_hmac(lua_State *L)
{
    size_t key_len, len;
    const char *key = luaL_checklstring(L, 1, &key_len), *text = luaL_checklstring(L, 2, &len);
    unsigned char made[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned made_len = 0;
    luaL_argcheck(L, key_len > 0 && key_len <= 4096, 1, "a secret has 1 to 4096 bytes");
    if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, len, made, &made_len))
        return luaL_error(L, "hmac failed");
    hex_encode(made, made_len, hex);
    lua_pushstring(L, hex);
    return 1;
}

static int core_base64(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, len <= 1024 * 1024, 1, "too long");
    luaL_Buffer buffer;
    char *to = luaL_buffinitsize(L, &buffer, 4 * ((len + 2) / 3) + 1);
    int made = EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)text, (int)len);
    luaL_pushresultsize(&buffer, (size_t)made);
    return 1;
}

static int core_renders(lua_State *L)
{
    call_renders(task_tag(L), lua_toboolean(L, 1) != 0);
    return 0;
}

/* left(): seconds until the running message is given up. */
static int core_left(lua_State *L)
{
    lua_pushnumber(L, call_seconds_left(task_tag(L)));
    return 1;
}

static const struct vm_function shared_functions[] = {
    {"hmac", core_hmac, "(secret: string, text: string): string",
     "HMAC-SHA256 in lower case hexadecimal."},
    {"base64", core_base64, "(text: string): string", "Base64 of up to 1 MiB."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function kit_functions[] = {
    {"receiver", NULL, "(fields: receiver.fields): receiver.fields",
     "What a receiver's file returns."},
    {"fail", NULL, "(failure: receiver.failure|string)",
     "Ends send with a failure; a text alone may be given."},
    {"accept", NULL, "(answer: http.answer, options?: { html: boolean }): string",
     "The body of a 2xx; throws what any other answer means, a page of HTML too unless it is "
     "wanted."},
    {"accept_json", NULL, "(answer: http.answer): table", "The same, decoded."},
    {"refuse", NULL, "(answer: http.answer, more?: string)",
     "Throws what an answer means: whether it may pass, and when to try again."},
    {"post_json", NULL, "(url: string, value: any, headers?: table<string, string>): http.answer",
     "Sends a table as JSON with POST; waits at most 15 s."},
    {"each_alert", NULL,
     "(notification: table, state: table?, left: (fun(): number), f: fun(alert: table)): integer, "
     "string?",
     "Calls f for each alert that was not taken at an earlier attempt, four at a time; fails when "
     "one fails, and keeps which were taken. How many there are, and a warning when not all are "
     "listed."},
    {"cut", NULL, "(text: string, bytes: integer): string",
     "At most so many bytes, cut at a character, and what is gone is said."},
    {"cut_characters", NULL, "(text: string, most: integer): string", "The same in characters."},
    {"escape_markdown", NULL, "(text: any): string",
     "With a backslash before what Markdown takes for a mark."},
    {"iso", NULL, "(ms: number): string", "A time in milliseconds as ISO 8601 text."},
    {"pair", NULL, "(each: table): string, string",
     "The name and the value of a fact or a link of a message."},
    {"advice_of", NULL, "(alert: table, escape: fun(text: string): string): string[]",
     "What an alert of a message recommends, and what was decided, as lines."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field receiver_fields[] = {
    {"type", "string", "As in the file's name: receiver_<type>.lua."},
    {"doc", "string?", "One line for people."},
    {"fields", "table<string, table>",
     "What the configuration may say: { "
     "\"string\"|\"url\"|\"number\"|\"boolean\"|\"duration\"|\"list\"|\"table\", required, secret, "
     "choices, doc }."},
    {"check", "(fun(settings: table): string?)?",
     "What is wrong with settings, more than fields can say; nil: nothing."},
    {"send",
     "fun(settings: table, message: receiver.message, notification: table, state: table?, left: "
     "fun(): number): receiver.result",
     "Delivers one message; waits. left() is how many seconds this attempt has."},
    {NULL, NULL, NULL}};
static const struct vm_field message_fields[] = {
    {"title", "string", "At most 120 characters, one line."},
    {"severity", "string?", "The worst that fires."},
    {"status", "string", "\"firing\", \"resolved\" or \"test\"."},
    {"color", "string", "For the severity."},
    {"summary", "string", "One line."},
    {"text", "string", "The whole, plain."},
    {"markdown", "string", "The whole, for Slack."},
    {"html", "string", "The whole, a mail."},
    {"alerts", "table[]", "Each in words."},
    {"more", "integer?", "Alerts that are not listed."},
    {"links", "table[]", "Names and URLs."},
    {"silence", "string?", "The command that silences it."},
    {NULL, NULL, NULL}};
static const struct vm_field result_fields[] = {
    {"answer", "string?", "One line for the history, without secrets."},
    {"state", "table?", "What the next message of this group is given."},
    {"warning", "string?", "Said in the log."},
    {NULL, NULL, NULL}};
static const struct vm_field failure_fields[] = {
    {"text", "string", "What went wrong."},
    {"permanent", "boolean?", "Trying again would not help."},
    {"retry_after", "number?", "Seconds until the next attempt."},
    {"state", "table?", "What the next attempt is given."},
    {"code", "string?", "Of the service."},
    {NULL, NULL, NULL}};

const struct vm_docs courier_docs = {DOCS_GLOBALS,     NULL, DOCS_RECEIVER, NULL,
                                     shared_functions, NULL};
const struct vm_docs courier_kit_docs = {DOCS_GLOBALS, NULL,          DOCS_RECEIVER,
                                         NULL,         kit_functions, NULL};
const struct vm_docs receiver_fields_docs = {
    DOCS_CLASS, "receiver.fields", DOCS_RECEIVER, "A type of receiver.", NULL, receiver_fields};
const struct vm_docs receiver_message_docs = {DOCS_CLASS,    "receiver.message",
                                              DOCS_RECEIVER, "A notification in words.",
                                              NULL,          message_fields};
const struct vm_docs receiver_result_docs = {
    DOCS_CLASS, "receiver.result", DOCS_RECEIVER, "What send answers.", NULL, result_fields};
const struct vm_docs receiver_failure_docs = {DOCS_CLASS,    "receiver.failure",
                                              DOCS_RECEIVER, "Why a message was not taken.",
                                              NULL,          failure_fields};

void push_core(lua_State *L, struct post *post)
{
    static const luaL_Reg functions[] = {
        {"source", core_source},     {"types", core_types},
        {"template", core_template}, {"place", core_place},
        {"nearest", core_nearest},   {"renders", core_renders},
        {"left", core_left},         {NULL, NULL},
    };
    luaL_newlibtable(L, functions);
    lua_pushlightuserdata(L, post);
    luaL_setfuncs(L, functions, 1);
    vm_set_functions(L, shared_functions);
}
