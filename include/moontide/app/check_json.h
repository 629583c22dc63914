/* app/check_json.h - what `check` found, as one JSON document: the findings, and each policy with
 * the metrics that it declares for each target, so that others can count and price them.
 *
 *   { "ok", "faults": [ { "file", "line", "column", "end_column", "severity", "code", "message",
 *     "hint", "warning" } ], "errors", "warnings", "usd_per_1000_metrics",
 *     "policies": [ { "policy", "file", "every_s", "discover_s", "targets", "metrics": [ METRIC ] }
 * ] }
 * Lines and columns count from 1, columns in bytes; 0: not known. end_column is behind the last
 * byte. METRIC: { "target", "key", "region", "account", "namespace", "name", "stat", "unit",
 * "period_s", "dimensions": { }, "expression", "using": [ METRIC ] }
 *
 * What a metric does not have is left out. discover_s is there where targets are found by a
 * function: one that waits is not run offline, so that there are none of its targets. */
#ifndef MOONTIDE_APP_CHECK_JSON_H
#define MOONTIDE_APP_CHECK_JSON_H

#include "moontide/app/findings.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/config.h"
#include "moontide/tick/evaluator.h"

/* config may be NULL: it was faulty. loaded has the shape [count]. */
void check_json(const struct config *config, struct evaluator *const *loaded, size_t count,
                const struct findings *findings, struct strbuf *out);

#endif
