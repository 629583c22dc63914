/* app/test_watch.c - waits for the next save of a policy, a lib module or a test. */
#include "moontide/app/tests.h"
#include "moontide/base/fs.h"
#include "moontide/io/loop.h"
#include "moontide/io/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

enum { DIRECTORIES_MAX = 64 };

struct test_watch {
    struct loop *loop;
    struct watch *watch;
    uv_signal_t signal;
    bool signals, changed, interrupted;
    char *directories[DIRECTORIES_MAX + 1];
    size_t count;
    uint64_t stamp; /* of the files as they were when the wait began */
};

static void on_change(void *data)
{
    ((struct test_watch *)data)->changed = true;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    ((struct test_watch *)signal->data)->interrupted = true;
}

static void add(struct test_watch *watch, char *take_directory)
{
    for (size_t i = 0; i < watch->count && take_directory; i++) {
        if (strcmp(watch->directories[i], take_directory) != 0) continue;
        free(take_directory);
        return;
    }
    if (take_directory && watch->count < DIRECTORIES_MAX)
        watch->directories[watch->count++] = take_directory;
    else
        free(take_directory);
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

int test_watch_new(const struct config *config, const struct test_book *book,
                   struct test_watch **out)
{
    struct test_watch *watch = calloc(1, sizeof *watch);
    if (!watch) return ERR_NOMEM;
    add(watch, strdup(config->policies_dir));
    add(watch, fs_join(config->policies_dir, "lib"));
    add(watch, fs_join(config->policies_dir, "tests"));
    for (size_t i = 0; i < book->count; i++)
        add(watch, dir_of(book->files[i].path));
    struct watch_options options = {.directories = (const char *const *)watch->directories,
                                    .debounce_ms = 50};
    int code = loop_new(&watch->loop);
    if (code == OK) code = watch_new(watch->loop, &options, on_change, watch, &watch->watch);
    if (code == OK && uv_signal_init(loop_uv(watch->loop), &watch->signal) == 0) {
        watch->signals = true;
        watch->signal.data = watch;
        uv_signal_start(&watch->signal, on_signal, SIGINT);
    }
    if (code < 0) {
        test_watch_free(watch);
        return code;
    }
    *out = watch;
    return OK;
}

bool test_watch_wait(struct test_watch *watch)
{
    watch->changed = false;
    while (!watch->changed && !watch->interrupted)
        loop_turn(watch->loop, true);
    return !watch->interrupted;
}

void test_watch_free(struct test_watch *watch)
{
    if (!watch) return;
    watch_free(watch->watch);
    if (watch->signals) uv_close((uv_handle_t *)&watch->signal, NULL);
    loop_free(watch->loop);
    for (size_t i = 0; i < watch->count; i++)
        free(watch->directories[i]);
    free(watch);
}
