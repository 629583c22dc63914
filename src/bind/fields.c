/* bind/fields.c - named fields with their faults. */
#include "fields.h"

#include "moontide/base/faults.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_STRING = 1 << LUA_TSTRING, TYPE_NUMBER = 1 << LUA_TNUMBER };

void fields_of_call(struct fields *fields, lua_State *L, int idx, const char *what,
                    const char *site)
{
    const struct binding *binding = vm_owner(vm_of(L));
    luaL_checktype(L, idx, LUA_TTABLE);
    *fields = (struct fields){
        .L = L, .at = lua_absindex(L, idx), .what = what, .site = site, .faults = binding->faults};
    lua_Debug ar;
    if (!lua_getstack(L, 1, &ar) || !lua_getinfo(L, "Sl", &ar)) return;
    fields->line = ar.currentline > 0 ? ar.currentline : 0;
    snprintf(fields->file, sizeof fields->file, "%s",
             *ar.source == '@' ? ar.source + 1 : ar.short_src);
    for (size_t i = 0; i < binding->source_count; i++)
        if (strcmp(source_chunk(binding->sources[i]), ar.source) == 0)
            fields->source = binding->sources[i];
}

void fields_inside(struct fields *fields, const struct fields *parent, int idx, const char *what,
                   const char *site)
{
    *fields = *parent;
    fields->at = lua_absindex(parent->L, idx);
    fields->what = what;
    fields->site = site;
    fields->line = 0;
    fields->failed = false;
}

/* The fault with the place of `field`, or of the call. */
static struct fault place(const struct fields *fields, const char *id, const char *field)
{
    struct fault fault;
    fault_set(&fault, ERR_INVALID, "%s", "");
    int line = fields->line, column = 0;
    const char *marked = field;
    if (fields->source && field)
        (void)source_field(fields->source, fields->site, fields->line, field, &line, &column);
    if (fields->source && column == 0 && fields->line > 0) {
        column = source_call(fields->source, fields->site, fields->line);
        marked = fields->site;
    }
    fault_at(&fault, fields->file, line, column);
    fault.end_column = column > 0 ? column + (int)strlen(marked) : 0;
    fault.id = id;
    return fault;
}

static void report(struct fields *fields, struct fault *fault, const char *text)
{
    snprintf(fault->text, sizeof fault->text, "%.100s: %.900s", fields->what, text);
    fields->failed = true;
    if (fields->faults) {
        faults_add(fields->faults, fault);
        return;
    }
    if (fault->line > 0)
        luaL_error(fields->L, "%s:%d: %s", fields->file, fault->line, fault->text);
    else
        luaL_error(fields->L, "%s", fault->text);
}

void fields_fault(struct fields *fields, const char *field, const char *format, ...)
{
    struct fault fault = place(fields, NULL, field), text;
    va_list args;
    va_start(args, format);
    fault_vset(&text, ERR_INVALID, format, args);
    va_end(args);
    report(fields, &fault, text.text);
}

void fields_finding(struct fields *fields, const char *id, const char *field, const char *format,
                    ...)
{
    struct fault fault = place(fields, id, field), text;
    va_list args;
    va_start(args, format);
    fault_vset(&text, ERR_INVALID, format, args);
    va_end(args);
    report(fields, &fault, text.text);
}

void fields_warn(struct fields *fields, const char *id, const char *field, const char *hint,
                 const char *format, ...)
{
    const struct binding *binding = vm_owner(vm_of(fields->L));
    struct fault fault = place(fields, id, field), text;
    if (!binding->warnings) return;
    va_list args;
    va_start(args, format);
    fault_vset(&text, OK, format, args);
    va_end(args);
    fault.code = OK;
    snprintf(fault.text, sizeof fault.text, "%.100s: %.900s", fields->what, text.text);
    fault_explain(&fault, id, hint);
    faults_add(binding->warnings, &fault);
}

struct hint fields_hint(const char *name, const char *const *known)
{
    struct hint hint = {""};
    const char *nearest = nearest_name(name, known);
    if (nearest) snprintf(hint.text, sizeof hint.text, " (did you mean '%s'?)", nearest);
    return hint;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool in_list(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

void fields_known(struct fields *fields, const char *const *known)
{
    enum { UNKNOWN_MAX = 20 };
    const char *unknown[UNKNOWN_MAX];
    size_t count = 0;
    bool other = false;
    lua_State *L = fields->L;
    lua_pushnil(L);
    while (lua_next(L, fields->at)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            other = true;
        else if (!in_list(lua_tostring(L, -1), known) && count < UNKNOWN_MAX)
            unknown[count++] = lua_tostring(L, -1); /* the table holds it */
    }
    qsort(unknown, count, sizeof unknown[0], by_text);
    for (size_t i = 0; i < count; i++)
        fields_finding(fields, "E-unknown-field", unknown[i], "unknown field '%s'%s", unknown[i],
                       fields_hint(unknown[i], known).text);
    if (other) fields_fault(fields, NULL, "takes named fields only, no list of values");
}

int fields_push(struct fields *fields, const char *field, unsigned allowed, const char *expected)
{
    lua_pushstring(fields->L, field);
    int type = lua_rawget(fields->L, fields->at);
    if (type != LUA_TNIL && (allowed & (1u << type))) return type;
    lua_pop(fields->L, 1);
    if (type != LUA_TNIL)
        fields_fault(fields, field, "%s must be %s, not a %s", field, expected,
                     lua_typename(fields->L, type));
    return LUA_TNIL;
}

static bool absent(struct fields *fields, const char *field, enum presence presence)
{
    lua_pushstring(fields->L, field);
    bool is_nil = lua_rawget(fields->L, fields->at) == LUA_TNIL;
    lua_pop(fields->L, 1);
    if (is_nil && presence == REQUIRED)
        fields_finding(fields, "E-missing-field", NULL, "%s is missing", field);
    return is_nil;
}

const char *fields_string(struct fields *fields, const char *field, enum presence presence)
{
    if (absent(fields, field, presence)) return NULL;
    if (fields_push(fields, field, TYPE_STRING, "a string") == LUA_TNIL) return NULL;
    size_t len = 0;
    const char *text = lua_tolstring(fields->L, -1, &len);
    lua_pop(fields->L, 1);
    if (len == 0)
        fields_fault(fields, field, "%s is empty", field);
    else if (strlen(text) != len)
        fields_fault(fields, field, "%s holds a zero byte", field);
    else
        return text;
    return NULL;
}

int64_t fields_duration(struct fields *fields, const char *field, enum presence presence,
                        int64_t fallback_ms)
{
    if (absent(fields, field, presence)) return fallback_ms;
    int type =
        fields_push(fields, field, TYPE_STRING | TYPE_NUMBER, "a duration (\"5m\", or seconds)");
    if (type == LUA_TNIL) return fallback_ms;
    int64_t ms = 0;
    int code = OK;
    char shown[64];
    if (type == LUA_TSTRING) {
        code = duration_parse(lua_tostring(fields->L, -1), &ms);
        snprintf(shown, sizeof shown, "%s", lua_tostring(fields->L, -1));
    } else {
        double seconds = lua_tonumber(fields->L, -1);
        snprintf(shown, sizeof shown, "%g", seconds);
        if (seconds >= 0 && seconds < 100.0 * 366 * 86400)
            ms = llround(seconds * 1000);
        else
            code = ERR_INVALID;
    }
    lua_pop(fields->L, 1);
    if (code == OK) return ms;
    fields_fault(fields, field, "%s: '%s' is no duration (\"90s\", \"5m\", \"1h30m\", or seconds)",
                 field, shown);
    return fallback_ms;
}

double fields_number(struct fields *fields, const char *field, double low, double high,
                     double fallback)
{
    if (fields_push(fields, field, TYPE_NUMBER, "a number") == LUA_TNIL) return fallback;
    double value = lua_tonumber(fields->L, -1);
    lua_pop(fields->L, 1);
    if (value >= low && value <= high) return value;
    fields_fault(fields, field, "%s is %g; it must be from %g to %g", field, value, low, high);
    return fallback;
}

int64_t fields_integer(struct fields *fields, const char *field, int64_t low, int64_t high,
                       int64_t fallback)
{
    if (fields_push(fields, field, TYPE_NUMBER, "a whole number") == LUA_TNIL) return fallback;
    int whole = 0;
    int64_t value = lua_tointegerx(fields->L, -1, &whole);
    double shown = lua_tonumber(fields->L, -1);
    lua_pop(fields->L, 1);
    if (whole && value >= low && value <= high) return value;
    fields_fault(fields, field, "%s is %g; it must be a whole number from %lld to %lld", field,
                 shown, (long long)low, (long long)high);
    return fallback;
}

bool fields_boolean(struct fields *fields, const char *field, bool fallback)
{
    if (fields_push(fields, field, 1 << LUA_TBOOLEAN, "true or false") == LUA_TNIL) return fallback;
    bool value = lua_toboolean(fields->L, -1);
    lua_pop(fields->L, 1);
    return value;
}

int fields_choice(struct fields *fields, const char *field, const char *const *names, int fallback)
{
    const char *text = fields_string(fields, field, OPTIONAL);
    if (!text) return fallback;
    char list[256] = "";
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], text) == 0) return i;
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", names[i]);
    }
    fields_fault(fields, field, "%s is '%s'; it must be one of %s%s", field, text, list,
                 fields_hint(text, names).text);
    return fallback;
}
