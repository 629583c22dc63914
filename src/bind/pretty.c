/* bind/pretty.c - the pretty printer.
 *
 * A table is first tried on one line, without colours; what does not fit the columns left is taken
 * back and written with an item a line (short values of the list part share lines). A try stops as
 * soon as it is too long, so the work stays in proportion to what is shown. */
#include "moontide/bind/pretty.h"

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/vm/convert.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, TOSTRING_BYTES = 2000, STACK_SLOTS = 12 };

struct printer {
    lua_State *L;
    struct strbuf *out;
    int width;
    bool color;
    const void *path[PRETTY_DEPTH]; /* the tables that we are inside of */
    int depth;
    int left; /* items that may still be shown */
    bool one_line;
    size_t limit; /* one line: out->len must not pass it */
};

enum tint { TINT_STRING = 32, TINT_NUMBER = 36, TINT_WORD = 33, TINT_OTHER = 35, TINT_DIM = 90 };

static void print_value(struct printer *p, int idx, int column);

static bool too_long(const struct printer *p)
{
    return p->one_line && p->out->len > p->limit;
}

static bool used_up(const struct printer *p)
{
    return p->left <= 0 || p->out->status != OK;
}

static void tint(struct printer *p, enum tint color)
{
    if (p->color) strbuf_addf(p->out, "\033[%dm", (int)color);
}

static void untint(struct printer *p)
{
    if (p->color) strbuf_adds(p->out, "\033[0m");
}

static void tinted(struct printer *p, enum tint color, const char *text)
{
    tint(p, color);
    strbuf_adds(p->out, text);
    untint(p);
}

static void new_line(struct printer *p, int column)
{
    strbuf_addf(p->out, "\n%*s", column, "");
}

/* The bytes of the UTF-8 sequence at text; 0 when it is none, or a control character. */
static size_t utf8_len(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t need = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (s[0] >= 0x80 && (s[0] < 0xC2 || s[0] > 0xF4)) return 0;
    if (s[0] < 0x20 || s[0] == 0x7f || need > len) return 0;
    if (s[0] == 0xC2 && s[1] < 0xA0) return 0; /* U+0080 to U+009F; 0x9b is ESC [ in one byte */
    for (size_t i = 1; i < need; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return need;
}

/* Appends text of at most max bytes. Control characters and broken UTF-8 are escaped, so that no
 * value can move the cursor. Returns whether it was cut. */
static bool add_escaped(struct strbuf *out, const char *text, size_t len, size_t max, bool quote)
{
    size_t at = 0;
    while (at < len && at < max) {
        unsigned char c = (unsigned char)text[at];
        size_t n = utf8_len(text + at, len - at);
        if (c == '\n')
            strbuf_adds(out, quote ? "\\n" : " ");
        else if (c == '\t')
            strbuf_adds(out, quote ? "\\t" : " ");
        else if (c == '\r')
            strbuf_adds(out, "\\r");
        else if (quote && (c == '"' || c == '\\'))
            strbuf_addf(out, "\\%c", c);
        else if (n == 0)
            strbuf_addf(out, "\\x%02x", c);
        else
            strbuf_add(out, text + at, n);
        at += n ? n : 1;
    }
    return at < len;
}

static void print_string(struct printer *p, int idx)
{
    size_t len;
    const char *text = lua_tolstring(p->L, idx, &len);
    tint(p, TINT_STRING);
    strbuf_addc(p->out, '"');
    bool cut = add_escaped(p->out, text, len, PRETTY_STRING_BYTES, true);
    strbuf_adds(p->out, cut ? "...\"" : "\"");
    untint(p);
    if (cut) strbuf_addf(p->out, " (%zu bytes)", len);
}

static void print_number(struct printer *p, int idx)
{
    lua_pushvalue(p->L, idx); /* lua_tolstring would change a key in place */
    tinted(p, TINT_NUMBER, lua_tostring(p->L, -1));
    lua_pop(p->L, 1);
}

static void print_function(struct printer *p, int idx)
{
    lua_Debug ar;
    lua_pushvalue(p->L, idx);
    lua_getinfo(p->L, ">S", &ar);
    tint(p, TINT_OTHER);
    if (*ar.what == 'C')
        strbuf_adds(p->out, "function <built in>");
    else
        strbuf_addf(p->out, "function <%s:%d>", ar.short_src, ar.linedefined);
    untint(p);
}

static int call_tostring(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* What tostring says, when the value has a say in it (or must); false when it threw. */
static bool print_tostring(struct printer *p, int idx)
{
    lua_State *L = p->L;
    lua_pushcfunction(L, call_tostring);
    lua_pushvalue(L, idx);
    bool ok = lua_pcall(L, 1, 1, 0) == LUA_OK;
    if (ok) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        tint(p, TINT_OTHER);
        if (add_escaped(p->out, text, len, TOSTRING_BYTES, false)) strbuf_adds(p->out, "...");
        untint(p);
    }
    lua_pop(L, 1);
    return ok;
}

static bool has_tostring(lua_State *L, int idx)
{
    if (luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL) return false;
    lua_pop(L, 1);
    return true;
}

/* ---- tables ---- */

/* A key that is not of the list part. Strings are borrowed from the table of keys on the stack. */
struct key {
    int type;
    lua_Number number;
    const char *text;
    size_t len;
    lua_Integer at; /* in the table of keys */
};

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->type != y->type) return (x->type > y->type) - (x->type < y->type);
    if (x->type == LUA_TNUMBER && x->number != y->number) return x->number < y->number ? -1 : 1;
    if (x->type == LUA_TSTRING) {
        int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
        if (order) return order;
        if (x->len != y->len) return x->len < y->len ? -1 : 1;
    }
    return (x->at > y->at) - (x->at < y->at); /* others: as found */
}

struct content {
    lua_Integer list;   /* items of the list part */
    lua_Integer named;  /* keys beside it, all of them */
    lua_Integer known;  /* of those, how many were read: sorted[known] */
    struct key *sorted; /* in a userdata on the stack */
    int keys;           /* stack index of the table of keys */
};

static bool in_list(lua_State *L, int idx, lua_Integer list)
{
    if (!lua_isinteger(L, idx)) return false;
    lua_Integer i = lua_tointeger(L, idx);
    return i >= 1 && i <= list;
}

/* Reads and sorts the keys; pushes two values (the keys, the sorted array). */
static struct content read_keys(lua_State *L, int idx)
{
    struct content c = {.list = (lua_Integer)lua_rawlen(L, idx)};
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        c.named += !in_list(L, -2, c.list);
    c.known = c.named < PRETTY_KEYS_MAX ? c.named : PRETTY_KEYS_MAX;
    c.sorted = lua_newuserdatauv(L, ((size_t)c.known + 1) * sizeof *c.sorted, 0);
    lua_createtable(L, (int)c.known, 0);
    c.keys = lua_gettop(L);
    lua_Integer n = 0;
    for (lua_pushnil(L); lua_next(L, idx);) {
        lua_pop(L, 1);
        if (in_list(L, -1, c.list)) continue;
        if (n == c.known) {
            lua_pop(L, 1);
            break;
        }
        struct key *key = &c.sorted[n++];
        *key = (struct key){.type = lua_type(L, -1), .at = n};
        if (key->type == LUA_TNUMBER) key->number = lua_tonumber(L, -1);
        if (key->type == LUA_TSTRING) key->text = lua_tolstring(L, -1, &key->len);
        lua_pushvalue(L, -1);
        lua_rawseti(L, c.keys, n);
    }
    c.known = n;
    qsort(c.sorted, (size_t)n, sizeof *c.sorted, by_key);
    return c;
}

static bool is_name(const char *text, size_t len)
{
    static const char *const reserved[] = {"and",   "break", "do",       "else", "elseif", "end",
                                           "false", "for",   "function", "goto", "if",     "in",
                                           "local", "nil",   "not",      "or",   "repeat", "return",
                                           "then",  "true",  "until",    "while"};
    if (len == 0 || len > 64 || (text[0] >= '0' && text[0] <= '9')) return false;
    for (size_t i = 0; i < len; i++)
        if (!(text[i] == '_' || (text[i] >= '0' && text[i] <= '9') ||
              (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z')))
            return false;
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        if (strlen(reserved[i]) == len && memcmp(reserved[i], text, len) == 0) return false;
    return true;
}

/* The key on top of the stack, and " = ". */
static void print_key(struct printer *p)
{
    size_t len;
    int idx = lua_gettop(p->L);
    if (lua_type(p->L, idx) == LUA_TSTRING) {
        const char *text = lua_tolstring(p->L, idx, &len);
        if (is_name(text, len)) {
            strbuf_addf(p->out, "%s = ", text);
            return;
        }
    }
    strbuf_addc(p->out, '[');
    bool one_line = p->one_line;
    p->one_line = true; /* a table as key is not laid out */
    if (!one_line) p->limit = SIZE_MAX;
    print_value(p, idx, 0);
    p->one_line = one_line;
    strbuf_adds(p->out, "] = ");
}

/* Pushes the i-th item's value (from 0: the list, then the keys), having printed its key. */
static void print_item_key(struct printer *p, int idx, const struct content *c, lua_Integer i)
{
    if (i < c->list) {
        lua_rawgeti(p->L, idx, i + 1);
        return;
    }
    lua_rawgeti(p->L, c->keys, c->sorted[i - c->list].at);
    print_key(p);
    lua_rawget(p->L, idx);
}

static void print_one_line(struct printer *p, int idx, const struct content *c, lua_Integer shown,
                           lua_Integer all)
{
    strbuf_adds(p->out, "{ ");
    for (lua_Integer i = 0; i < shown && !too_long(p); i++) {
        p->left--;
        if (i) strbuf_adds(p->out, ", ");
        print_item_key(p, idx, c, i);
        print_value(p, lua_gettop(p->L), 0);
        lua_pop(p->L, 1);
    }
    if (shown < all) strbuf_addf(p->out, ", ... %lld more", (long long)(all - shown));
    strbuf_adds(p->out, " }");
}

static bool is_short(lua_State *L, int idx)
{
    int type = lua_type(L, idx);
    return type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TNIL ||
           (type == LUA_TSTRING && lua_rawlen(L, idx) < 20);
}

static void print_lines(struct printer *p, int idx, const struct content *c, lua_Integer shown,
                        lua_Integer all, int column)
{
    strbuf_addc(p->out, '{');
    int used = p->width; /* of the line that short values of the list share */
    for (lua_Integer i = 0; i < shown; i++) {
        p->left--;
        size_t before = p->out->len;
        bool color = p->color;
        if (i < c->list && lua_rawgeti(p->L, idx, i + 1) != LUA_TNIL && is_short(p->L, -1)) {
            p->color = false; /* measured without colours */
            print_value(p, lua_gettop(p->L), 0);
            int wide = (int)(p->out->len - before) + 2;
            p->out->len = before;
            p->color = color;
            if (used + wide > p->width) {
                new_line(p, column + INDENT);
                used = column + INDENT + wide;
            } else {
                strbuf_addc(p->out, ' ');
                used += wide;
            }
            print_value(p, lua_gettop(p->L), 0);
        } else {
            if (i < c->list) lua_pop(p->L, 1);
            new_line(p, column + INDENT);
            used = p->width;
            print_item_key(p, idx, c, i);
            print_value(p, lua_gettop(p->L), column + INDENT);
        }
        lua_pop(p->L, 1);
        strbuf_addc(p->out, ',');
    }
    if (shown < all) {
        new_line(p, column + INDENT);
        strbuf_addf(p->out, "... %lld more", (long long)(all - shown));
    }
    new_line(p, column);
    strbuf_addc(p->out, '}');
}

static void print_table_items(struct printer *p, int idx, int column)
{
    struct content c = read_keys(p->L, idx);
    lua_Integer all = c.list + c.named, shown = all < PRETTY_ITEMS ? all : PRETTY_ITEMS;
    if (shown > c.list + c.known) shown = c.list + c.known;
    if (p->one_line) {
        print_one_line(p, idx, &c, shown, all);
        return;
    }
    size_t begin = p->out->len;
    bool color = p->color;
    int left = p->left;
    p->color = false;
    p->one_line = true;
    int columns = p->width - column - 2;
    p->limit = begin + (columns > 0 ? (size_t)columns : 0);
    print_one_line(p, idx, &c, shown, all);
    bool fits = !too_long(p);
    p->one_line = false;
    p->color = color;
    p->left = left;
    p->out->len = begin;
    if (fits) {
        p->one_line = true;
        p->limit = SIZE_MAX;
        print_one_line(p, idx, &c, shown, all);
        p->one_line = false;
    } else {
        print_lines(p, idx, &c, shown, all, column);
    }
}

static void print_table(struct printer *p, int idx, int column)
{
    const void *self = lua_topointer(p->L, idx);
    if (has_tostring(p->L, idx) && print_tostring(p, idx)) return;
    lua_pushnil(p->L);
    if (!lua_next(p->L, idx)) {
        strbuf_adds(p->out, "{}");
        return;
    }
    lua_pop(p->L, 2);
    for (int i = 0; i < p->depth; i++)
        if (p->path[i] == self) {
            tinted(p, TINT_DIM, "<cycle>");
            return;
        }
    if (p->depth == PRETTY_DEPTH || used_up(p)) {
        tinted(p, TINT_DIM, "{...}");
        return;
    }
    p->path[p->depth++] = self;
    int top = lua_gettop(p->L);
    print_table_items(p, idx, column);
    lua_settop(p->L, top);
    p->depth--;
}

static void print_value(struct printer *p, int idx, int column)
{
    lua_State *L = p->L;
    luaL_checkstack(L, STACK_SLOTS, "pretty");
    switch (lua_type(L, idx)) {
    case LUA_TNIL: tinted(p, TINT_WORD, "nil"); break;
    case LUA_TBOOLEAN: tinted(p, TINT_WORD, lua_toboolean(L, idx) ? "true" : "false"); break;
    case LUA_TNUMBER: print_number(p, idx); break;
    case LUA_TSTRING: print_string(p, idx); break;
    case LUA_TFUNCTION: print_function(p, idx); break;
    case LUA_TTABLE: print_table(p, idx, column); break;
    default:
        if (convert_is_null(L, idx))
            tinted(p, TINT_WORD, "null");
        else if (!print_tostring(p, idx))
            tinted(p, TINT_OTHER, luaL_typename(L, idx));
    }
}

void pretty_value(lua_State *L, int idx, const struct pretty_options *options, struct strbuf *out)
{
    struct printer p = {.left = PRETTY_TOTAL,
                        .L = L,
                        .out = out,
                        .width = options->width ? options->width : 80,
                        .color = options->color};
    print_value(&p, lua_absindex(L, idx), 0);
}
