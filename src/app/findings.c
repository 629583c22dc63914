/* app/findings.c - the list of findings. */
#include "moontide/app/findings.h"

#include "moontide/base/fs.h"
#include "moontide/bind/allow.h"
#include "moontide/bind/diagnostic.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 16 * 1024 * 1024 };

void findings_init(struct findings *findings)
{
    *findings = (struct findings){.count = 0};
}

void findings_done(struct findings *findings)
{
    for (size_t i = 0; i < findings->text_count; i++) {
        free(findings->texts[i].name);
        free(findings->texts[i].text);
    }
    free(findings->texts);
    free(findings->items);
    free(findings->files);
    findings_init(findings);
}

/* ---- files ---- */

static const size_t NO_FILE = (size_t)-1;

static char *copy_bytes(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy) return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static size_t file_index(struct findings *f, const char *file, const char *text, size_t len)
{
    for (size_t i = f->text_count; i-- > 0;)
        if (strcmp(f->texts[i].name, file) == 0) return i;
    if (f->text_count == f->text_cap) {
        size_t cap = f->text_cap ? f->text_cap * 2 : 16;
        struct findings_file *texts = realloc(f->texts, cap * sizeof *texts);
        if (!texts) return NO_FILE;
        f->texts = texts;
        f->text_cap = cap;
    }
    struct findings_file *made = &f->texts[f->text_count];
    struct fault fault;
    *made = (struct findings_file){.name = strdup(file), .len = len};
    if (!made->name) return NO_FILE;
    if (text)
        made->text = copy_bytes(text, len);
    else if (!*file || fs_read_file(file, TEXT_BYTES_MAX, &made->text, &made->len, &fault) < 0)
        made->text = NULL;
    return f->text_count++;
}

/* ---- where it is ---- */

static const char *line_at(const struct findings_file *file, int line, size_t *len)
{
    const char *at = file->text, *end = at ? at + file->len : NULL;
    for (; at && line > 1; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at) at++;
    }
    if (!at || at >= end) return NULL;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *len = (size_t)((stop ? stop : end) - at);
    while (*len > 0 && at[*len - 1] == '\r')
        (*len)--;
    return at;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The one place in the line where the word stands by itself; NULL: there is none, or several. */
static const char *only_place(const char *line, size_t len, const char *word, size_t word_len)
{
    const char *found = NULL;
    for (size_t i = 0; word_len > 0 && i + word_len <= len; i++) {
        bool inside = in_name(*word) && ((i > 0 && in_name(line[i - 1])) ||
                                         (i + word_len < len && in_name(line[i + word_len])));
        if (inside || memcmp(line + i, word, word_len) != 0) continue;
        if (found) return NULL;
        found = line + i;
    }
    return found;
}

/* Lua tells the line alone, and often names what is wrong there: 'isue'. */
static void find_column(const struct findings_file *file, struct fault *fault)
{
    size_t len = 0;
    const char *line =
        fault->line > 0 && fault->column == 0 ? line_at(file, fault->line, &len) : NULL;
    const char *near = line ? strstr(fault->text, " near '") : NULL; /* of a syntax error */
    const char *open = line ? strchr(near ? near : fault->text, '\'') : NULL;
    const char *close = open ? strchr(open + 1, '\'') : NULL;
    if (!close) return;
    const char *at = only_place(line, len, open + 1, (size_t)(close - open) - 1);
    if (!at) return;
    fault->column = (int)(at - line) + 1;
    fault->end_column = fault->column + (int)(close - open) - 1;
}

/* ---- taking ---- */

size_t findings_message_len(const struct fault *fault)
{
    const char *begin = strstr(fault->text, " (did you mean '");
    return begin && strcmp(fault->text + strlen(fault->text) - 2, "?)") == 0
               ? (size_t)(begin - fault->text)
               : strlen(fault->text);
}

static void find_hint(struct fault *fault)
{
    size_t len = findings_message_len(fault), all = strlen(fault->text);
    if (fault->hint[0] || len == all) return;
    size_t hint = all - len - 3; /* without " (" and ")" */
    if (hint >= sizeof fault->hint) return;
    memcpy(fault->hint, fault->text + len + 2, hint);
    fault->hint[hint] = '\0';
}

static bool is_there(const struct findings *f, const struct fault *fault, size_t file)
{
    for (size_t i = f->count; i-- > 0;) {
        const struct fault *other = &f->items[i];
        if (f->files[i] == file && other->line == fault->line && other->column == fault->column &&
            strcmp(other->text, fault->text) == 0)
            return true;
    }
    return false;
}

static bool grow(struct findings *f)
{
    if (f->count < f->cap) return true;
    size_t cap = f->cap ? f->cap * 2 : 32;
    struct fault *items = realloc(f->items, cap * sizeof *items);
    if (items) f->items = items;
    size_t *files = items ? realloc(f->files, cap * sizeof *files) : NULL;
    if (files) f->files = files;
    if (files) f->cap = cap;
    return files != NULL;
}

static void take(struct findings *f, const struct fault *given)
{
    struct fault fault = *given;
    size_t file = file_index(f, fault.file, NULL, 0);
    if (file == NO_FILE || !grow(f)) {
        f->more = true;
        return;
    }
    find_column(&f->texts[file], &fault);
    find_hint(&fault);
    if (!fault.id) fault.id = diagnostic_of(&fault);
    if (is_there(f, &fault, file)) return;
    f->items[f->count] = fault;
    f->files[f->count++] = file;
}

void findings_take(struct findings *findings, struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        take(findings, &faults->items[i]);
    findings->more = findings->more || faults->more;
    faults_done(faults);
    faults_init(faults);
}

static bool is_allowed(struct allows *allows, const struct fault *fault, const char *file)
{
    return fault->code >= 0 && fault->id && strcmp(fault->file, file) == 0 &&
           allows_take(allows, fault->line, fault->id);
}

void findings_take_own(struct findings *findings, const char *file, const char *text, size_t len,
                       bool unused, struct faults *faults)
{
    struct allows *allows = NULL;
    size_t index = file_index(findings, file, text, len);
    if (index == NO_FILE)
        findings->more = true;
    else
        findings->texts[index].own = true;
    if (allows_read(text, len, &allows) < 0) {
        findings->more = true;
    } else {
        size_t kept = 0;
        for (size_t i = 0; i < faults->count; i++)
            if (!is_allowed(allows, &faults->items[i], file))
                faults->items[kept++] = faults->items[i];
        faults->count = kept;
        allows_report(allows, file, unused && !faults->more, faults);
    }
    allows_free(allows);
    findings_take(findings, faults);
}

/* ---- order ---- */

static void leave_out_allowed(struct findings *f, size_t file)
{
    struct allows *allows = NULL;
    const struct findings_file *text = &f->texts[file];
    if (!text->text || allows_read(text->text, text->len, &allows) < 0) return;
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->files[i] == file && is_allowed(allows, &f->items[i], text->name)) continue;
        f->items[kept] = f->items[i];
        f->files[kept++] = f->files[i];
    }
    f->count = kept;
    allows_free(allows);
}

struct place {
    size_t file, index;
    int rank, line, column;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->rank != y->rank) return x->rank - y->rank;
    if (x->file != y->file) return x->file < y->file ? -1 : 1;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* What was found before the first policy, the policies, the rest. */
static int rank_of(const struct findings *f, size_t file)
{
    if (f->texts[file].own) return 1;
    for (size_t i = 0; i < file; i++)
        if (f->texts[i].own) return 2;
    return 0;
}

static void sort(struct findings *f)
{
    struct place *places = calloc(f->count + 1, sizeof *places);
    struct fault *items = calloc(f->count + 1, sizeof *items);
    size_t *files = calloc(f->count + 1, sizeof *files);
    if (places && items && files) {
        for (size_t i = 0; i < f->count; i++)
            places[i] = (struct place){f->files[i], i, rank_of(f, f->files[i]), f->items[i].line,
                                       f->items[i].column};
        if (f->count > 1) qsort(places, f->count, sizeof *places, by_place);
        for (size_t i = 0; i < f->count; i++) {
            items[i] = f->items[places[i].index];
            files[i] = places[i].file;
        }
        if (f->count > 0) memcpy(f->items, items, f->count * sizeof *items);
        if (f->count > 0) memcpy(f->files, files, f->count * sizeof *files);
    }
    free(places);
    free(items);
    free(files);
}

void findings_settle(struct findings *findings)
{
    for (size_t i = 0; i < findings->text_count; i++)
        leave_out_allowed(findings, i);
    sort(findings);
}

size_t findings_errors(const struct findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->items[i].code < 0;
    return count;
}

size_t findings_warnings(const struct findings *findings)
{
    return findings->count - findings_errors(findings);
}
