/* app/alerts_hold.c - silences and mute windows, asked by a command. */
#include "moontide/app/alerts_hold.h"

#include "moontide/app/instance.h"
#include "moontide/base/fs.h"
#include "moontide/notify/route.h"

#include <stdlib.h>

int hold_silences(const struct config *config, struct silences *out, struct fault *fault)
{
    *out = (struct silences){0};
    char *path = fs_join(config->state_dir, SILENCE_FILE);
    int code =
        path ? silences_read(path, out, fault) : fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK && fault->code < 0) print_fault(fault);
    free(path);
    return code;
}

const char *hold_mute(const struct notify_settings *settings, const struct route *route,
                      int64_t now_ms, int64_t *until_ms)
{
    for (size_t i = 0; i < route->mute_count; i++) {
        const struct mute_settings *mute = notify_mute(settings, route->mute[i]);
        for (size_t w = 0; mute && w < mute->window_count; w++)
            if (window_contains(&mute->windows[w], now_ms, until_ms)) return mute->name;
    }
    return NULL;
}

struct muting {
    const struct notify_settings *settings;
    int64_t now_ms;
    const char *by;
    bool told; /* an end is not muted */
};

static void see_end(void *data, const struct route_end *end)
{
    struct muting *muting = data;
    int64_t until_ms;
    const char *by = hold_mute(muting->settings, end->route, muting->now_ms, &until_ms);
    muting->told = muting->told || !by;
    if (by) muting->by = by;
}

void hold_find(const struct notify_settings *settings, const struct silences *silences,
               const struct labels *labels, int64_t now_ms, const char **held, const char **by)
{
    struct muting muting = {.settings = settings, .now_ms = now_ms};
    const struct silence *silence = silences_find(silences, labels, now_ms);
    *held = *by = "";
    if (silence) {
        *held = "silence";
        *by = silence->id;
        return;
    }
    route_find(settings, labels, see_end, &muting);
    if (!muting.by || muting.told) return;
    *held = "mute";
    *by = muting.by;
}
