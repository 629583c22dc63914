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
    SOURCE_MIN = 20,    /* bytes of a source line, however narrow the screen */
    COLUMNS_WIDTH = 35, /* of the report's other columns but the place */
    PLACE_MAX = LUA_IDSIZE + 16
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

/* What the report is laid out by. */
struct layout {
    struct strbuf *out;
    const struct interactive *interactive;
    uint64_t total_ns;
    int place_width;
    size_t source_max; /* bytes of a source line: it is to end where the screen does */
};

/* The text of a line, without what it is indented by. */
static void put_source(const struct layout *to, const char *text, size_t len)
{
    while (len > 0 && (*text == ' ' || *text == '\t'))
        text++, len--;
    bool cut = len > to->source_max;
    if (cut) len = to->source_max - 3;
    while (cut && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--; /* not within a character */
    for (size_t i = 0; i < len; i++)
        strbuf_addc(to->out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    if (cut) strbuf_adds(to->out, "...");
}

static void put_file_line(const struct layout *to, const struct line *line)
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
    if (at) put_source(to, at, strcspn(at, "\n"));
    free(source);
}

static int place(const struct line *line, char out[PLACE_MAX])
{
    return snprintf(out, PLACE_MAX, "%s:%d", line->shown, line->number);
}

static void put_line(const struct layout *to, const struct line *line)
{
    const struct interactive *interactive = to->interactive;
    char where[PLACE_MAX];
    size_t len = 0;
    place(line, where);
    strbuf_addf(to->out, "%5.1f %%  %9.3f ms  %8llu  %-*s  ",
                100 * (double)line->ns / (double)to->total_ns, (double)line->ns / 1e6,
                (unsigned long long)line->count, to->place_width, where);
    const char *text =
        strcmp(line->shown, "stdin") == 0
            ? interactive->source(interactive->data, line->first, line->last, line->number, &len)
            : NULL;
    if (text) put_source(to, text, len);
    if (*line->path) put_file_line(to, line);
    while (to->out->len > 0 && to->out->data[to->out->len - 1] == ' ')
        to->out->len--;
    strbuf_addc(to->out, '\n');
}

static void measure(struct layout *to, const struct line *const *sorted, size_t count)
{
    char where[PLACE_MAX];
    for (size_t i = 0; i < count && i < LINES_SHOWN; i++) {
        int width = place(sorted[i], where);
        if (width > to->place_width) to->place_width = width;
    }
    int screen = to->interactive->screen.width ? to->interactive->screen.width : 80;
    int left = screen - COLUMNS_WIDTH - to->place_width;
    to->source_max = left > SOURCE_MIN ? (size_t)left : SOURCE_MIN;
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
    struct layout to = {
        .out = out, .interactive = interactive, .total_ns = total ? total : 1, .place_width = 5};
    qsort(sorted, count, sizeof *sorted, by_time);
    measure(&to, sorted, count);
    strbuf_adds(out, "  share          time     begun  line\n");
    for (size_t i = 0; i < count && i < LINES_SHOWN; i++) {
        put_line(&to, sorted[i]);
        shown += sorted[i]->ns;
    }
    if (count > LINES_SHOWN || p->other.ns)
        strbuf_addf(out, "%5.1f %%  %9.3f ms            other lines\n",
                    100 * (double)(total - shown) / (double)to.total_ns,
                    (double)(total - shown) / 1e6);
    if (strbuf_status(out) < 0) return luaL_error(L, "profile: out of memory");
    lua_pushlstring(L, strbuf_cstr(out), out->len ? out->len - 1 : 0);
    return 1;
}
