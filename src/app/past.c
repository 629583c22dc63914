/* app/past.c - which recording, which policy of it, which version. */
#include "moontide/app/past.h"

#include "moontide/app/instance.h"
#include "moontide/app/policy_scan.h"
#include "moontide/app/project.h"
#include "moontide/app/recorded.h"
#include "moontide/base/fs.h"
#include "moontide/bind/kinds.h"
#include "moontide/io/loop.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_BYTES_MAX = 4096, HASH_DIGITS_MIN = 4, HASH_SHOWN = 8 };

/* ---- the recording ---- */

int past_open(const struct arguments *arguments, struct past *out)
{
    struct past project = {0};
    int code = project_config(arguments, &project.config);
    if (code >= 0) code = project_recording(project.config, &project.reader);
    if (code >= 0 && !(project.path = recording_path(project.config))) {
        fputs("moontide: out of memory\n", stderr);
        code = ERR_NOMEM;
    }
    if (code < 0) {
        past_close(&project);
        return 1;
    }
    *out = project;
    clock_init_real(&out->clock);
    out->host = (struct host){.clock = &out->clock, .config = out->config, .world_name = "replay"};
    code = loop_new(&out->loop);
    out->host.loop = out->loop;
    if (code >= 0) code = kinds_new(&out->host, &out->host.kinds);
    if (code >= 0) return 0;
    fputs("moontide: out of memory\n", stderr);
    past_close(out);
    return 1;
}

void past_close(struct past *project)
{
    recording_reader_close(project->reader);
    kinds_free(project->host.kinds);
    if (project->loop) loop_free(project->loop);
    config_free(project->config);
    free(project->path);
    *project = (struct past){0};
}

/* ---- a policy of it ---- */

void past_policy_done(struct past_policy *policy)
{
    free(policy->policy);
    free(policy->world);
    *policy = (struct past_policy){0};
}

/* The names of the policies there are: "api, web". */
struct names {
    struct strbuf text;
    char *last;
    size_t count;
};

static bool lists(const struct names *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strbuf_cstr(&names->text); (at = strstr(at, name)); at += len)
        if ((at == names->text.data || at[-1] == ' ') && (at[len] == ',' || !at[len])) return true;
    return false;
}

static bool add_name(void *data, const struct recorded *row)
{
    struct names *names = data;
    if (lists(names, row->policy)) return true;
    strbuf_addf(&names->text, "%s%s", names->count++ ? ", " : "", row->policy);
    return strbuf_status(&names->text) == OK;
}

static int list_names(struct recording_reader *reader, const char *world, struct names *names,
                      struct fault *fault)
{
    const struct recording_filter all = {.world = world, .newest = true};
    *names = (struct names){0};
    strbuf_init(&names->text, NAMES_BYTES_MAX);
    return recording_each(reader, &all, add_name, names, fault);
}

struct looking {
    struct past_policy *out;
    bool found, failed;
};

static bool take_newest(void *data, const struct recorded *row)
{
    struct looking *looking = data;
    struct past_policy *out = looking->out;
    looking->found = true;
    out->policy = strdup(row->policy);
    out->world = strdup(row->world);
    out->last_tick = row->tick;
    out->last_ms = row->at_ms;
    out->targets = row->targets;
    memcpy(out->sha256, row->sha256, sizeof out->sha256);
    looking->failed = !out->policy || !out->world;
    return false;
}

static bool count_row(void *data, const struct recorded *row)
{
    struct past_policy *out = data;
    if (out->ticks++ == 0) {
        out->first_tick = row->tick;
        out->first_ms = row->at_ms;
    }
    return true;
}

/* Several policies, or none of that name: 1 after saying which there are. */
static int say_names(struct recording_reader *reader, const char *policy, const char *world)
{
    struct names names;
    struct fault fault;
    if (list_names(reader, world, &names, &fault) < 0)
        print_fault(&fault);
    else if (names.count == 0)
        fprintf(stderr, "moontide: nothing is recorded yet%s%s\n", world ? " of the world " : "",
                world ? world : "");
    else if (policy)
        fprintf(stderr, "moontide: no tick of the policy %s is recorded%s%s (recorded: %s)\n",
                policy, world ? " in the world " : "", world ? world : "",
                strbuf_cstr(&names.text));
    else
        fprintf(stderr, "moontide: say --policy NAME; recorded are: %s\n",
                strbuf_cstr(&names.text));
    strbuf_done(&names.text);
    return 1;
}

/* Whether only one policy is recorded. */
static bool is_only(struct recording_reader *reader, const char *world)
{
    struct names names;
    struct fault fault;
    bool only = list_names(reader, world, &names, &fault) == OK && names.count == 1;
    strbuf_done(&names.text);
    return only;
}

int past_find(struct recording_reader *reader, const char *policy, const char *world,
              int64_t since_ms, struct past_policy *out, int64_t *from_ms)
{
    struct recording_filter filter = {.world = world, .policy = policy, .newest = true, .limit = 1};
    struct past_policy found = {0};
    struct looking looking = {.out = &found};
    struct fault fault;
    if (!policy && !is_only(reader, world)) return say_names(reader, NULL, world);
    int code = recording_each(reader, &filter, take_newest, &looking, &fault);
    if (code == OK && looking.failed) code = fault_set(&fault, ERR_NOMEM, "out of memory");
    if (code == OK && !looking.found) return say_names(reader, policy, world);
    int64_t from = since_ms > 0 ? found.last_ms - since_ms : 0;
    if (since_ms > 0 && from < 1) from = 1;
    if (code == OK) {
        filter = (struct recording_filter){
            .world = found.world, .policy = found.policy, .from_ms = from};
        code = recording_each(reader, &filter, count_row, &found, &fault);
    }
    if (code < 0) {
        print_fault(&fault);
        past_policy_done(&found);
        return 1;
    }
    *out = found;
    if (from_ms) *from_ms = from;
    return 0;
}

/* ---- versions ---- */

static bool is_hash(const char *word)
{
    size_t len = strlen(word);
    for (const char *c = word; *c; c++)
        if (!isxdigit((unsigned char)*c)) return false;
    return len >= HASH_DIGITS_MIN && len < SHA256_HEX_MAX;
}

int version_read(const struct past *project, const char *path, struct version *out,
                 struct fault *fault)
{
    unsigned char digest[SHA256_BYTES];
    *out = (struct version){0};
    int code = fs_read_file(path, project->config->source_bytes, &out->source, &out->len, fault);
    if (code < 0) return code;
    sha256(out->source, out->len, digest);
    hex_encode(digest, sizeof digest, out->sha256);
    out->path = strdup(path);
    out->shown = strdup(path_shown(path));
    if (out->path && out->shown) return OK;
    version_done(out);
    return fault_set(fault, ERR_NOMEM, "out of memory");
}

int version_name(const struct past *project, const char *policy, struct version *version)
{
    char shown[FAULT_FILE_MAX];
    snprintf(shown, sizeof shown, "%.200s@%.*s", policy, HASH_SHOWN, version->sha256);
    version->path = fs_join(project->config->policies_dir, shown);
    version->shown = strdup(shown);
    return version->path && version->shown ? OK : ERR_NOMEM;
}

static int from_recording(const struct past *project, const char *hash, const char *policy,
                          struct version *out, struct fault *fault)
{
    int code = recording_source(project->reader, hash, out->sha256, &out->source, &out->len, fault);
    if (code == OK && version_name(project, policy ? policy : "recorded", out) < 0)
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    if (code < 0) version_done(out);
    return code;
}

int version_find(const struct past *project, const char *word, const struct past_policy *live,
                 struct version *out)
{
    struct fault fault;
    int code;
    bool is_live = strcmp(word, "live") == 0;
    *out = (struct version){0};
    if (access(word, F_OK) == 0) {
        code = version_read(project, word, out, &fault);
    } else if (is_live && !live) {
        return 0;
    } else if (is_live || is_hash(word)) {
        code = from_recording(project, is_live ? live->sha256 : word, live ? live->policy : NULL,
                              out, &fault);
    } else {
        fprintf(stderr,
                "moontide: %s: there is no such file; a version is a policy file, \"live\", or the "
                "SHA-256 of a recorded one (at least %d digits: moontide journal ticks)\n",
                word, HASH_DIGITS_MIN);
        return 1;
    }
    if (code < 0) print_fault(&fault);
    return code < 0 ? 1 : 0;
}
