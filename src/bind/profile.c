/* bind/profile.c - which lines of Lua take the time.
 *
 * The observer of the state is told of each line that begins, and of each return: the time since
 * the last of these events is that of the line that was under way, so what C functions and waits
 * take is their caller's. After a return that is the caller's line again.
 *
 *   begin -> guard (observes) -> finish -> report
 *              +-- an error, Ctrl-C: closed */
#include "interactive.h"

#include "check.h"
#include "moontide/base/fs.h"
#include "moontide/vm/vm.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LINES_MAX = 4096, /* slots; a power of two */
    LINES_USED = LINES_MAX * 3 / 4,
    LINES_SHOWN = 20,
    LEVELS_MAX = 16, /* of C, between a return and the Lua that is its caller */
    REPORT_MAX = 256 * 1024,
    SOURCE_MAX = 16 * 1024 * 1024,
    SOURCE_SHOWN = 60
};

struct line {
    const char *source;      /* Lua's own text, which tells chunks apart; NULL: a free slot */
    int number, first, last; /* the line; those of its function */
    uint64_t ns, count;
    char shown[LUA_IDSIZE], path[FAULT_FILE_MAX];
};

struct profile {
    bool on;
    uint64_t last_ns;
    struct line *current;
    struct line other; /* all that there was no room for */
    size_t used;
    struct line lines[LINES_MAX];
};

static const char TYPE[] = "moontide.profile";
static const char OWN[] = "moontide/interactive.lua"; /* it calls what is measured */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- while it runs ---- */

static struct line *line_of(struct profile *p, const lua_Debug *about)
{
    uintptr_t key = (uintptr_t)about->source * 31 + (uintptr_t)about->currentline * 2654435761u;
    for (size_t i = key ^ (key >> 15);; i++) {
        struct line *line = &p->lines[i % LINES_MAX];
        if (line->source == about->source && line->number == about->currentline) return line;
        if (line->source) continue;
        if (p->used == LINES_USED) return &p->other;
        p->used++;
        line->source = about->source;
        line->number = about->currentline;
        line->first = about->linedefined;
        line->last = about->lastlinedefined;
        memcpy(line->shown, about->short_src, sizeof line->shown);
        if (*about->source == '@') snprintf(line->path, sizeof line->path, "%s", about->source + 1);
        return line;
    }
}

/* The line that goes on behind a return. */
static struct line *caller(struct profile *p, lua_State *L)
{
    lua_Debug about;
    for (int level = 1; level < LEVELS_MAX && lua_getstack(L, level, &about); level++) {
        lua_getinfo(L, "Sl", &about);
        if (about.currentline > 0) return line_of(p, &about);
    }
    return p->current; /* of another thread: its next line says */
}

static void on_event(void *data, lua_State *L, lua_Debug *event)
{
    struct profile *p = data;
    uint64_t now = now_ns();
    if (p->current) p->current->ns += now - p->last_ns;
    if (event->event == LUA_HOOKRET) {
        p->current = caller(p, L);
    } else {
        lua_getinfo(L, "S", event);
        p->current = line_of(p, event);
        p->current->count++;
    }
    p->last_ns = now_ns(); /* what this took is nobody's */
}

static struct profile *check_profile(lua_State *L)
{
    return luaL_checkudata(L, 1, TYPE);
}

int profile_finish(lua_State *L)
{
    struct profile *p = check_profile(L);
    if (p->on) vm_observe(L, NULL, NULL);
    p->on = false;
    return 0;
}

int profile_begin(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)TYPE);
    if (lua_rawget(L, LUA_REGISTRYINDEX) == LUA_TUSERDATA &&
        ((struct profile *)lua_touserdata(L, -1))->on)
        return lua_pushliteral(L, "profile: one is under way"), lua_error(L);
    struct profile *p = lua_newuserdatauv(L, sizeof *p, 0);
    memset(p, 0, sizeof *p);
    if (luaL_newmetatable(L, TYPE)) {
        lua_pushcfunction(L, profile_finish);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "__close");
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    lua_pushlightuserdata(L, (void *)TYPE);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    p->on = true;
    p->last_ns = now_ns();
    vm_observe(L, on_event, p);
    return 1;
}

/* ---- the report ---- */

static int by_time(const void *a, const void *b)
{
    const struct line *const *x = a, *const *y = b;
    return ((*x)->ns < (*y)->ns) - ((*x)->ns > (*y)->ns);
}

/* The text of a line, without what it is indented by; "" when it cannot be had. */
static void put_source(struct strbuf *out, const char *text, size_t len)
{
    while (len > 0 && (*text == ' ' || *text == '\t'))
        text++, len--;
    bool cut = len > SOURCE_SHOWN;
    if (cut) len = SOURCE_SHOWN;
    while (cut && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--; /* not within a character */
    for (size_t i = 0; i < len; i++)
        strbuf_addc(out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    if (cut) strbuf_adds(out, "...");
}

static void put_file_line(struct strbuf *out, const struct line *line)
{
    char *source = NULL;
    size_t len;
    struct fault fault;
    if (fs_read_file(line->path, SOURCE_MAX, &source, &len, &fault) < 0) return;
    const char *at = source;
    for (int i = 1; i < line->number && at; i++) {
        at = strchr(at, '\n');
        if (at) at++;
    }
    if (at) put_source(out, at, strcspn(at, "\n"));
    free(source);
}

static void put_line(struct strbuf *out, const struct line *line, uint64_t total,
                     const struct interactive *interactive)
{
    char place[LUA_IDSIZE + 16];
    size_t len = 0;
    snprintf(place, sizeof place, "%s:%d", line->shown, line->number);
    strbuf_addf(out, "%5.1f %%  %9.3f ms  %9llu  %-24s  ", 100 * (double)line->ns / (double)total,
                (double)line->ns / 1e6, (unsigned long long)line->count, place);
    const char *text =
        strcmp(line->shown, "stdin") == 0
            ? interactive->source(interactive->data, line->first, line->last, line->number, &len)
            : NULL;
    if (text) put_source(out, text, len);
    if (*line->path) put_file_line(out, line);
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->len--;
    strbuf_addc(out, '\n');
}

/* upvalue: the struct interactive */
int profile_report(lua_State *L)
{
    const struct interactive *interactive = lua_touserdata(L, lua_upvalueindex(1));
    struct profile *p = check_profile(L);
    const struct line **sorted = lua_newuserdatauv(L, LINES_MAX * sizeof *sorted, 0);
    struct strbuf *out = push_buffer(L, REPORT_MAX);
    size_t count = 0;
    uint64_t total = p->other.ns, shown = 0;
    for (size_t i = 0; i < LINES_MAX; i++) {
        if (!p->lines[i].source || strcmp(p->lines[i].shown, OWN) == 0) continue;
        sorted[count++] = &p->lines[i];
        total += p->lines[i].ns;
    }
    qsort(sorted, count, sizeof *sorted, by_time);
    strbuf_adds(out, "  share          time      begun  line\n");
    for (size_t i = 0; i < count && i < LINES_SHOWN; i++) {
        put_line(out, sorted[i], total ? total : 1, interactive);
        shown += sorted[i]->ns;
    }
    if (count > LINES_SHOWN || p->other.ns)
        strbuf_addf(out, "%5.1f %%  %9.3f ms             other lines\n",
                    100 * (double)(total - shown) / (double)(total ? total : 1),
                    (double)(total - shown) / 1e6);
    if (strbuf_status(out) < 0) return luaL_error(L, "profile: out of memory");
    lua_pushlstring(L, strbuf_cstr(out), out->len ? out->len - 1 : 0);
    return 1;
}
