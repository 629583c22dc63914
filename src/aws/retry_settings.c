/* aws/retry_settings.c - what environment and profile say about retries. */
#include "moontide/aws/retry.h"

#include "profile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ATTEMPTS_MAX = 1000 };

static int read_mode(const char *text, const char *source, enum retry_mode *out,
                     struct fault *fault)
{
    if (strcasecmp(text, "adaptive") == 0)
        *out = RETRY_MODE_ADAPTIVE;
    else if (strcasecmp(text, "standard") == 0 || strcasecmp(text, "legacy") == 0)
        *out = RETRY_MODE_STANDARD;
    else
        return fault_set(fault, ERR_INVALID,
                         "%s is \"%.80s\": standard, adaptive and legacy (which means standard "
                         "here) are known",
                         source, text);
    return OK;
}

static int read_attempts(const char *text, const char *source, int *out, struct fault *fault)
{
    char *end;
    long attempts = strtol(text, &end, 10);
    if (*end || attempts < 1 || attempts > ATTEMPTS_MAX)
        return fault_set(fault, ERR_INVALID, "%s is \"%.80s\": a number from 1 to %d was expected",
                         source, text, ATTEMPTS_MAX);
    *out = (int)attempts;
    return OK;
}

static int from_profile(const char *name, struct retry_settings *settings, struct fault *fault)
{
    struct profile profile;
    int code = profile_read(&profile, name, fault);
    if (code < 0) return code;
    const char *mode = profile_get(&profile, "retry_mode", NULL);
    const char *attempts = profile_get(&profile, "max_attempts", NULL);
    if (mode && settings->mode == RETRY_MODE_UNSAID)
        code = read_mode(mode, "retry_mode in the profile", &settings->mode, fault);
    if (code == OK && attempts && settings->max_attempts == 0)
        code =
            read_attempts(attempts, "max_attempts in the profile", &settings->max_attempts, fault);
    profile_done(&profile);
    return code;
}

int retry_settings_complete(struct retry_settings *settings, const char *profile,
                            struct fault *fault)
{
    const char *mode = environment("AWS_RETRY_MODE");
    const char *attempts = environment("AWS_MAX_ATTEMPTS");
    int code = OK;
    if (mode && settings->mode == RETRY_MODE_UNSAID)
        code = read_mode(mode, "AWS_RETRY_MODE", &settings->mode, fault);
    if (code == OK && attempts && settings->max_attempts == 0)
        code = read_attempts(attempts, "AWS_MAX_ATTEMPTS", &settings->max_attempts, fault);
    /* Files that may be broken are read only where something is left to be said. */
    if (code == OK && (settings->mode == RETRY_MODE_UNSAID || settings->max_attempts == 0))
        code = from_profile(profile, settings, fault);
    if (settings->mode == RETRY_MODE_UNSAID) settings->mode = RETRY_MODE_STANDARD;
    if (settings->max_attempts == 0) settings->max_attempts = RETRY_ATTEMPTS;
    return code;
}
