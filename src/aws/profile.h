/* aws/profile.h - one profile out of the shared config and credentials files. */
#ifndef MOONTIDE_AWS_PROFILE_H
#define MOONTIDE_AWS_PROFILE_H

#include "moontide/aws/ini.h"

#include <stdint.h>

/* A non-empty environment variable, or NULL. */
const char *environment(const char *name);

/* "~/x" against the home directory; the caller frees it. NULL: out of memory. */
char *expand_home(const char *path);

/* What tells that a file has changed, without reading it. */
struct file_stamp {
    int64_t mtime_ns;
    uint64_t bytes, inode; /* 0 and 0: there is none */
};
void file_stamp_take(const char *path, struct file_stamp *out);
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);

struct profile {
    struct ini *config, *credentials; /* NULL: no such file */
    char *config_path, *credentials_path;
    char *name;
    bool named; /* by the caller or AWS_PROFILE: then it has to exist */
    char *config_section, *credentials_section;
    bool in_config, in_credentials;
    struct file_stamp config_stamp, credentials_stamp; /* from before they were read */
};

/* Reads both files. name NULL: AWS_PROFILE, then "default". A missing file or profile is no error
 * here. On failure *profile is empty and nothing has to be released. */
MUST_CHECK int profile_read(struct profile *profile, const char *name, struct fault *fault);
void profile_done(struct profile *profile);

/* The credentials file goes before the config file. *path (may be NULL) tells which had it. */
const char *profile_get(const struct profile *profile, const char *key, const char **path);
/* A value of another section of the config file, "sso-session x"; NULL when empty or missing. */
const char *profile_section_get(const struct profile *profile, const char *kind, const char *name,
                                const char *key);
/* Points to another profile of the same files. ERR_NOMEM. */
MUST_CHECK int profile_turn_to(struct profile *profile, const char *name);

#endif
