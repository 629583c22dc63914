/* fuzz/fuzz_path.c - an expression, a newline, a JSON document: whatever both are, a walk comes
 * back to where it began. */
#include "moontide/aws/path.h"
#include "support/json_value.h"
#include "target.h"

static bool look(void *data, struct value_reader *at)
{
    size_t *shown = data;
    fuzz_require(at->vtable->type(at) != VALUE_NULL); /* null is no value */
    return ++*shown < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct path path;
    struct path_scalar scalar;
    struct fault fault = {0};
    struct json_value *value = NULL;
    struct strbuf text;
    size_t shown = 0;
    char *input = fuzz_text(bytes, len), *json = strchr(input, '\n');
    if (json) *json++ = '\0';
    int code = path_parse(input, &path, &fault);
    fuzz_require(code == OK || fault.text[0]);
    if (code == OK && json && json_value_new(json, strlen(json), &value) == OK) {
        struct value_reader *r = json_value_reader(value);
        strbuf_init(&text, PATH_TEXT_MAX);
        bool truth = path_true(&path, r);
        path_each(&path, r, look, &shown);
        code = path_value(&path, r, &text, &scalar);
        fuzz_require(code < 0 || scalar.type != VALUE_BOOLEAN || scalar.boolean == truth);
        fuzz_require(json_value_is_home(value));
        strbuf_done(&text);
        json_value_free(value);
    }
    free(input);
    return 0;
}
