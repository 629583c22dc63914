/* aws/retry.h - what an answer says about asking again, whatever the service and without its model.
 *
 * Transient: connection errors, timeouts, 500, 502, 503, 504. Throttled: 429 and the throttling
 * codes. Skew and expired credentials are mended once each by who calls. Source: AWS SDKs and Tools
 * Reference Guide, "Retry behavior". Pure, but for retry_settings_complete(). */
#ifndef MOONTIDE_AWS_RETRY_H
#define MOONTIDE_AWS_RETRY_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/io/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RETRY_CODE_MAX = 160, RETRY_ATTEMPTS = 3 };

enum retry_kind {
    RETRY_NOT,       /* an answer like any other, or no use to ask again */
    RETRY_TRANSIENT, /* wait, then ask again */
    RETRY_THROTTLED, /* the same, and slow down */
    RETRY_SKEW,      /* signed at a time that the service does not accept, or perhaps so */
    RETRY_EXPIRED,   /* the credentials have ended, or are not known */
};

struct retry_judgement {
    enum retry_kind kind;
    int code;         /* OK for 2xx, else the error that fits: ERR_THROTTLED, ERR_DENIED ... */
    bool timeout;     /* a retry after it costs more */
    bool surely_skew; /* a code that says nothing but skew */
    int64_t retry_after_ms; /* 0: not said; at most a day */
    int64_t date_s;         /* of the server; 0: not said */
};

/* Judges an answer by its status and error code ("" when there is none), or the failure of the
 * transport. */
void retry_judge(const struct http_response *response, const char *error_code,
                 struct retry_judgement *out);

/* The error code of an answer, bare: x-amzn-query-error, x-amzn-errortype, __type or code of JSON,
 * <Code> of XML, __type of CBOR. false (and "") when there is none, or a longer one than
 * RETRY_CODE_MAX. */
bool retry_error_code(const struct http_response *response, char out[RETRY_CODE_MAX]);

enum retry_mode { RETRY_MODE_UNSAID, RETRY_MODE_STANDARD, RETRY_MODE_ADAPTIVE };
struct retry_settings {
    enum retry_mode mode;
    int max_attempts; /* 0: not said */
};
/* Fills in what is not said: from AWS_RETRY_MODE and AWS_MAX_ATTEMPTS, else retry_mode and
 * max_attempts of the profile (NULL: as for credentials), else standard and RETRY_ATTEMPTS.
 * ERR_INVALID, ERR_PARSE: one of them is wrong. */
MUST_CHECK int retry_settings_complete(struct retry_settings *settings, const char *profile,
                                       struct fault *fault);

/* How far the clock is off by this answer, in seconds: 0 when that is no reason for its error. A
 * code that only may mean skew needs four minutes. */
int64_t retry_skew_s(const struct retry_judgement *judgement, int64_t signed_s);

#endif
