/* app/editor_past.c - what was entered before: Up and Down, and Ctrl-R.
 *
 * Up begins with what is left of the cursor and steps through the entries that begin with it; Down
 * goes back, at last to what was being typed. As long as the line is what a step put there, the
 * next one goes on from it; anything else that was typed begins anew. In an entry of several lines
 * they first move within it. */
#include "editor_keys.h"

#include <stdlib.h>
#include <string.h>

enum { PATTERN_MAX = 128 };

static wchar_t *copy_line(const LineInfoW *info)
{
    size_t len = (size_t)(info->lastchar - info->buffer);
    wchar_t *copy = malloc((len + 1) * sizeof *copy);
    if (!copy) return NULL;
    wmemcpy(copy, info->buffer, len);
    copy[len] = L'\0';
    return copy;
}

/* ---- Up and Down ---- */

void keys_past_reset(struct keys *keys)
{
    free(keys->shown);
    free(keys->draft);
    keys->shown = keys->draft = NULL;
    keys->at = recall_count(keys->recall);
}

/* Whether the line is what the last step put there. */
static bool goes_on(const struct keys *keys, const LineInfoW *info)
{
    size_t len = (size_t)(info->lastchar - info->buffer);
    return keys->shown && wcslen(keys->shown) == len &&
           wmemcmp(keys->shown, info->buffer, len) == 0;
}

static bool begin(struct keys *keys, const LineInfoW *info)
{
    keys_past_reset(keys);
    keys->draft = copy_line(info);
    keys->prefix_len = (size_t)(info->cursor - info->buffer);
    return keys->draft != NULL;
}

/* The next entry that begins as the draft does, and is another one than is shown; at its end the
 * draft. NULL: none. The caller frees it. */
static wchar_t *next_entry(struct keys *keys, int by)
{
    size_t count = recall_count(keys->recall);
    for (size_t at = keys->at; by < 0 ? at > 0 : at < count;) {
        at = by < 0 ? at - 1 : at + 1;
        wchar_t *text =
            at == count ? wcsdup(keys->draft) : keys_indent(keys, recall_at(keys->recall, at));
        bool fits = text && wcsncmp(text, keys->draft, keys->prefix_len) == 0 &&
                    wcscmp(text, keys->shown ? keys->shown : keys->draft) != 0;
        if (fits || at == count) {
            keys->at = at;
            return text;
        }
        free(text);
    }
    return NULL;
}

static unsigned char step(EditLine *edit, int by)
{
    struct keys *keys = keys_of(edit);
    if (keys_move_row(keys, by)) return CC_REFRESH;
    const LineInfoW *info = el_wline(edit);
    if (!goes_on(keys, info) && (by > 0 || !begin(keys, info))) return CC_ERROR;
    wchar_t *text = next_entry(keys, by);
    if (!text) return CC_ERROR;
    keys_set_line(keys, text);
    free(keys->shown);
    keys->shown = text;
    return CC_REFRESH;
}

static unsigned char older(EditLine *edit, wint_t key)
{
    (void)key;
    return step(edit, -1);
}

static unsigned char newer(EditLine *edit, wint_t key)
{
    (void)key;
    return step(edit, 1);
}

/* ---- Ctrl-R ---- */

struct search {
    struct keys *keys;
    wchar_t pattern[PATTERN_MAX];
    size_t len, at;    /* the entry that is shown */
    wchar_t *original; /* the line as it was */
    wchar_t *match;    /* what is shown, or NULL: the line as it was */
    bool failed;
};

/* The newest entry older than `from` that holds the pattern; another one than is shown, if asked.
 */
static void find(struct search *s, size_t from, bool other)
{
    s->failed = false;
    for (size_t at = from; at-- > 0 && s->len > 0;) {
        wchar_t *text = keys_indent(s->keys, recall_at(s->keys->recall, at));
        if (text && wcsstr(text, s->pattern) && !(other && s->match && !wcscmp(text, s->match))) {
            free(s->match);
            s->match = text;
            s->at = at;
            return;
        }
        free(text);
    }
    s->failed = s->len > 0;
}

static void begin_anew(struct search *s)
{
    free(s->match);
    s->match = NULL;
    s->at = recall_count(s->keys->recall);
    find(s, s->at, false);
}

/* The match, and below it what is looked for. */
static void show(struct search *s)
{
    const wchar_t *line = s->match ? s->match : s->original;
    const wchar_t *label = s->failed ? L"\nhistory has no: " : L"\nhistory: ";
    size_t room = wcslen(line) + wcslen(label) + s->len + 1;
    wchar_t *text = malloc(room * sizeof *text);
    if (!text) return;
    swprintf(text, room, L"%ls%ls%ls", line, label, s->pattern);
    keys_clear(s->keys);
    keys_set_line(s->keys, text);
    el_set(s->keys->edit, EL_REFRESH);
    free(text);
}

/* One key; false: the search is over, and the key (if it is not *taken) is the line's. */
static bool search_key(struct search *s, wchar_t c, bool *taken)
{
    enum { BACKSPACE = 8, ABORT = 7, INTERRUPT = 3, SEARCH = 18, DELETE = 127 };
    *taken = true;
    if (c == ABORT || c == INTERRUPT) {
        free(s->match);
        s->match = NULL;
        return false;
    }
    if (c == SEARCH) {
        find(s, s->at, true);
    } else if ((c == BACKSPACE || c == DELETE) && s->len > 0) {
        s->pattern[--s->len] = L'\0';
        begin_anew(s);
    } else if (c >= L' ' && c != DELETE && s->len + 1 < PATTERN_MAX) {
        s->pattern[s->len++] = c;
        s->pattern[s->len] = L'\0';
        size_t count = recall_count(s->keys->recall);
        find(s, s->at < count ? s->at + 1 : count, false);
    } else if (c < L' ' && c != BACKSPACE) {
        *taken = false;
        return false;
    }
    return true;
}

static unsigned char search_history(EditLine *edit, wint_t key)
{
    struct keys *keys = keys_of(edit);
    struct search s = {.keys = keys, .at = recall_count(keys->recall)};
    wchar_t c[2] = {0};
    bool taken = true;
    (void)key;
    s.original = copy_line(el_wline(edit));
    if (!s.original) return CC_ERROR;
    do
        show(&s);
    while (el_wgetc(edit, c) == 1 && search_key(&s, c[0], &taken));
    keys_clear(keys);
    keys_set_line(keys, s.match ? s.match : s.original);
    el_set(edit, EL_REFRESH);
    free(s.match);
    free(s.original);
    if (keys->ended) return CC_EOF;
    if (!taken) el_wpush(edit, c); /* Enter runs it; an arrow goes on editing it */
    return CC_NORM;
}

/* ---- for libedit's own commands, those of vi mode: a hist_fun_t ---- */

static int tell(void *data, HistEvent *event, int what, ...)
{
    struct keys *keys = data;
    size_t count = recall_count(keys->recall), at = keys->told_at;
    switch (what) {
    case H_FIRST: at = count - 1; break; /* the newest */
    case H_LAST: at = 0; break;
    case H_NEXT: at = at - 1; break;
    case H_PREV: at = at + 1; break;
    case H_CURR: break;
    default: return -1;
    }
    if (at >= count) return -1;
    wchar_t *text = keys_indent(keys, recall_at(keys->recall, at));
    size_t size = text ? wcstombs(NULL, text, 0) + 1 : 0;
    char *told = text ? malloc(size) : NULL;
    if (told) wcstombs(told, text, size);
    free(text);
    if (!told) return -1;
    free(keys->told);
    keys->told = told;
    keys->told_at = at;
    *event = (HistEvent){.num = (int)at + 1, .str = told};
    return 0;
}

void keys_bind_past(struct keys *keys)
{
    static const struct {
        const char *key, *command;
    } bound[] = {
        {"\\e[A", "moontide-older"}, {"\\eOA", "moontide-older"}, {"^P", "moontide-older"},
        {"\\e[B", "moontide-newer"}, {"\\eOB", "moontide-newer"}, {"^N", "moontide-newer"},
        {"^R", "moontide-search"},
    };
    EditLine *edit = keys->edit;
    el_set(edit, EL_HIST, tell, keys);
    el_wset(edit, EL_ADDFN, L"moontide-older", L"to an older entry that begins so", older);
    el_wset(edit, EL_ADDFN, L"moontide-newer", L"to a newer entry that begins so", newer);
    el_wset(edit, EL_ADDFN, L"moontide-search", L"searches the history", search_history);
    for (size_t i = 0; i < COUNT_OF(bound); i++)
        el_set(edit, EL_BIND, bound[i].key, bound[i].command, NULL);
}
