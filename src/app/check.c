/* app/check.c - `moontide check [PATH...]`: all findings of a directory, or of some policy files,
 * in one go; offline but for --live. */
#include "moontide/app/check_alerts.h"
#include "moontide/app/check_explain.h"
#include "moontide/app/check_json.h"
#include "moontide/app/check_live.h"
#include "moontide/app/findings.h"
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/policy_dir.h"
#include "moontide/app/policy_scan.h"
#include "moontide/app/project.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/terminal.h"
#include "moontide/bind/diagnostic.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DOCUMENT_BYTES_MAX = 256 * 1024 * 1024 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_GCC };

struct checking {
    struct host host;
    struct findings findings;
    struct evaluator **loaded; /* shape: loaded[count]: for duplicate names */
    size_t count, files;
    enum format format;
    bool strict, live;
};

static void add_text_fault(struct checking *c, int code, const char *file, const char *text)
{
    struct fault fault;
    struct faults faults;
    faults_init(&faults);
    fault_set(&fault, code, "%s", text);
    fault_at(&fault, file, 0, 0);
    faults_add(&faults, &fault);
    findings_take(&c->findings, &faults);
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

static void keep_policy(struct checking *c, struct evaluator *evaluator)
{
    check_duplicate(c, evaluator);
    struct evaluator **grown = realloc(c->loaded, (c->count + 1) * sizeof *grown);
    if (!grown) {
        evaluator->vtable->free(evaluator);
        return;
    }
    c->loaded = grown;
    c->loaded[c->count++] = evaluator;
}

static void check_text(struct checking *c, const char *path, const char *text, size_t len)
{
    struct evaluator *evaluator = NULL;
    struct faults faults;
    faults_init(&faults);
    const char *shown = path_shown(path);
    int code = policy_check_text(&c->host, path, shown, text, len, &evaluator, &faults);
    findings_take_own(&c->findings, shown, text, len, code >= 0, &faults);
    if (code >= 0) keep_policy(c, evaluator);
}

static void add_fault(struct checking *c, const struct fault *fault)
{
    struct faults faults;
    faults_init(&faults);
    faults_add(&faults, fault);
    findings_take(&c->findings, &faults);
}

static void check_directory(struct checking *c)
{
    struct policy_scan scan;
    policy_scan_read(&scan, c->host.config->policies_dir, c->host.config->source_bytes,
                     POLICY_FILES_MAX);
    if (scan.code < 0) add_fault(c, &scan.fault);
    for (size_t i = 0; i < scan.policy_count; i++) {
        c->files++;
        if (scan.files[i].fault)
            add_fault(c, scan.files[i].fault);
        else
            check_text(c, scan.files[i].path, scan.files[i].text, scan.files[i].len);
    }
    if (scan.code >= 0 && scan.policy_count == 0)
        add_text_fault(c, ERR_NOT_FOUND, path_shown(c->host.config->policies_dir),
                       "no policy (*.lua) is here");
    policy_scan_done(&scan);
}

static void check_one(struct checking *c, const char *path)
{
    char *text = NULL;
    size_t len = 0, path_len = strlen(path);
    struct fault fault;
    bool lua = path_len > 4 && strcmp(path + path_len - 4, ".lua") == 0;
    int code =
        lua ? fs_read_file(path, c->host.config->source_bytes, &text, &len, &fault) : ERR_NOT_FOUND;
    c->files++;
    if (code == ERR_NOT_FOUND) {
        add_text_fault(c, code, path, "no such policy file (they end in .lua)");
    } else if (code < 0) {
        fault_at(&fault, path_shown(path), 0, 0);
        add_fault(c, &fault);
    } else {
        check_text(c, path, text, len);
    }
    free(text);
}

static void print_json(const struct checking *c, const struct config *config)
{
    struct strbuf text;
    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    check_json(config, c->loaded, c->count, &c->findings, &text);
    if (strbuf_status(&text) < 0)
        fputs("moontide: the document is too large for memory\n", stderr);
    else
        printf("%s\n", strbuf_cstr(&text));
    strbuf_done(&text);
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void check_policies(struct checking *c, char *const *paths, size_t path_count)
{
    struct faults faults;
    const struct config *config = c->host.config;
    for (size_t i = 0; i < path_count; i++)
        check_one(c, paths[i]);
    if (path_count > 0) return;
    check_directory(c);
    faults_init(&faults);
    if (config->file) check_alerts(&c->host, c->loaded, c->count, c->count == c->files, &faults);
    findings_take(&c->findings, &faults);
}

static void check_with(struct checking *c, const char *dir, char *const *paths, size_t path_count)
{
    struct config *config = NULL;
    struct loop *loop = NULL;
    struct clock clock;
    struct faults faults;
    faults_init(&faults);
    clock_init_real(&clock);
    int code = config_load(dir, &config, &faults);
    findings_take(&c->findings, &faults);
    if (code < 0 || loop_new(&loop) < 0) goto leave;
    c->host = (struct host){.loop = loop, .clock = &clock, .config = config, .world_name = "none"};
    if (kinds_new(&c->host, &c->host.kinds) < 0) goto leave;
    check_policies(c, paths, path_count);
    if (c->live) {
        check_live(dir, c->loaded, c->count, &faults);
        findings_take(&c->findings, &faults);
    }
leave:
    findings_settle(&c->findings);
    if (c->format == FORMAT_JSON) print_json(c, config);
    for (size_t i = 0; i < c->count; i++)
        c->loaded[i]->vtable->free(c->loaded[i]);
    free(c->loaded);
    kinds_free(c->host.kinds);
    if (loop) loop_free(loop);
    config_free(config);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* Of the first error; else of the first warning. */
static const char *first_code(const struct checking *c)
{
    size_t first = 0;
    while (first < c->findings.count && c->findings.items[first].code >= 0)
        first++;
    return diagnostic_of(&c->findings.items[first < c->findings.count ? first : 0]);
}

/* What was found, in one line, and how to learn more. */
static void print_summary(const struct checking *c, size_t errors, size_t warnings, bool failed)
{
    if (failed) {
        fprintf(stderr, "moontide check: %zu error%s, %zu warning%s", errors, plural(errors),
                warnings, plural(warnings));
        fprintf(stderr, "; `moontide check --explain %s` tells what that means\n", first_code(c));
        return;
    }
    printf("ok: %zu polic%s", c->files, c->files == 1 ? "y" : "ies");
    if (warnings) printf(", %zu warning%s", warnings, plural(warnings));
    putchar('\n');
}

static int take_format(const struct arguments *arguments, enum format *out)
{
    static const char *const names[] = {"text", "json", "gcc"};
    const char *text = arguments_value(arguments, "format");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (text && strcmp(text, names[i]) != 0) continue;
        *out = (enum format)i;
        return 0;
    }
    fprintf(stderr, "moontide check: --format is text, json or gcc, not: %s\n", text);
    return 1;
}

int command_check(const struct arguments *arguments)
{
    struct checking c = {.count = 0};
    const char *dir = arguments_value(arguments, "dir");
    const char *explain = arguments_value(arguments, "explain");
    char *const *paths = arguments->operands;
    size_t path_count = arguments->operand_count;
    if (take_format(arguments, &c.format)) return 1;
    if (explain) return check_explain(explain);
    c.strict = arguments_flag(arguments, "strict");
    c.live = arguments_flag(arguments, "live");
    if (!dir) dir = ".";
    if (path_count == 1 && is_directory(paths[0])) {
        dir = paths[0];
        path_count = 0;
    }
    findings_init(&c.findings);
    check_with(&c, dir, paths, path_count);
    size_t errors = findings_errors(&c.findings), warnings = findings_warnings(&c.findings);
    bool failed = errors > 0 || (c.strict && warnings > 0);
    if (c.format == FORMAT_GCC) findings_print_lines(&c.findings, stdout);
    if (c.format == FORMAT_TEXT) {
        findings_print(&c.findings, stderr, terminal_color(STDERR_FILENO));
        print_summary(&c, errors, warnings, failed);
    }
    findings_done(&c.findings);
    return failed;
}
