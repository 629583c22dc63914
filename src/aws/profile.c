/* aws/profile.c - finds the shared files, and one profile in them. */
#include "profile.h"

#include "moontide/aws/credentials.h"
#include "moontide/base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

char *expand_home(const char *path)
{
    char home[4096];
    size_t size = sizeof home;
    if (path[0] != '~' || path[1] != '/') return strdup(path);
    if (uv_os_homedir(home, &size) < 0) return strdup(path);
    return fs_join(home, path + 2);
}

void file_stamp_take(const char *path, struct file_stamp *out)
{
    uv_fs_t request;
    *out = (struct file_stamp){0};
    if (uv_fs_stat(NULL, &request, path, NULL) == 0)
        *out = (struct file_stamp){request.statbuf.st_mtim.tv_sec * 1000000000ll +
                                       request.statbuf.st_mtim.tv_nsec,
                                   request.statbuf.st_size, request.statbuf.st_ino};
    uv_fs_req_cleanup(&request);
}

bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->mtime_ns == b->mtime_ns && a->bytes == b->bytes && a->inode == b->inode;
}

static char *joined(const char *a, const char *b)
{
    size_t bytes = strlen(a) + strlen(b) + 1;
    char *out = malloc(bytes);
    if (out) snprintf(out, bytes, "%s%s", a, b);
    return out;
}

static int read_file(const char *path, struct ini **out, struct fault *fault)
{
    int code = ini_read(path, out, fault);
    return code == ERR_NOT_FOUND ? OK : code;
}

/* "[profile default]" goes before "[default]" in the config file. */
static char *config_section(const struct profile *p)
{
    char *section = joined("profile ", p->name);
    if (section && strcmp(p->name, "default") == 0 && !ini_has(p->config, section)) {
        free(section);
        section = strdup("default");
    }
    return section;
}

int profile_turn_to(struct profile *profile, const char *name)
{
    char *own = strdup(name), *credentials_section = strdup(name);
    struct profile turned = *profile;
    turned.name = own;
    turned.config_section = own ? config_section(&turned) : NULL;
    if (!credentials_section || !turned.config_section) {
        free(own);
        free(credentials_section);
        free(turned.config_section);
        return ERR_NOMEM;
    }
    turned.credentials_section = credentials_section;
    turned.in_config = ini_has(turned.config, turned.config_section);
    turned.in_credentials = ini_has(turned.credentials, credentials_section);
    free(profile->name);
    free(profile->config_section);
    free(profile->credentials_section);
    *profile = turned;
    return OK;
}

int profile_read(struct profile *profile, const char *name, struct fault *fault)
{
    struct profile p = {0};
    const char *config = environment("AWS_CONFIG_FILE");
    const char *credentials = environment("AWS_SHARED_CREDENTIALS_FILE");
    if (!name || !name[0]) name = environment("AWS_PROFILE");
    p.named = name != NULL;
    p.config_path = expand_home(config ? config : "~/.aws/config");
    p.credentials_path = expand_home(credentials ? credentials : "~/.aws/credentials");
    int code = ERR_NOMEM;
    if (!p.config_path || !p.credentials_path) goto failed;
    file_stamp_take(p.config_path, &p.config_stamp);
    file_stamp_take(p.credentials_path, &p.credentials_stamp);
    code = read_file(p.config_path, &p.config, fault);
    if (code == OK) code = read_file(p.credentials_path, &p.credentials, fault);
    if (code == OK) code = profile_turn_to(&p, name ? name : "default");
    if (code < 0) goto failed;
    *profile = p;
    return OK;

failed:
    if (code == ERR_NOMEM) fault_set(fault, code, "out of memory");
    profile_done(&p);
    *profile = (struct profile){0};
    return code;
}

void profile_done(struct profile *profile)
{
    ini_free(profile->config);
    ini_free(profile->credentials);
    free(profile->config_path);
    free(profile->credentials_path);
    free(profile->name);
    free(profile->config_section);
    free(profile->credentials_section);
}

const char *profile_get(const struct profile *profile, const char *key, const char **path)
{
    const char *value = ini_get(profile->credentials, profile->credentials_section, key);
    const char *where = profile->credentials_path;
    if (!value) {
        value = ini_get(profile->config, profile->config_section, key);
        where = profile->config_path;
    }
    if (value && !value[0]) value = NULL;
    if (value && path) *path = where;
    return value;
}

const char *profile_section_get(const struct profile *profile, const char *kind, const char *name,
                                const char *key)
{
    char section[256];
    int n = snprintf(section, sizeof section, "%s %s", kind, name);
    if (n < 0 || (size_t)n >= sizeof section) return NULL;
    const char *value = ini_get(profile->config, section, key);
    return value && value[0] ? value : NULL;
}

int profile_value(const char *profile, const char *key, char **out, struct fault *fault)
{
    struct profile p;
    *out = NULL;
    int code = profile_read(&p, profile, fault);
    if (code < 0) return code;
    const char *value = profile_get(&p, key, NULL);
    if (value && !(*out = strdup(value))) code = fault_set(fault, ERR_NOMEM, "out of memory");
    profile_done(&p);
    return code;
}

int region_default(const char *profile, char **out, struct fault *fault)
{
    const char *region = environment("AWS_REGION");
    if (!region) region = environment("AWS_DEFAULT_REGION");
    *out = NULL;
    if (!region) return profile_value(profile, "region", out, fault);
    *out = strdup(region);
    return *out ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
}
