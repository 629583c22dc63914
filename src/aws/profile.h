/* aws/profile.h - one profile out of the shared config and credentials files. */
#ifndef MOONTIDE_AWS_PROFILE_H
#define MOONTIDE_AWS_PROFILE_H

#include "moontide/aws/ini.h"

/* A non-empty environment variable, or NULL. */
const char *environment(const char *name);

struct profile {
    struct ini *config, *credentials; /* NULL: no such file */
    char *config_path, *credentials_path;
    char *name;
    bool named; /* by the caller or AWS_PROFILE: then it has to exist */
    char *config_section, *credentials_section;
    bool in_config, in_credentials;
};

/* Reads both files. name NULL: AWS_PROFILE, then "default". A missing file or profile is no error
 * here. On failure *profile is empty and nothing has to be released. */
MUST_CHECK int profile_read(struct profile *profile, const char *name, struct fault *fault);
void profile_done(struct profile *profile);

/* The credentials file goes before the config file. *path (may be NULL) tells which had it. */
const char *profile_get(const struct profile *profile, const char *key, const char **path);

#endif
