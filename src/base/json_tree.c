/* base/json_tree.c - members of a JSON document, by name. */
#include "moontide/base/json_tree.h"

const char *json_tree_text(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

double json_tree_number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

int64_t json_tree_int(const cJSON *object, const char *name)
{
    return (int64_t)json_tree_number(object, name);
}
