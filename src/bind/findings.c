/* bind/findings.c - issue{} and recommend{}: what an evaluation says of its target.
 *
 * Is `when` absent, or nil because a series could not answer? Lua makes the same table of both, and
 * the difference is an alarm or none. It is told like this, for `when` and for `clear`:
 *
 *   1. The constructor stands in the source, at the line of the call: `when = ...` in it means that
 *      a nil is "unknown", no `when` in it means "true" (for `clear`: that there is none).
 *   2. Where the source does not tell (a table that was built elsewhere, several calls on a line, a
 *      library of which there is no text), a nil is "unknown" when any :above() or :below()
 * answered nil since the statement before (issue, recommend, decide, or the begin of the
 * evaluation), and absent otherwise. Other methods do not count: a description may say
 * tostring(m.x:last()). A nil `when` uses up one such answer, so that `clear` needs another.
 *
 * Tables are read with lua_next and compared by the addresses of interned strings: nine lookups by
 * name would cost more than the rest. */
#include "policy_state.h"

#include "fields.h"
#include "moontide/base/timetext.h"
#include "moontide/vm/docs.h"

#include <math.h>
#include <string.h>

static const char *const word_texts[WORD_COUNT] = {
    [WORD_TYPE] = "type",
    [WORD_KEY] = "key",
    [WORD_SEVERITY] = "severity",
    [WORD_WHEN] = "when",
    [WORD_CLEAR] = "clear",
    [WORD_PENDING] = "pending",
    [WORD_KEEP_FIRING] = "keep_firing",
    [WORD_DESCRIPTION] = "description",
    [WORD_RECOMMENDATION] = "recommendation",
    [WORD_ACTION] = "action",
    [WORD_IMPACT] = "impact",
    [WORD_EFFORT] = "effort",
    [WORD_LOW] = "low",
    [WORD_MEDIUM] = "medium",
    [WORD_HIGH] = "high",
};

static const struct vm_field issue_fields[] = {
    {"type", "string",
     "What it is about: \"api_latency\"; with target and key it names the alert."},
    {"key", "string?", "Tells two issues of one type on one target apart."},
    {"severity", "\"low\"|\"medium\"|\"high\"", "How bad it is."},
    {"when", "boolean?",
     "Whether it is so: true, false, or nil, which is unknown; without this field, true."},
    {"clear", "boolean?", "What must be true for it to end; without it, when = false ends it."},
    {"pending", "duration?", "How long it must be so before it is raised."},
    {"keep_firing", "duration?", "How long it goes on after it is over."},
    {"description", "string?", "What was seen, for people."},
    {"recommendation", "string?", "What to do about it."},
    {NULL, NULL, NULL}};
static const struct vm_field recommend_fields[] = {
    {"type", "string", "What it is about."},
    {"action", "string", "What to do."},
    {"impact", "\"low\"|\"medium\"|\"high\"", "What it brings."},
    {"effort", "\"low\"|\"medium\"|\"high\"", "What it takes."},
    {NULL, NULL, NULL}};

struct run *policy_running(lua_State *L, const char *name)
{
    struct run *run = &policy_of_upvalue(L)->run;
    if (!run->layout || run->checking) luaL_error(L, "%s may be called only inside evaluate", name);
    return run;
}

const char *run_text(lua_State *L, struct run *run, const char *text, size_t len)
{
    const char *copy = evaluation_text(run->out, text, len);
    if (!copy)
        luaL_error(L, "the texts of one evaluation are longer than %d bytes", EVALUATION_BYTES_MAX);
    return copy;
}

/* ---- values; the field's value is on the top of the stack ---- */

struct reading {
    lua_State *L;
    struct policy *policy;
    const char *what; /* "issue" */
};

static const char *text_value(const struct reading *r, enum word word)
{
    size_t len;
    const char *text = lua_tolstring(r->L, -1, &len); /* a number's text, too */
    if (!text)
        luaL_error(r->L, "%s: %s must be a string, not a %s", r->what, word_texts[word],
                   luaL_typename(r->L, -1));
    return run_text(r->L, &r->policy->run, text, len);
}

static int level_value(const struct reading *r, enum word word)
{
    const void *address = lua_topointer(r->L, -1);
    for (int i = 0; i < 3; i++)
        if (address == r->policy->words[WORD_LOW + i]) return i;
    if (lua_type(r->L, -1) == LUA_TSTRING) {
        const char *text = lua_tostring(r->L, -1);
        luaL_error(r->L, "%s: %s is '%s'; it must be low, medium or high%s", r->what,
                   word_texts[word], text, fields_hint(text, severity_names).text);
    }
    return luaL_error(r->L, "%s: %s must be low, medium or high, not a %s", r->what,
                      word_texts[word], luaL_typename(r->L, -1));
}

static enum verdict verdict_value(const struct reading *r, enum word word)
{
    if (!lua_isboolean(r->L, -1))
        luaL_error(r->L, "%s: %s must be true, false or nil, not a %s (a comparison is missing?)",
                   r->what, word_texts[word], luaL_typename(r->L, -1));
    return lua_toboolean(r->L, -1) ? VERDICT_TRUE : VERDICT_FALSE;
}

static int64_t duration_value(const struct reading *r, enum word word)
{
    int64_t ms = 0;
    double seconds = lua_type(r->L, -1) == LUA_TNUMBER ? lua_tonumber(r->L, -1) : -1;
    if (lua_type(r->L, -1) == LUA_TSTRING && duration_parse(lua_tostring(r->L, -1), &ms) == OK)
        return ms;
    if (seconds >= 0 && seconds < 1e9) return llround(seconds * 1000);
    return luaL_error(r->L, "%s: %s must be a duration (\"5m\", or seconds)", r->what,
                      word_texts[word]);
}

static bool in_list(const char *name, const struct vm_field *fields)
{
    while (fields->name && strcmp(fields->name, name) != 0)
        fields++;
    return fields->name != NULL;
}

/* Throws for the first unknown field by the alphabet, so that the same table gives the same error
 * (the order of lua_next is not fixed). */
static int throw_unknown_field(const struct reading *r, const struct vm_field *known)
{
    lua_State *L = r->L;
    const char *first = NULL;
    lua_settop(L, 1);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        if (key && !in_list(key, known) && (!first || strcmp(key, first) < 0)) first = key;
    }
    if (!first) return luaL_error(L, "%s takes named fields only, no list of values", r->what);
    return luaL_error(L, "%s: unknown field '%s'%s", r->what, first,
                      fields_hint_field(first, known).text);
}

/* The word of the key at -2; throws for unknown ones. */
static enum word word_of_key(const struct reading *r, const struct vm_field *known)
{
    const void *key = lua_topointer(r->L, -2);
    for (int i = 0; i < WORD_LOW; i++)
        if (key == r->policy->words[i]) return (enum word)i;
    throw_unknown_field(r, known);
    return WORD_COUNT;
}

/* ---- `when` and `clear` ---- */

static enum source_field written(lua_State *L, const struct policy *policy, const char *field)
{
    lua_Debug ar;
    if (!lua_getstack(L, 1, &ar) || !lua_getinfo(L, "Sl", &ar)) return SOURCE_OPAQUE;
    for (size_t i = 0; i < policy->binding.source_count; i++)
        if (strcmp(source_chunk(policy->binding.sources[i]), ar.source) == 0)
            return source_field(policy->binding.sources[i], "issue", ar.currentline, field, NULL,
                                NULL);
    return SOURCE_OPAQUE;
}

/* Whether a field that is nil in the table was written as one that could not answer. */
static bool could_not_answer(lua_State *L, struct policy *policy, const char *field)
{
    switch (written(L, policy, field)) {
    case SOURCE_PRESENT: return true;
    case SOURCE_ABSENT: return false;
    default: break;
    }
    if (policy->run.nil_verdicts == 0) return false;
    policy->run.nil_verdicts--;
    return true;
}

static void settle_verdicts(lua_State *L, struct policy *policy, struct issue *issue, bool has_when)
{
    if (!has_when)
        issue->when = could_not_answer(L, policy, "when") ? VERDICT_UNKNOWN : VERDICT_TRUE;
    /* Only what could not answer makes a clear nil; a healthy evaluation does not look further. */
    if (issue->has_clear || (policy->run.out->unknown_count == 0 && !policy->run.has_extra)) return;
    issue->has_clear = could_not_answer(L, policy, "clear");
    issue->clear = VERDICT_UNKNOWN;
}

/* ---- the statements ---- */

/* Reads one field into the issue. Returns the bit of its word. */
static unsigned issue_field(const struct reading *r, struct issue *issue)
{
    enum word word = word_of_key(r, issue_fields);
    switch (word) {
    case WORD_TYPE: issue->type = text_value(r, word); break;
    case WORD_KEY: issue->key = text_value(r, word); break;
    case WORD_SEVERITY: issue->severity = (enum severity)level_value(r, word); break;
    case WORD_WHEN: issue->when = verdict_value(r, word); break;
    case WORD_CLEAR:
        issue->clear = verdict_value(r, word);
        issue->has_clear = true;
        break;
    case WORD_PENDING: issue->pending_ms = duration_value(r, word); break;
    case WORD_KEEP_FIRING: issue->keep_firing_ms = duration_value(r, word); break;
    case WORD_DESCRIPTION: issue->description = text_value(r, word); break;
    case WORD_RECOMMENDATION: issue->recommendation = text_value(r, word); break;
    default: throw_unknown_field(r, issue_fields); break;
    }
    return 1u << word;
}

static void require_field(lua_State *L, unsigned seen, enum word word, const char *what)
{
    if (!(seen & (1u << word))) luaL_error(L, "%s: %s is missing", what, word_texts[word]);
}

/* The series that were asked since the last statement: what this one was concluded from. */
static const char *judged_names(lua_State *L, struct run *run)
{
    char names[JUDGED_MAX * 256];
    size_t len = 0;
    uint32_t count = run->judged_count < JUDGED_MAX ? run->judged_count : JUDGED_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = run->layout->keys[run->judged[i]].name;
        bool again = false;
        for (uint32_t k = 0; k < i; k++)
            again = again || run->judged[k] == run->judged[i];
        size_t bytes = strlen(name);
        if (again || len + bytes + 2 > sizeof names || strchr(name, ',')) continue;
        if (len > 0) names[len++] = ',';
        memcpy(names + len, name, bytes);
        len += bytes;
    }
    return len > 0 ? run_text(L, run, names, len) : NULL;
}

static int bind_issue(lua_State *L)
{
    struct run *run = policy_running(L, "issue");
    struct reading r = {L, policy_of_upvalue(L), "issue"};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct issue issue = {.key = "", .description = "", .recommendation = ""};
    unsigned seen = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        seen |= issue_field(&r, &issue);
    require_field(L, seen, WORD_TYPE, "issue");
    require_field(L, seen, WORD_SEVERITY, "issue");
    if (!*issue.type) return luaL_error(L, "issue: type is empty");
    settle_verdicts(L, r.policy, &issue, seen & (1u << WORD_WHEN));
    if (issue.when == VERDICT_TRUE) issue.metrics = judged_names(L, run);
    struct issue *item = evaluation_issue(run->out);
    if (!item) return luaL_error(L, "more than %d issues in one evaluation", EVALUATION_ITEMS_MAX);
    *item = issue;
    run_statement(run);
    return 0;
}

static int bind_recommend(lua_State *L)
{
    struct run *run = policy_running(L, "recommend");
    struct reading r = {L, policy_of_upvalue(L), "recommend"};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct recommendation recommendation = {0};
    unsigned seen = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        enum word word = word_of_key(&r, recommend_fields);
        seen |= 1u << word;
        switch (word) {
        case WORD_TYPE: recommendation.type = text_value(&r, word); break;
        case WORD_ACTION: recommendation.action = text_value(&r, word); break;
        case WORD_IMPACT: recommendation.impact = (enum level)level_value(&r, word); break;
        case WORD_EFFORT: recommendation.effort = (enum level)level_value(&r, word); break;
        default: throw_unknown_field(&r, recommend_fields); break;
        }
    }
    require_field(L, seen, WORD_TYPE, "recommend");
    require_field(L, seen, WORD_ACTION, "recommend");
    require_field(L, seen, WORD_IMPACT, "recommend");
    require_field(L, seen, WORD_EFFORT, "recommend");
    struct recommendation *item = evaluation_recommendation(run->out);
    if (!item)
        return luaL_error(L, "more than %d recommendations in one evaluation",
                          EVALUATION_ITEMS_MAX);
    *item = recommendation;
    run_statement(run);
    return 0;
}

static void intern_words(lua_State *L, struct policy *policy)
{
    lua_createtable(L, WORD_COUNT, 0);
    for (int i = 0; i < WORD_COUNT; i++) {
        lua_pushstring(L, word_texts[i]);
        policy->words[i] = lua_topointer(L, -1);
        lua_rawseti(L, -2, i + 1);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, policy->words); /* kept, so that the addresses stay theirs */
}

static const struct vm_function functions[] = {
    {"issue", bind_issue, "(fields: issue.fields)",
     "States an issue of this target; only inside evaluate. It may be stated at every tick: the "
     "host keeps the alert's state. While a series could not answer, types that were not stated "
     "keep their state: no data resolves nothing."},
    {"recommend", bind_recommend, "(fields: recommend.fields)",
     "States a recommendation of this target; only inside evaluate."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs findings_docs = {DOCS_GLOBALS, NULL, DOCS_POLICY, NULL, functions, NULL};
const struct vm_docs issue_docs = {
    DOCS_CLASS, "issue.fields", DOCS_POLICY, "What is wrong with a target.", NULL, issue_fields};
const struct vm_docs recommend_docs = {
    DOCS_CLASS, "recommend.fields", DOCS_POLICY, "What people could do.", NULL, recommend_fields};

void policy_open_findings(lua_State *L, struct policy *policy)
{
    intern_words(L, policy);
    lua_pushglobaltable(L);
    lua_pushlightuserdata(L, policy);
    vm_set_closures(L, functions, 1);
    lua_pop(L, 1);
}
