/* support/json_value.h - JSON text as parameters: a value_reader without Lua.
 *
 * Objects are maps or structures, arrays are lists; strings are bytes, and so are blobs. A number
 * past a double's range (1e999) is an infinity. */
#ifndef MOONTIDE_TESTS_JSON_VALUE_H
#define MOONTIDE_TESTS_JSON_VALUE_H

#include "moontide/aws/value.h"
#include "moontide/base/compiler.h"

struct json_value;

/* ERR_PARSE, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK int json_value_new(const char *text, size_t len, struct json_value **out);
void json_value_free(struct json_value *value);
/* Stands at the whole document; belongs to the value. */
struct value_reader *json_value_reader(struct json_value *value);
/* Every value that was entered has been left. */
bool json_value_is_home(const struct json_value *value);

#endif
