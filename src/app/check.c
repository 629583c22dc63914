/* app/check.c - `moontide check [PATH]`: all faults of a directory (or of one policy file) in one
 * go, offline. */
#include "moontide/app/check_alerts.h"
#include "moontide/app/check_json.h"
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/policy_dir.h"
#include "moontide/app/policy_scan.h"
#include "moontide/app/project.h"
#include "moontide/base/clock.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DOCUMENT_BYTES_MAX = 256 * 1024 * 1024 };

struct checking {
    struct host host;
    struct faults faults;
    struct evaluator **loaded; /* shape: loaded[count]: for duplicate names */
    size_t count, files;
    bool json;
};

static void add_text_fault(struct checking *c, int code, const char *file, const char *text)
{
    struct fault fault;
    fault_set(&fault, code, "%s", text);
    fault_at(&fault, file, 0, 0);
    faults_add(&c->faults, &fault);
}

static void check_duplicate(struct checking *c, const struct evaluator *evaluator)
{
    const struct policy_info *info = evaluator->vtable->info(evaluator);
    for (size_t i = 0; i < c->count; i++) {
        const struct policy_info *other = c->loaded[i]->vtable->info(c->loaded[i]);
        if (strcmp(other->name, info->name) != 0) continue;
        char text[512];
        snprintf(text, sizeof text, "the policy name '%s' is taken by %s", info->name, other->file);
        add_text_fault(c, ERR_EXISTS, info->file, text);
    }
}

static void check_file(struct checking *c, const struct scanned_file *file)
{
    struct evaluator *evaluator = NULL;
    c->files++;
    if (file->fault) {
        struct fault fault = *file->fault;
        faults_add(&c->faults, &fault);
        return;
    }
    if (policy_check_text(&c->host, file->path, path_shown(file->path), file->text, file->len,
                          &evaluator, &c->faults) < 0)
        return;
    check_duplicate(c, evaluator);
    struct evaluator **grown = realloc(c->loaded, (c->count + 1) * sizeof *grown);
    if (!grown) {
        evaluator->vtable->free(evaluator);
        return;
    }
    c->loaded = grown;
    c->loaded[c->count++] = evaluator;
}

static void check_directory(struct checking *c)
{
    struct policy_scan scan;
    policy_scan_read(&scan, c->host.config->policies_dir, c->host.config->source_bytes,
                     POLICY_FILES_MAX);
    if (scan.code < 0) faults_add(&c->faults, &scan.fault);
    for (size_t i = 0; i < scan.policy_count; i++)
        check_file(c, &scan.files[i]);
    if (scan.code >= 0 && scan.policy_count == 0)
        add_text_fault(c, ERR_NOT_FOUND, path_shown(c->host.config->policies_dir),
                       "no policy (*.lua) is here");
    policy_scan_done(&scan);
}

static void check_one(struct checking *c, const char *path)
{
    struct policy_scan scan;
    char *directory = strdup(path), *slash = directory ? strrchr(directory, '/') : NULL;
    if (!directory) return;
    if (slash)
        *slash = '\0';
    else
        strcpy(directory, ".");
    policy_scan_read(&scan, directory, c->host.config->source_bytes, POLICY_FILES_MAX);
    bool found = false;
    for (size_t i = 0; i < scan.count; i++) {
        if (strcmp(path_shown(scan.files[i].path), path_shown(path)) != 0) continue;
        found = true;
        check_file(c, &scan.files[i]);
    }
    if (!found) add_text_fault(c, ERR_NOT_FOUND, path, "no such policy file (they end in .lua)");
    policy_scan_done(&scan);
    free(directory);
}

static void print_json(const struct checking *c, const struct config *config)
{
    struct strbuf text;
    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    check_json(config, c->loaded, c->count, &c->faults, &text);
    if (strbuf_status(&text) < 0)
        fputs("moontide: the document is too large for memory\n", stderr);
    else
        printf("%s\n", strbuf_cstr(&text));
    strbuf_done(&text);
}

static int is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void check_with(struct checking *c, const char *dir, const char *file)
{
    struct config *config = NULL;
    struct loop *loop = NULL;
    struct clock clock;
    clock_init_real(&clock);
    if (config_load(dir, &config, &c->faults) < 0 || loop_new(&loop) < 0) goto leave;
    c->host = (struct host){.loop = loop, .clock = &clock, .config = config, .world_name = "none"};
    if (kinds_new(&c->host, &c->host.kinds) < 0) goto leave;
    if (file)
        check_one(c, file);
    else
        check_directory(c);
    if (!file && config->file) check_alerts(&c->host, c->loaded, c->count, &c->faults);
leave:
    if (c->json) print_json(c, config);
    for (size_t i = 0; i < c->count; i++)
        c->loaded[i]->vtable->free(c->loaded[i]);
    free(c->loaded);
    kinds_free(c->host.kinds);
    if (loop) loop_free(loop);
    config_free(config);
}

int command_check(const struct arguments *arguments)
{
    struct checking c = {.count = 0};
    const char *dir = arguments_value(arguments, "dir");
    const char *path = arguments->operand_count ? arguments->operands[0] : NULL;
    if (project_format(arguments, &c.json)) return 1;
    faults_init(&c.faults);
    if (!dir) dir = ".";
    if (path && is_directory(path)) {
        dir = path;
        path = NULL;
    }
    check_with(&c, dir, path);
    if (!c.json) print_faults(&c.faults);
    size_t faults = 0; /* a warning's code is OK */
    for (size_t i = 0; i < c.faults.count; i++)
        faults += c.faults.items[i].code < 0;
    faults_done(&c.faults);
    if (c.json) return faults ? 1 : 0;
    if (faults) {
        fprintf(stderr, "moontide check: %zu fault%s\n", faults, faults == 1 ? "" : "s");
        return 1;
    }
    printf("ok: %zu polic%s\n", c.files, c.files == 1 ? "y" : "ies");
    return 0;
}
