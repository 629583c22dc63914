/* support/text_values.h - a value_writer that writes what it is told as JSON text, so that a test
 * can say what it expects in one string. NaN and infinities stand as bare words. */
#ifndef MOONTIDE_TESTS_TEXT_VALUES_H
#define MOONTIDE_TESTS_TEXT_VALUES_H

#include "moontide/aws/value.h"
#include "moontide/base/json.h"

struct text_values {
    struct value_writer writer; /* first */
    struct strbuf text;
    struct json_writer json;
    bool list[256]; /* by depth */
    int depth;
};

void text_values_init(struct text_values *values);
void text_values_reset(struct text_values *values);
void text_values_done(struct text_values *values);

#endif
