/* base/json_tree.h - members of a small JSON document that was read as a tree, whatever they are.
 */
#ifndef MOONTIDE_BASE_JSON_TREE_H
#define MOONTIDE_BASE_JSON_TREE_H

#include <cjson/cJSON.h>
#include <stdint.h>

/* The member's text, borrowed from the document; "" when it is none. */
const char *json_tree_text(const cJSON *object, const char *name);
/* 0 when it is no number. */
double json_tree_number(const cJSON *object, const char *name);
int64_t json_tree_int(const cJSON *object, const char *name);

#endif
