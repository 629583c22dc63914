/* io/watch.c - tells when the files under some directories have changed.
 *
 * Each directory has one uv_fs_event_t, which watches the directory itself or, while that is not
 * there, its nearest ancestor that is:
 *
 *            dir_arm finds it                      dir_arm finds less
 *   ANCESTOR ------------------> ITSELF ---------------------------------> ANCESTOR
 *     ^  | an event names what we wait for (on_event)      | it went, or another took its name
 *     +--+ and dir_arm gets nearer                         | (on_event marks it stale, dir_check)
 *
 * A watch is always armed before `changed` is called, so what happens meanwhile is an event. A
 * removed directory may come back under the same inode number: that is why the event of its going
 * counts (stale), and not its identity alone. What inotify drops, the periodic rescan finds. */
#include "moontide/io/watch.h"

#include "moontide/base/err.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

enum {
    DEBOUNCE_MS = 10,
    RESCAN_MS = 30000,
    DEBOUNCE_STRETCH = 5, /* a burst waits at most this many times debounce_ms */
    ARM_TRIES = 16,       /* while directories come and go below us */
};

struct dir {
    uv_fs_event_t event;
    struct watch *watch;
    char *path;
    char *at; /* a buffer as long as path: what is watched now; "" when nothing could be */
    bool itself, stale, blind;
    dev_t device;
    ino_t inode;
};

struct watch {
    uv_timer_t debounce, rescan;
    void (*changed)(void *data);
    void *data;
    int64_t debounce_ms;
    uint64_t burst_began_ms;
    struct dir *dirs;
    size_t count;
    int handles_open;
};

/* Arming. */

/* Cuts the last component off: "a/b" -> "a" -> "."; "/a" -> "/". False at the top. */
static bool go_up(char *path)
{
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0) return false;
    char *slash = strrchr(path, '/');
    if (!slash) {
        strcpy(path, ".");
        return true;
    }
    while (slash > path && slash[-1] == '/')
        slash--;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

/* The part of dir->path that is not in dir->at, an ancestor: "lib/deep" for "p" and "p/lib/deep".
 */
static const char *below(const struct dir *dir)
{
    const char *rest = dir->path;
    if (strcmp(dir->at, ".") != 0) rest += strlen(dir->at);
    return rest + strspn(rest, "/");
}

/* Whether the component just below the watched ancestor is there (again). */
static bool nearer_exists(const struct dir *dir)
{
    const char *rest = below(dir);
    size_t len = (size_t)(rest - dir->path) + strcspn(rest, "/");
    char *nearer = strndup(dir->path, len);
    struct stat st;
    bool there = nearer && stat(nearer, &st) == 0;
    free(nearer);
    return there;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status);

/* Watches the directory, or else its nearest ancestor. */
static void dir_arm(struct dir *dir)
{
    int rc = UV_ENOENT, first_rc = 0;
    for (int tries = 0; tries < ARM_TRIES; tries++) {
        uv_fs_event_stop(&dir->event); /* always succeeds */
        strcpy(dir->at, dir->path);
        do {
            rc = uv_fs_event_start(&dir->event, on_event, dir->at, 0);
            if (first_rc == 0) first_rc = rc;
        } while (rc < 0 && go_up(dir->at));
        dir->itself = rc == 0 && strcmp(dir->at, dir->path) == 0;
        if (dir->itself || rc < 0 || !nearer_exists(dir)) break;
        if (first_rc != UV_ENOENT && first_rc != UV_ENOTDIR) break; /* there, but not for us */
        first_rc = 0;
    }
    struct stat st;
    dir->stale = false;
    if (dir->itself && stat(dir->path, &st) == 0) {
        dir->device = st.st_dev;
        dir->inode = st.st_ino;
    } else if (dir->itself) {
        dir->stale = true; /* gone again already */
    }
    bool blind = !dir->itself && first_rc != UV_ENOENT && first_rc != UV_ENOTDIR;
    if (blind && !dir->blind)
        log_event(LOG_WARN, "watch.unavailable", LOG_S("directory", dir->path),
                  LOG_S("reason", uv_strerror(first_rc)));
    dir->blind = blind;
    if (rc < 0) dir->at[0] = '\0';
}

/* Arms again what no longer watches what its path names. */
static void dir_check(struct dir *dir)
{
    struct stat st;
    if (dir->itself && !dir->stale && stat(dir->path, &st) == 0 && st.st_dev == dir->device &&
        st.st_ino == dir->inode)
        return;
    dir_arm(dir);
}

static void check_all(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        dir_check(&watch->dirs[i]);
}

/* Events. */

static void debounce_over(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    check_all(watch);
    watch->changed(watch->data); /* may free the watch */
}

static void rescan_due(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    check_all(watch);
    watch->changed(watch->data);
}

/* Calls `changed` when it has been quiet for debounce_ms, or the burst goes on for too long. */
static void touch(struct watch *watch)
{
    uint64_t now_ms = uv_now(watch->debounce.loop);
    uint64_t wait_ms = (uint64_t)watch->debounce_ms;
    if (!uv_is_active((uv_handle_t *)&watch->debounce)) watch->burst_began_ms = now_ms;
    uint64_t latest_ms = watch->burst_began_ms + DEBOUNCE_STRETCH * wait_ms;
    if (now_ms >= latest_ms)
        wait_ms = 0;
    else if (now_ms + wait_ms > latest_ms)
        wait_ms = latest_ms - now_ms;
    uv_timer_start(&watch->debounce, debounce_over, wait_ms, 0); /* fails only without a callback */
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    (void)events;
    struct dir *dir = event->data;
    /* libuv gives the watched path's own name when it was itself moved, removed or forgotten. */
    bool about_itself = status < 0 || !name || strcmp(name, last_component(dir->at)) == 0;
    if (dir->itself) {
        if (about_itself) dir->stale = true;
        touch(dir->watch);
        return;
    }
    const char *wanted = below(dir);
    size_t len = strcspn(wanted, "/");
    bool wanted_came = name && strncmp(name, wanted, len) == 0 && name[len] == '\0';
    if (!about_itself && !wanted_came) return;
    dir_arm(dir);
    if (dir->itself) touch(dir->watch);
}

/* Beginning and end. */

static void handle_closed(uv_handle_t *handle)
{
    /* The timers' data is the watch, the events' is their directory. */
    struct watch *watch =
        uv_handle_get_type(handle) == UV_TIMER ? handle->data : ((struct dir *)handle->data)->watch;
    if (--watch->handles_open) return;
    for (size_t i = 0; i < watch->count; i++) {
        free(watch->dirs[i].path);
        free(watch->dirs[i].at);
    }
    free(watch->dirs);
    free(watch);
}

static char *without_trailing_slashes(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return strndup(path, len);
}

/* On failure nothing of the directory is left. */
static int dir_init(struct dir *dir, struct watch *watch, uv_loop_t *uv, const char *path)
{
    dir->watch = watch;
    dir->path = without_trailing_slashes(*path ? path : ".");
    dir->at = dir->path ? malloc(strlen(dir->path) + 2) : NULL; /* "." may be longer than "" */
    int rc = dir->at ? err_from_uv(uv_fs_event_init(uv, &dir->event)) : ERR_NOMEM;
    if (rc < 0) {
        free(dir->path);
        free(dir->at);
        return rc;
    }
    dir->event.data = dir;
    watch->handles_open++;
    watch->count++;
    return OK;
}

int watch_new(struct loop *loop, const struct watch_options *options, void (*changed)(void *data),
              void *data, struct watch **out)
{
    size_t count = 0;
    while (options->directories[count])
        count++;
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) return ERR_NOMEM;
    watch->dirs = calloc(count + 1, sizeof *watch->dirs);
    if (!watch->dirs) {
        free(watch);
        return ERR_NOMEM;
    }
    watch->changed = changed;
    watch->data = data;
    watch->debounce_ms = options->debounce_ms > 0 ? options->debounce_ms : DEBOUNCE_MS;
    uint64_t rescan_ms = (uint64_t)(options->rescan_ms > 0 ? options->rescan_ms : RESCAN_MS);
    uv_timer_init(loop_uv(loop), &watch->debounce); /* always succeeds */
    uv_timer_init(loop_uv(loop), &watch->rescan);
    watch->debounce.data = watch->rescan.data = watch;
    watch->handles_open = 2;
    int rc = err_from_uv(uv_timer_start(&watch->rescan, rescan_due, rescan_ms, rescan_ms));
    for (size_t i = 0; rc == OK && i < count; i++)
        rc = dir_init(&watch->dirs[i], watch, loop_uv(loop), options->directories[i]);
    if (rc < 0) {
        watch_free(watch);
        return rc;
    }
    for (size_t i = 0; i < count; i++)
        dir_arm(&watch->dirs[i]);
    *out = watch;
    return OK;
}

void watch_free(struct watch *watch)
{
    if (!watch) return;
    for (size_t i = 0; i < watch->count; i++)
        uv_close((uv_handle_t *)&watch->dirs[i].event, handle_closed);
    uv_close((uv_handle_t *)&watch->debounce, handle_closed);
    uv_close((uv_handle_t *)&watch->rescan, handle_closed);
}
