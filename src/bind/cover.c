/* bind/cover.c - the lines of each file as flags, and the line hook that sets them.
 *
 * A state names its chunk by one pointer while it lives, so the file of the last line is found
 * again by comparing that. */
#include "moontide/bind/cover.h"

#include "moontide/vm/lines.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_ACTIVE = 1, LINE_HIT = 2 };

struct file {
    char *name;
    unsigned char *lines; /* shape: [count + 1], by number */
    size_t count;
};

struct cover {
    struct file **files; /* shape: [count] */
    size_t count;
    const char *last_chunk;
    struct file *last_file; /* NULL: of no interest */
    int status;
};

int cover_new(struct cover **out)
{
    struct cover *cover = calloc(1, sizeof *cover);
    if (!cover) return ERR_NOMEM;
    *out = cover;
    return OK;
}

static void file_free(struct file *file)
{
    if (!file) return;
    free(file->name);
    free(file->lines);
    free(file);
}

void cover_free(struct cover *cover)
{
    if (!cover) return;
    for (size_t i = 0; i < cover->count; i++)
        file_free(cover->files[i]);
    free(cover->files);
    free(cover);
}

static const char *shown(const char *chunk)
{
    return *chunk == '@' ? chunk + 1 : chunk;
}

static struct file *find(const struct cover *cover, const char *name)
{
    for (size_t i = 0; i < cover->count; i++)
        if (strcmp(cover->files[i]->name, name) == 0) return cover->files[i];
    return NULL;
}

static void set_active(void *data, int line)
{
    struct file *file = data;
    if (line > 0 && (size_t)line <= file->count) file->lines[line] |= LINE_ACTIVE;
}

static struct file *file_new(const char *name, const char *text, size_t len)
{
    struct file *file = calloc(1, sizeof *file);
    if (!file) return NULL;
    file->count = 1;
    for (size_t i = 0; i < len; i++)
        file->count += text[i] == '\n';
    file->name = strdup(name);
    file->lines = calloc(file->count + 1, 1);
    if (file->name && file->lines) return file;
    file_free(file);
    return NULL;
}

void cover_source(struct cover *cover, const char *chunk, const char *text, size_t len)
{
    if (find(cover, shown(chunk))) return;
    struct file *file = file_new(shown(chunk), text, len);
    struct file **files =
        file ? realloc(cover->files, (cover->count + 1) * sizeof(struct file *)) : NULL;
    if (!files) {
        file_free(file);
        cover->status = ERR_NOMEM;
        return;
    }
    cover->files = files;
    struct fault fault;
    int code = lines_active(text, len, chunk, set_active, file, &fault);
    if (code < 0) {
        if (code != ERR_LUA) cover->status = code;
        file_free(file);
        return;
    }
    cover->files[cover->count++] = file;
}

static void on_event(void *data, lua_State *L, lua_Debug *event)
{
    struct cover *cover = data;
    if (event->event != LUA_HOOKLINE || !lua_getinfo(L, "S", event)) return;
    if (event->source != cover->last_chunk) {
        cover->last_chunk = event->source;
        cover->last_file = *event->source == '@' ? find(cover, event->source + 1) : NULL;
    }
    struct file *file = cover->last_file;
    int line = event->currentline;
    if (file && line > 0 && (size_t)line <= file->count) file->lines[line] |= LINE_HIT;
}

void cover_watch(struct cover *cover, struct vm *vm)
{
    cover->last_chunk = NULL; /* of a state that may be gone */
    vm_observe(vm_lua(vm), on_event, cover);
}

/* ---- what came of it ---- */

static bool is_hit(const struct file *file, size_t line)
{
    return file->lines[line] == (LINE_ACTIVE | LINE_HIT);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct file *const *)a)->name, (*(struct file *const *)b)->name);
}

static void tell(const struct file *file, void (*each)(void *data, const struct cover_file *file),
                 void *data)
{
    struct cover_file out = {.name = file->name};
    size_t *missed = calloc(file->count + 1, sizeof *missed), count = 0;
    if (!missed) return;
    for (size_t line = 1; line <= file->count; line++) {
        if (!(file->lines[line] & LINE_ACTIVE)) continue;
        out.active++;
        if (is_hit(file, line))
            out.hit++;
        else
            missed[count++] = line;
    }
    out.missed = missed;
    each(data, &out);
    free(missed);
}

void cover_each(const struct cover *cover, void (*each)(void *data, const struct cover_file *file),
                void *data)
{
    struct file **sorted = malloc((cover->count + 1) * sizeof(struct file *));
    if (!sorted) return;
    for (size_t i = 0; i < cover->count; i++)
        sorted[i] = cover->files[i];
    if (cover->count > 1) qsort(sorted, cover->count, sizeof *sorted, by_name);
    for (size_t i = 0; i < cover->count; i++)
        tell(sorted[i], each, data);
    free(sorted);
}

void cover_write(const struct cover *cover, struct json_writer *w)
{
    json_object(w);
    for (size_t i = 0; i < cover->count; i++) {
        const struct file *file = cover->files[i];
        json_key(w, file->name);
        json_array(w);
        for (size_t line = 1; line <= file->count; line++)
            if (is_hit(file, line)) json_int(w, (int64_t)line);
        json_array_end(w);
    }
    json_object_end(w);
}

int cover_merge(struct cover *cover, const char *json)
{
    cJSON *document = cJSON_Parse(json);
    const cJSON *each, *line;
    if (!document) return ERR_PARSE;
    cJSON_ArrayForEach(each, document)
    {
        struct file *file = find(cover, each->string);
        if (!file) continue;
        cJSON_ArrayForEach(line, each)
        {
            double number = cJSON_GetNumberValue(line);
            if (number >= 1 && number <= (double)file->count)
                file->lines[(size_t)number] |= LINE_HIT;
        }
    }
    cJSON_Delete(document);
    return OK;
}

int cover_status(const struct cover *cover)
{
    return cover->status;
}
