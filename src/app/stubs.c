/* app/stubs.c - writes the editor's files into a project directory. */
#include "moontide/app/stubs.h"

#include "moontide/aws/model.h"
#include "moontide/base/fs.h"
#include "moontide/bind/config.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/stubs.h"
#include "moontide/vm/prelude.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_BYTES_MAX = 4 << 20, OWN_BYTES_MAX = 1 << 20 };

static const char TYPES[] = "types/moontide";

/* Files of the project: what they hold at first, and what must be in them. */
static const struct {
    const char *name, *source, *mark, *advice;
} own_files[] = {
    {".luarc.json", "init_luarc", "types/moontide",
     "lua-language-server: add \"types/moontide\" to its workspace.library"},
    {".luacheckrc", "init_luacheckrc", "types.moontide.luacheckrc",
     "luacheck: add to it\n"
     "           local moontide = require \"types.moontide.luacheckrc\"\n"
     "           stds, files = moontide.stds, moontide.files"},
};

/* ---- types/moontide ---- */

static int make_directories(const char *dir, struct fault *fault)
{
    static const char *const names[] = {"types", TYPES};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = fs_join(dir, names[i]);
        if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
        int failed = mkdir(path, 0777) < 0 && errno != EEXIST ? errno : 0;
        if (failed) fault_set(fault, err_from_errno(failed), "%s: %s", path, strerror(failed));
        free(path);
        if (failed) return fault->code;
    }
    return OK;
}

static int write_text(const char *dir, const char *name, const struct strbuf *text,
                      struct fault *fault)
{
    char relative[128];
    snprintf(relative, sizeof relative, "%s/%s.lua", TYPES, name);
    char *path = fs_join(dir, relative);
    int code = path ? strbuf_status(text) : ERR_NOMEM;
    if (code < 0)
        fault_set(fault, code, "%s: %s", relative, err_text(code));
    else
        code = fs_write_file(path, strbuf_cstr(text), text->len, 0644, fault);
    free(path);
    return code;
}

static int write_types(const char *dir, const struct stubs_options *options, struct fault *fault)
{
    struct strbuf text;
    int code = make_directories(dir, fault);
    strbuf_init(&text, TEXT_BYTES_MAX);
    for (const char *const *name = stubs_files; *name && code >= 0; name++) {
        strbuf_reset(&text);
        stubs_file(options, *name, &text);
        code = write_text(dir, *name, &text, fault);
    }
    for (const char *const *service = model_builtin_names; *service && code >= 0; service++) {
        char name[64];
        snprintf(name, sizeof name, "aws_%s", *service);
        strbuf_reset(&text);
        code = stubs_service(*service, &text, fault);
        if (code >= 0) code = write_text(dir, name, &text, fault);
    }
    strbuf_reset(&text);
    if (code >= 0) {
        stubs_luacheck(options, &text);
        code = write_text(dir, "luacheckrc", &text, fault);
    }
    strbuf_done(&text);
    if (code >= 0) printf("written  %s/%s/*.lua\n", dir, TYPES);
    return code;
}

/* ---- the project's own files ---- */

static int keep_or_advise(const char *path, const char *mark, const char *advice,
                          struct fault *fault)
{
    char *text = NULL;
    size_t len;
    int code = fs_read_file(path, OWN_BYTES_MAX, &text, &len, fault);
    if (code < 0) return code;
    printf("kept     %s\n", path);
    if (!strstr(text, mark)) printf("         %s\n", advice);
    free(text);
    return OK;
}

static int write_own(const char *dir, size_t i, struct fault *fault)
{
    const struct prelude_file *file = prelude_find(own_files[i].source);
    char *path = fs_join(dir, own_files[i].name);
    struct stat found;
    int code;
    if (!path || !file) {
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    } else if (lstat(path, &found) == 0) {
        code = keep_or_advise(path, own_files[i].mark, own_files[i].advice, fault);
    } else {
        code = fs_write_file(path, file->source, file->len, 0644, fault);
        if (code >= 0) printf("written  %s\n", path);
    }
    free(path);
    return code;
}

/* ---- all of it ---- */

int stubs_write(const char *dir, struct fault *fault)
{
    struct config *config = NULL;
    struct kinds *kinds = NULL;
    struct stubs_options options = {0};
    struct kind **loaded = NULL;
    if (config_load(dir, &config, NULL) < 0) config = NULL; /* `check` tells what is wrong */
    struct host host = {.config = config};
    int code = kinds_new(&host, &kinds);
    if (code >= 0)
        code = stubs_load_kinds(kinds, config ? config->policies_dir : NULL, &loaded,
                                &options.kind_count);
    options.kinds = loaded;
    if (code < 0)
        fault_set(fault, code, "%s", err_text(code));
    else
        code = write_types(dir, &options, fault);
    for (size_t i = 0; code >= 0 && i < COUNT_OF(own_files); i++)
        code = write_own(dir, i, fault);
    stubs_free_kinds(loaded, options.kind_count);
    kinds_free(kinds);
    config_free(config);
    return code;
}
