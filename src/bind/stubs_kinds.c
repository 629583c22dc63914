/* bind/stubs_kinds.c - all kinds of decisions that a project has, loaded to be documented. */
#include "stubs_text.h"

#include "moontide/base/fs.h"
#include "moontide/vm/prelude.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "kind_", SUFFIX[] = ".lua"; /* of files, in prelude and lib */

struct loading {
    struct kinds *kinds;
    struct kind **found;
    size_t count;
};

static int load_one(struct loading *loading, const char *name, const char *dir)
{
    struct kind *kind = NULL;
    struct fault fault;
    for (size_t i = 0; i < loading->count; i++)
        if (strcmp(loading->found[i]->info.name, name) == 0) return OK;
    if (kinds_get(loading->kinds, name, dir, &kind, &fault) < 0) return OK; /* `check` tells */
    struct kind **found = realloc(loading->found, (loading->count + 1) * sizeof(struct kind *));
    if (!found) {
        kind_release(kind);
        return ERR_NOMEM;
    }
    loading->found = found;
    found[loading->count++] = kind;
    return OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_kind(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name), ends = sizeof SUFFIX - 1;
    return len > sizeof PREFIX - 1 + ends && len < KIND_NAME_MAX &&
           strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0 &&
           strcmp(entry->d_name + len - ends, SUFFIX) == 0;
}

static int load_own(struct loading *loading, const char *policies_dir)
{
    char *lib = fs_join(policies_dir, "lib");
    if (!lib) return ERR_NOMEM;
    struct dirent **entries = NULL;
    int count = scandir(lib, &entries, is_kind, by_name), code = OK;
    free(lib);
    for (int i = 0; i < count; i++) {
        char name[KIND_NAME_MAX];
        size_t len = strlen(entries[i]->d_name) - (sizeof PREFIX - 1) - (sizeof SUFFIX - 1);
        memcpy(name, entries[i]->d_name + sizeof PREFIX - 1, len);
        name[len] = '\0';
        if (code == OK) code = load_one(loading, name, policies_dir);
        free(entries[i]);
    }
    free(entries);
    return code;
}

int stubs_load_kinds(struct kinds *kinds, const char *policies_dir, struct kind ***out,
                     size_t *count)
{
    struct loading loading = {.kinds = kinds};
    int code = OK;
    for (const struct prelude_file *file = prelude_files; file->name && code == OK; file++)
        if (strncmp(file->name, PREFIX, sizeof PREFIX - 1) == 0)
            code = load_one(&loading, file->name + sizeof PREFIX - 1, NULL);
    if (code == OK && policies_dir) code = load_own(&loading, policies_dir);
    if (code < 0) {
        stubs_free_kinds(loading.found, loading.count);
        return code;
    }
    *out = loading.found;
    *count = loading.count;
    return OK;
}

void stubs_free_kinds(struct kind **kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kind_release(kinds[i]);
    free(kinds);
}
