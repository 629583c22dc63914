/* app/why.c - `moontide why RESOURCE|TARGET`: reads the journal, the policies' files and the
 * pauses, and shows what follows from them. */
#include "moontide/app/why.h"

#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/pauses.h"
#include "moontide/app/project.h"
#include "moontide/base/fs.h"
#include "moontide/base/hash.h"
#include "moontide/base/nearest.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 1000, NAMES_MAX = 20000, TEXT_BYTES_MAX = 64 << 20 };

struct work {
    const struct arguments *arguments;
    const char *name, *world;
    int64_t since_ms;
    bool json;
    struct config *config;
    struct store *store;
    struct why_file files[FILES_MAX];
    size_t file_count;
};

/* ---- the policies' files ---- */

/* A file that cannot be read has no hash, so no decision is told to be its. */
static void read_file(struct work *work, const char *name)
{
    unsigned char digest[SHA256_BYTES];
    struct fault fault;
    char *text = NULL;
    size_t len;
    struct why_file *file = &work->files[work->file_count];
    file->path = fs_join(work->config->policies_dir, name);
    if (!file->path ||
        fs_read_file(file->path, work->config->source_bytes, &text, &len, &fault) < 0) {
        free(file->path);
        return;
    }
    sha256(text, len, digest);
    hex_encode(digest, sizeof digest, file->sha256);
    free(text);
    work->file_count++;
}

static void read_files(struct work *work)
{
    const struct dirent *entry;
    DIR *dir = opendir(work->config->policies_dir);
    while (dir && work->file_count < FILES_MAX && (entry = readdir(dir))) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0) read_file(work, entry->d_name);
    }
    if (dir) closedir(dir);
}

/* ---- the pauses ---- */

static bool concerns(const struct why *why, const struct pause *pause)
{
    if (!pause->scope[0] || strcmp(pause->scope, why->name) == 0) return true;
    for (size_t i = 0; i < why->count; i++) {
        const struct entry *entry = &why->entries[i];
        const char *const names[] = {entry->policy, entry->target, entry->resource};
        for (size_t n = 0; n < COUNT_OF(names); n++)
            if (names[n] && strcmp(names[n], pause->scope) == 0) return true;
    }
    return false;
}

static int read_pauses(struct work *work, struct why *why)
{
    struct pauses all;
    int code = project_pauses(work->config, &all);
    if (code < 0) return code;
    for (size_t i = 0; i < all.count && code == OK; i++)
        if (concerns(why, &all.items[i])) code = pauses_add(&why->pauses, &all.items[i]);
    pauses_done(&all);
    return code;
}

/* ---- nothing found ---- */

struct names {
    char **items; /* ends with NULL */
    size_t count;
};

static bool take_name(void *data, const char *name)
{
    struct names *names = data;
    names->items[names->count] = strdup(name);
    return names->items[names->count] && ++names->count < NAMES_MAX;
}

static bool take_time(void *data, const struct journal_row *row)
{
    *(int64_t *)data = row->at_ms;
    return false;
}

/* When the name was last in the journal, or 0. */
static int64_t last_seen_ms(const struct work *work)
{
    int64_t last_ms = 0;
    struct fault fault;
    struct journal_filter resource = {.world = work->world, .resource = work->name, .limit = 1},
                          target = {.world = work->world, .target = work->name, .limit = 1};
    if (store_each_journal(work->store, &resource, take_time, &last_ms, &fault) == OK && !last_ms &&
        store_each_journal(work->store, &target, take_time, &last_ms, &fault) < 0)
        return 0;
    return last_ms;
}

static int say_nothing_found(const struct work *work)
{
    char text[TIME_TEXT_MAX];
    struct fault fault;
    int64_t last_ms = last_seen_ms(work);
    fprintf(stderr, "moontide: the journal has nothing of a resource or target '%s'", work->name);
    if (last_ms) {
        time_format(last_ms / 1000 * 1000, text);
        fprintf(stderr, " in that time; the last is of %s (see --since)\n", text);
        return 1;
    }
    struct names names = {.items = calloc(NAMES_MAX + 1, sizeof *names.items)};
    if (names.items && store_each_name(work->store, take_name, &names, &fault) == OK) {
        const char *near = nearest_name(work->name, (const char *const *)names.items);
        if (near) fprintf(stderr, " (did you mean '%s'?)", near);
    }
    fputc('\n', stderr);
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    free(names.items);
    return 1;
}

/* ---- showing ---- */

static int show(const struct work *work, const struct why found[2])
{
    struct strbuf text;
    struct json_writer w;
    int code = OK;
    strbuf_init(&text, TEXT_BYTES_MAX);
    json_writer_init(&w, &text);
    if (work->json) json_array(&w);
    for (int i = 0; i < 2 && code == OK; i++) {
        if (found[i].count == 0) continue;
        if (!work->json && text.len > 0) strbuf_addc(&text, '\n');
        code = work->json ? why_write_json(&found[i], &w)
                          : why_write_text(&found[i], terminal_color(STDOUT_FILENO), &text);
    }
    if (work->json) {
        json_array_end(&w);
        strbuf_addc(&text, '\n');
    }
    if (code == OK) code = strbuf_status(&text);
    if (code == OK) fputs(strbuf_cstr(&text), stdout);
    strbuf_done(&text);
    return code;
}

static int explain(struct work *work, struct fault *fault)
{
    struct why found[2] = {{.what = "resource"}, {.what = "target"}};
    int code = project_store(work->config, &work->store), status = 1;
    if (code < 0) return 1;
    read_files(work);
    for (int i = 0; i < 2 && code == OK; i++) {
        found[i].name = work->name;
        found[i].since_ms = work->since_ms;
        found[i].files = work->files;
        found[i].file_count = work->file_count;
        code = why_read(&found[i], work->store, work->world, fault);
        if (code == OK && read_pauses(work, &found[i]) < 0)
            code = fault_set(fault, ERR_NOMEM, "out of memory");
    }
    if (code == OK && found[0].count + found[1].count == 0) {
        say_nothing_found(work);
    } else if (code == OK) {
        code = show(work, found);
        status = code < 0;
        if (code < 0) fault_set(fault, code, "the answer: %s", err_text(code));
    }
    if (code < 0) print_fault(fault);
    for (int i = 0; i < 2; i++)
        why_done(&found[i]);
    return status;
}

int command_why(const struct arguments *arguments)
{
    struct fault fault;
    int status = 1;
    struct work *work = calloc(1, sizeof *work);
    if (!work) return 1;
    work->arguments = arguments;
    work->name = arguments->operands[0];
    work->world = arguments_value(arguments, "world");
    if (!project_format(arguments, &work->json) &&
        !project_since(arguments, "24h", &work->since_ms) &&
        project_config(arguments, &work->config) == OK)
        status = explain(work, &fault);
    for (size_t i = 0; i < work->file_count; i++)
        free(work->files[i].path);
    store_close(work->store);
    config_free(work->config);
    free(work);
    return status;
}
