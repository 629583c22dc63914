/* aws/model_find.c - where models come from: inside the binary, a path, or the places where
 * botocore and the AWS CLI keep theirs.
 *
 *   DATA/<service>/<version>/service-2.json[.gz], paginators-1.json[.gz], waiters-2.json[.gz]
 *
 * where DATA is a directory of AWS_DATA_PATH, ~/.aws/models, or botocore/data of a Python (that of
 * VIRTUAL_ENV, those on the PATH, the system's) or of the AWS CLI. Of several versions the newest
 * counts. */
#include "model_data.h"
#include "model_gzip.h"
#include "moontide/base/fs.h"
#include "moontide/base/nearest.h"
#include "moontide/base/strbuf.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXTS = 3, PLACES_MAX = 64, NAME_MAX_LEN = 100 };

/* Directories */

struct places {
    char *paths[PLACES_MAX];
    size_t count;
    int status;
};

static void add_place(struct places *places, const char *path, size_t len)
{
    if (len == 0 || places->count == PLACES_MAX || places->status < 0) return;
    char *copy = strndup(path, len);
    if (copy)
        places->paths[places->count++] = copy;
    else
        places->status = ERR_NOMEM;
}

static void add_matches(struct places *places, const char *pattern)
{
    glob_t found;
    int rc = glob(pattern, 0, NULL, &found);
    if (rc == GLOB_NOSPACE) places->status = ERR_NOMEM;
    if (rc != 0) return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        add_place(places, found.gl_pathv[i], strlen(found.gl_pathv[i]));
    globfree(&found);
}

/* `below` may be a pattern. */
static void add_below(struct places *places, const char *environment, const char *below)
{
    const char *root = getenv(environment);
    char path[PATH_MAX];
    if (!root || !*root) return;
    int n = snprintf(path, sizeof path, "%s/%s", root, below);
    if (n > 0 && (size_t)n < sizeof path) add_matches(places, path);
}

/* A Python whose programs are on the PATH: DIR/bin beside DIR/lib/python3.x/site-packages. */
static void add_programs(struct places *places)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        char path[PATH_MAX];
        size_t len = strcspn(at, ":");
        int n = snprintf(path, sizeof path, "%.*s/../lib/python3*/site-packages/botocore/data",
                         (int)len, at);
        if (len > 0 && *at == '/' && n > 0 && (size_t)n < sizeof path) add_matches(places, path);
        at += len + (at[len] == ':');
    }
}

static void find_places(struct places *places)
{
    static const char *const installed[] = {
        "/usr/lib/python3*/dist-packages/botocore/data",
        "/usr/local/lib/python3*/dist-packages/botocore/data",
        "/usr/local/lib/python3*/site-packages/botocore/data",
        "/usr/lib/python3*/site-packages/botocore/data",
        "/usr/local/aws-cli/v2/current/dist/awscli/botocore/data",
        "/usr/local/aws-cli/v2/*/dist/awscli/botocore/data",
    };
    const char *path = getenv("AWS_DATA_PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        add_place(places, path, len);
        path += len + (path[len] == ':');
    }
    add_below(places, "HOME", ".aws/models");
    add_below(places, "VIRTUAL_ENV", "lib/python3*/site-packages/botocore/data");
    add_programs(places);
    for (size_t i = 0; i < COUNT_OF(installed); i++)
        add_matches(places, installed[i]);
    add_below(places, "HOME", ".local/lib/python3*/site-packages/botocore/data");
}

static void forget_places(struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->paths[i]);
}

/* Files */

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* DIRECTORY/NAME.json or .json.gz. ERR_NOT_FOUND when there is neither. */
static int read_part(const char *directory, const char *name, struct model_text *out,
                     struct fault *fault)
{
    static const char *const endings[] = {"json", "json.gz"};
    char path[PATH_MAX];
    int code = ERR_NOT_FOUND;
    for (size_t i = 0; code == ERR_NOT_FOUND && i < COUNT_OF(endings); i++) {
        char *bytes = NULL;
        int n = snprintf(path, sizeof path, "%s/%s.%s", directory, name, endings[i]);
        if (n < 0 || (size_t)n >= sizeof path)
            return fault_set(fault, ERR_INVALID, "%s: the path is too long", directory);
        code = fs_read_file(path, MODEL_BYTES_MAX, &bytes, &out->len, fault);
        out->bytes = bytes;
    }
    return code;
}

static int read_directory(const char *service, const char *directory, struct model **out,
                          struct fault *fault)
{
    static const char *const parts[TEXTS] = {"service-2", "paginators-1", "waiters-2"};
    struct model_text texts[TEXTS] = {0};
    size_t count = 0;
    int code = OK;
    for (size_t i = 0; code >= 0 && i < TEXTS; i++) {
        code = read_part(directory, parts[i], &texts[count], fault);
        if (code >= 0) count++;
        if (code == ERR_NOT_FOUND && i > 0) code = OK; /* no pages, no waiters */
    }
    if (code >= 0) code = model_read_texts(service, texts, count, out, fault);
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)texts[i].bytes);
    return code;
}

static int read_path(const char *service, const char *path, struct model **out, struct fault *fault)
{
    char *bytes = NULL;
    size_t len = 0;
    if (is_directory(path)) return read_directory(service, path, out, fault);
    int code = fs_read_file(path, MODEL_BYTES_MAX, &bytes, &len, fault);
    if (code >= 0) code = model_read(service, bytes, len, out, fault);
    free(bytes);
    return code;
}

/* The newest version of the service in this place: versions are dates. */
static int find_version(const char *place, const char *service, char *out, size_t size)
{
    char pattern[PATH_MAX];
    glob_t found;
    int n = snprintf(pattern, sizeof pattern, "%s/%s/*/service-2.json*", place, service);
    if (n < 0 || (size_t)n >= sizeof pattern) return ERR_NOT_FOUND;
    int rc = glob(pattern, 0, NULL, &found); /* sorted */
    if (rc == GLOB_NOSPACE) return ERR_NOMEM;
    if (rc != 0) return ERR_NOT_FOUND;
    const char *newest = found.gl_pathv[found.gl_pathc - 1];
    n = snprintf(out, size, "%.*s", (int)(strrchr(newest, '/') - newest), newest);
    globfree(&found);
    return n > 0 && (size_t)n < size ? OK : ERR_NOT_FOUND;
}

/* Names */

static bool is_service_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len > 0 && len < NAME_MAX_LEN && !name[len];
}

/* Says where was looked, and which name is near. */
static int not_found(const char *service, const struct places *places, struct fault *fault)
{
    struct strbuf text;
    const char *near = nearest_name(service, model_builtin_names);
    strbuf_init(&text, FAULT_TEXT_MAX);
    for (size_t i = 0; i < places->count && text.len < FAULT_TEXT_MAX / 2; i++)
        strbuf_addf(&text, "%s %s", i ? "," : "", places->paths[i]);
    int code = fault_set(
        fault, ERR_NOT_FOUND,
        "there is no model of a service '%s'%s%s%s: it is not built in, and not in%s; name its "
        "file or directory by `model`",
        service, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "",
        text.len ? strbuf_cstr(&text) : " AWS_DATA_PATH, ~/.aws/models or a botocore's data");
    strbuf_done(&text);
    return code;
}

static int search(const char *service, struct model **out, struct fault *fault)
{
    struct places places = {.status = OK};
    char directory[PATH_MAX];
    int code = ERR_NOT_FOUND;
    find_places(&places);
    if (places.status < 0) code = fault_set(fault, ERR_NOMEM, "model %s: out of memory", service);
    for (size_t i = 0; code == ERR_NOT_FOUND && i < places.count; i++) {
        code = find_version(places.paths[i], service, directory, sizeof directory);
        if (code >= 0) code = read_directory(service, directory, out, fault);
    }
    if (code == ERR_NOT_FOUND) code = not_found(service, &places, fault);
    forget_places(&places);
    return code;
}

int model_load(const char *service, const char *path, struct model **out, struct fault *fault)
{
    if (path) return read_path(service, path, out, fault);
    if (!is_service_name(service))
        return fault_set(fault, ERR_INVALID,
                         "'%.100s' names no service: small letters, digits and - make such a name",
                         service);
    for (size_t i = 0; model_builtin_names[i]; i++) {
        const struct model_file *file = &model_files[i];
        if (strcmp(model_builtin_names[i], service) == 0)
            return model_read(service, file->begin, (size_t)(file->end - file->begin), out, fault);
    }
    return search(service, out, fault);
}
