/* bind/config.h - moontide.lua, read and checked: plain data after that. */
#ifndef MOONTIDE_BIND_CONFIG_H
#define MOONTIDE_BIND_CONFIG_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"
#include "moontide/base/log.h"
#include "moontide/model/evaluation.h"
#include "moontide/notify/settings.h"
#include "moontide/tick/rails.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_account {
    char *name, *role_arn, *region;
    char *external_id, *session_name; /* of AssumeRole */
};

struct config_log_file {
    char *path;        /* joined with dir */
    int64_t max_bytes; /* 100 MiB */
    int keep;          /* 7 */
    enum log_level level;
};

struct config_log_syslog {
    bool on;
    char *ident, *path; /* NULL: the defaults of base/log_syslog.h */
    int facility;       /* an index of log_facilities; daemon */
    enum log_level level;
};

struct config_log_cloudwatch {
    char *group, *stream, *region; /* group NULL: none; region NULL: the configuration's */
    char *metrics;                 /* the namespace of each tick's metrics; NULL: none */
    enum log_level level;
};

struct config {
    char *dir;  /* the project directory, as given */
    char *file; /* its moontide.lua; NULL when there is none: all defaults */
    char **environments;
    size_t environment_count;
    char *region, *profile, *endpoint; /* NULL when not said */
    struct config_account *accounts;
    size_t account_count;
    char **allow; /* "service:Operation": what decide.call may do */
    size_t allow_count;
    char *policies_dir, *state_dir; /* joined with dir */
    char *language;                 /* "en" or "ko" */
    enum policy_mode mode;
    int64_t settle_ms;
    size_t policy_memory_bytes;    /* limits.policy_memory, 32 MiB */
    uint64_t instructions;         /* limits.instructions, 5,000,000 */
    int64_t evaluation_ms;         /* limits.evaluation, 1 s */
    int64_t policy_wall_ms;        /* limits.evaluations, 5 s */
    int64_t collect_ms;            /* limits.collect, 30 s */
    int64_t apply_ms;              /* limits.apply, 60 s */
    size_t source_bytes;           /* limits.source, 1 MiB */
    int64_t request_ms;            /* limits.request, of one HTTP request: 30 s */
    int64_t connect_ms;            /* limits.connect, of its connection: 3 s */
    size_t response_bytes;         /* limits.response, of its answer: 32 MiB */
    int retry_attempts;            /* retry.attempts; 0: environment, profile, else 3 */
    int64_t retry_base_ms;         /* retry.base, 1 s: the most before the second attempt */
    int64_t retry_cap_ms;          /* retry.cap, 20 s: the most before any */
    struct rail_limits rails;      /* rails */
    int64_t journal_keep_ms;       /* journal.keep, 90 d */
    int64_t journal_max_bytes;     /* journal.max_size, 256 MiB */
    bool record;                   /* record, true: what ticks see is kept */
    int64_t record_keep_ms;        /* record.keep, 7 d */
    int64_t record_max_bytes;      /* record.size, 1 GiB */
    struct notify_settings alerts; /* alerts */
    double price_per_1000_usd;     /* cost.per_1000_metrics, 0.01 */
    enum log_level log_level;
    int log_format;                              /* enum log_format, or -1: auto */
    struct config_log_file log_file;             /* log.file; path NULL: none */
    struct config_log_syslog log_syslog;         /* log.syslog */
    struct config_log_cloudwatch log_cloudwatch; /* log.cloudwatch */
    char *json; /* what policies see as `config` (no secrets: accounts, alerts and log are left out)
                 */
};

/* Loads <dir>/moontide.lua. All faults of the file go into faults; returns the first one's code.
 * A missing file is no error: defaults, environments { "prod", "staging" }. The caller owns *out.
 */
MUST_CHECK int config_load(const char *dir, struct config **out, struct faults *faults);
void config_free(struct config *config);

#endif
