/* notify/silences.c - reading and writing the file of silences. */
#include "moontide/notify/silences.h"

#include "moontide/base/fs.h"
#include "moontide/base/json.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static void silence_done(struct silence *silence)
{
    matchers_done(&silence->matchers);
    free(silence->by);
    free(silence->reason);
}

void silences_done(struct silences *silences)
{
    for (size_t i = 0; i < silences->count; i++)
        silence_done(&silences->items[i]);
    free(silences->items);
    *silences = (struct silences){0};
}

/* ---- reading ---- */

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static int64_t time_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble < 2.6e14
               ? (int64_t)item->valuedouble
               : 0;
}

static int read_matchers(const cJSON *list, struct matchers *out, struct fault *fault)
{
    const cJSON *each;
    matchers_init(out);
    cJSON_ArrayForEach(each, list)
    {
        const char *text = cJSON_GetStringValue(each);
        int code = text ? matchers_add(out, text, fault)
                        : fault_set(fault, ERR_PARSE, "a matcher is a text");
        if (code < 0) return code;
    }
    return out->count > 0 ? OK : fault_set(fault, ERR_PARSE, "a silence needs a matcher");
}

static int read_one(const char *line, size_t len, struct silence *out, struct fault *fault)
{
    cJSON *document = cJSON_ParseWithLength(line, len);
    const char *id = text_of(document, "id"), *by = text_of(document, "by"),
               *reason = text_of(document, "reason");
    *out = (struct silence){.from_ms = time_of(document, "from"),
                            .until_ms = time_of(document, "until")};
    int code = read_matchers(cJSON_GetObjectItemCaseSensitive(document, "matchers"), &out->matchers,
                             fault);
    if (code == OK && (!id || !id[0] || strlen(id) >= sizeof out->id || out->until_ms == 0))
        code = fault_set(fault, ERR_PARSE, "a silence has an id and an end");
    if (code == OK) {
        strcpy(out->id, id);
        out->by = strdup(by ? by : "");
        out->reason = strdup(reason ? reason : "");
        if (!out->by || !out->reason) code = fault_set(fault, ERR_NOMEM, "out of memory");
    }
    cJSON_Delete(document);
    if (code < 0) silence_done(out);
    return code;
}

static int append(struct silences *silences, const struct silence *take)
{
    struct silence *items =
        realloc(silences->items, (silences->count + 1) * sizeof *silences->items);
    if (!items) return ERR_NOMEM;
    silences->items = items;
    items[silences->count++] = *take;
    return OK;
}

/* ERR_NOMEM; what is wrong with a line goes into the fault, the first one's. */
static int read_line(const char *path, int number, const char *line, size_t len,
                     struct silences *out, struct fault *fault)
{
    struct silence silence;
    struct fault why = {0};
    int code = out->count < SILENCES_MAX
                   ? read_one(line, len, &silence, &why)
                   : fault_set(&why, ERR_LIMIT, "at most %d silences", SILENCES_MAX);
    if (code == OK) {
        code = append(out, &silence);
        if (code < 0) silence_done(&silence);
        return code;
    }
    if (code == ERR_NOMEM) return code;
    if (fault->code == OK) {
        fault_set(fault, ERR_PARSE, "%s", why.text);
        fault_at(fault, path, number, 0);
    }
    return OK;
}

int silences_read(const char *path, struct silences *out, struct fault *fault)
{
    char *text = NULL;
    size_t len = 0;
    *out = (struct silences){0};
    *fault = (struct fault){.code = OK};
    int code = fs_read_file(path, SILENCE_BYTES_MAX, &text, &len, fault);
    if (code == ERR_NOT_FOUND) {
        *fault = (struct fault){.code = OK};
        return OK;
    }
    int number = 0;
    for (size_t at = 0; code == OK && at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t bytes = end ? (size_t)(end - (text + at)) : len - at;
        number++;
        if (bytes > 0) code = read_line(path, number, text + at, bytes, out, fault);
        at += bytes + 1;
    }
    free(text);
    if (code < 0) silences_done(out);
    return code == ERR_NOMEM ? fault_set(fault, code, "out of memory") : code;
}

/* ---- writing ---- */

static void write_one(struct strbuf *out, const struct silence *silence)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "id");
    json_string(&w, silence->id);
    json_key(&w, "matchers");
    json_array(&w);
    for (size_t i = 0; i < silence->matchers.count; i++)
        json_string(&w, matcher_text(silence->matchers.items[i]));
    json_array_end(&w);
    json_key(&w, "from");
    json_int(&w, silence->from_ms);
    json_key(&w, "until");
    json_int(&w, silence->until_ms);
    json_key(&w, "by");
    json_string(&w, silence->by);
    json_key(&w, "reason");
    json_string(&w, silence->reason);
    json_object_end(&w);
    strbuf_addc(out, '\n');
}

int silences_write(const char *path, const struct silences *silences, int64_t now_ms,
                   struct fault *fault)
{
    struct strbuf text;
    strbuf_init(&text, SILENCE_BYTES_MAX);
    for (size_t i = 0; i < silences->count; i++)
        if (silences->items[i].until_ms + SILENCE_KEEP_MS > now_ms)
            write_one(&text, &silences->items[i]);
    int code = strbuf_status(&text);
    if (code < 0)
        fault_set(fault, code, "%s: more than %d bytes of silences", path, SILENCE_BYTES_MAX);
    else
        code = fs_write_file(path, strbuf_cstr(&text), text.len, 0600, fault);
    strbuf_done(&text);
    return code;
}

const struct silence *silences_find(const struct silences *silences, const struct labels *labels,
                                    int64_t now_ms)
{
    for (size_t i = 0; i < silences->count; i++) {
        const struct silence *silence = &silences->items[i];
        if (now_ms >= silence->from_ms && now_ms < silence->until_ms &&
            matchers_match(&silence->matchers, labels))
            return silence;
    }
    return NULL;
}
