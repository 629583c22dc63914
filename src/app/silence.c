/* app/silence.c - `moontide silence add`, `list` and `expire`: write the file SILENCES, then tell
 * the daemon.
 *
 * As with the kill switch (pause.c) the file is what counts, and two commands at once take turns by
 * the lock on the state directory. Times are the running daemon's, which in a simulated world are
 * not those of this process. */
#include "moontide/app/alerts.h"
#include "moontide/app/alerts_hold.h"
#include "moontide/app/instance.h"
#include "moontide/app/project.h"
#include "moontide/app/sheet.h"
#include "moontide/app/silences.h"
#include "moontide/base/fs.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct work {
    const struct arguments *arguments;
    struct config *config;
    char *path;
    struct silences silences; /* as they are afterwards */
    int64_t now_ms, for_ms;
    bool json, running;
    const struct silence *about; /* what was added or ended */
};

/* ---- showing ---- */

static const char *state_of(const struct silence *silence, int64_t now_ms)
{
    if (silence->until_ms <= now_ms) return "expired";
    return silence->from_ms > now_ms ? "pending" : "active";
}

static void matchers_text(const struct silence *silence, struct strbuf *out)
{
    for (size_t i = 0; i < silence->matchers.count; i++)
        strbuf_addf(out, "%s%s", i ? ", " : "", matcher_text(silence->matchers.items[i]));
}

static void add_row(struct sheet *sheet, const struct silence *silence, int64_t now_ms)
{
    const char *state = state_of(silence, now_ms);
    struct strbuf text;
    strbuf_init(&text, SILENCE_BYTES_MAX);
    matchers_text(silence, &text);
    sheet_add(sheet, "\033[1m", silence->id);
    sheet_add(sheet, state_paint(state), state);
    sheet_add_time(sheet, silence->until_ms);
    sheet_add(sheet, NULL, silence->by);
    sheet_add(sheet, NULL, strbuf_cstr(&text));
    sheet_add(sheet, NULL, silence->reason);
    strbuf_done(&text);
}

static void put_members(struct json_writer *w, const struct silence *silence, int64_t now_ms)
{
    const char *const names[] = {"id", "state", "by", "reason"};
    const char *const values[] = {silence->id, state_of(silence, now_ms), silence->by,
                                  silence->reason};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_key(w, names[i]);
        json_string(w, values[i]);
    }
    json_key(w, "matchers");
    json_array(w);
    for (size_t i = 0; i < silence->matchers.count; i++)
        json_string(w, matcher_text(silence->matchers.items[i]));
    json_array_end(w);
    json_key(w, "from");
    json_int(w, silence->from_ms);
    json_key(w, "until");
    json_int(w, silence->until_ms);
}

static void put_silence(struct json_writer *w, const struct silence *silence, int64_t now_ms)
{
    json_object(w);
    put_members(w, silence, now_ms);
    json_object_end(w);
}

static int show_json(const struct work *work)
{
    struct strbuf text;
    struct json_writer w;
    strbuf_init(&text, 4 * SILENCE_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    if (work->about) {
        json_key(&w, "id");
        json_string(&w, work->about->id);
        json_key(&w, "daemon_told");
        json_bool(&w, work->running);
    }
    json_key(&w, "silences");
    json_array(&w);
    for (size_t i = 0; i < work->silences.count; i++)
        put_silence(&w, &work->silences.items[i], work->now_ms);
    json_array_end(&w);
    json_object_end(&w);
    int code = strbuf_status(&text);
    if (code == OK) puts(strbuf_cstr(&text));
    strbuf_done(&text);
    return code < 0;
}

static int show(const struct work *work)
{
    static const char *const heads[] = {"ID", "STATE", "UNTIL", "BY", "MATCHERS", "REASON", NULL};
    struct sheet sheet;
    if (work->json) return show_json(work);
    if (work->about && !work->running) puts("no daemon runs here; the next will see it");
    sheet_init(&sheet, heads);
    for (size_t i = 0; i < work->silences.count; i++)
        add_row(&sheet, &work->silences.items[i], work->now_ms);
    if (sheet_rows(&sheet) > 0)
        sheet_print(&sheet, stdout, terminal_color(STDOUT_FILENO));
    else
        puts("no silences");
    sheet_done(&sheet);
    return 0;
}

/* ---- telling: the daemon, or the journal itself ---- */

static int entry_json(const struct work *work, const char *state, struct strbuf *out)
{
    const struct silence *silence = work->about;
    char until[TIME_TEXT_MAX];
    struct strbuf text;
    struct json_writer w;
    strbuf_init(&text, SILENCE_BYTES_MAX);
    matchers_text(silence, &text);
    time_format(silence->until_ms / 1000 * 1000, until);
    strbuf_addf(&text, " until %s: %s", until, silence->reason);
    json_writer_init(&w, out);
    json_object(&w);
    put_members(&w, silence, work->now_ms);
    json_key(&w, "outcome");
    json_string(&w, state);
    json_key(&w, "text");
    json_string(&w, strbuf_cstr(&text));
    json_object_end(&w);
    strbuf_done(&text);
    return strbuf_status(out);
}

static int tell_daemon(struct work *work, const char *entry, struct fault *fault)
{
    struct strbuf json;
    struct json_writer w;
    cJSON *answer = NULL;
    strbuf_init(&json, SILENCE_BYTES_MAX);
    json_writer_init(&w, &json);
    json_object(&w);
    json_key(&w, "entry");
    json_string(&w, entry);
    json_object_end(&w);
    int code = alerts_ask(work->config, "silences", strbuf_cstr(&json), &answer, fault);
    work->running = answer != NULL;
    cJSON_Delete(answer);
    strbuf_done(&json);
    return code;
}

static int tell(struct work *work, const char *state, struct fault *fault)
{
    struct strbuf entry;
    strbuf_init(&entry, SILENCE_BYTES_MAX);
    int code = entry_json(work, state, &entry);
    if (code < 0)
        fault_set(fault, code, "%s", err_text(code));
    else
        code = tell_daemon(work, strbuf_cstr(&entry), fault);
    if (code == OK && !work->running)
        code = silence_journal_alone(work->config->state_dir, work->now_ms, strbuf_cstr(&entry),
                                     fault);
    strbuf_done(&entry);
    return code;
}

/* ---- changing the file ---- */

/* Any alert has these names; nobody has these values. */
static bool matches_everything(const struct matchers *matchers)
{
    static const char *const severities[] = {"low", "medium", "high"};
    static const char nobody[] = "\x7f-\x7f";
    bool all = true;
    for (size_t i = 0; i < COUNT_OF(severities); i++) {
        struct labels labels;
        if (labels_new(nobody, nobody, nobody, severities[i], "", &labels) < 0) return true;
        all = all && matchers_match(matchers, &labels);
        labels_done(&labels);
    }
    return all;
}

static int new_id(const struct silences *silences, char id[17], struct fault *fault)
{
    uint32_t number;
    for (;;) {
        bool taken = false;
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            return fault_set(fault, ERR_IO, "no random number");
        snprintf(id, 17, "%08x", (unsigned)number);
        for (size_t i = 0; i < silences->count; i++)
            taken = taken || strcmp(silences->items[i].id, id) == 0;
        if (!taken) return OK;
    }
}

static int read_matchers(const struct arguments *arguments, struct matchers *out,
                         struct fault *fault)
{
    bool everything = arguments_flag(arguments, "everything");
    int code = OK;
    matchers_init(out);
    for (size_t i = 0; code == OK && i < arguments->repeated_count; i++)
        code = matchers_add(out, arguments->repeated[i], fault);
    if (code == OK && out->count == 0 && everything)
        code = matchers_add(out, "severity=~\".*\"", fault);
    if (code == OK && matches_everything(out) && !everything)
        code = fault_set(fault, ERR_INVALID,
                         "these matchers hold back every alert; say --everything if that is meant");
    return code;
}

static int append(struct work *work, struct silence *take, struct fault *fault)
{
    struct silences *silences = &work->silences;
    struct silence *items =
        realloc(silences->items, (silences->count + 1) * sizeof *silences->items);
    if (!items) return fault_set(fault, ERR_NOMEM, "out of memory");
    silences->items = items;
    items[silences->count] = *take;
    *take = (struct silence){0};
    work->about = &items[silences->count++];
    return OK;
}

static int add(struct work *work, struct fault *fault)
{
    const char *reason = arguments_value(work->arguments, "reason");
    struct silence silence = {.from_ms = work->now_ms, .until_ms = work->now_ms + work->for_ms};
    if (work->silences.count >= SILENCES_MAX)
        return fault_set(fault, ERR_LIMIT, "at most %d silences", SILENCES_MAX);
    int code = read_matchers(work->arguments, &silence.matchers, fault);
    if (code == OK) code = new_id(&work->silences, silence.id, fault);
    silence.by = strdup(project_user(arguments_value(work->arguments, "author")));
    silence.reason = strdup(reason);
    if (code == OK && (!silence.by || !silence.reason))
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK) code = append(work, &silence, fault);
    matchers_done(&silence.matchers);
    free(silence.by);
    free(silence.reason);
    return code;
}

static int expire(struct work *work, struct fault *fault)
{
    const char *id = work->arguments->operands[0];
    for (size_t i = 0; i < work->silences.count; i++) {
        struct silence *silence = &work->silences.items[i];
        if (strcmp(silence->id, id) != 0) continue;
        if (silence->until_ms <= work->now_ms)
            return fault_set(fault, ERR_EXPIRED, "the silence %s has ended already", id);
        silence->until_ms = work->now_ms;
        if (silence->from_ms > work->now_ms) silence->from_ms = work->now_ms;
        work->about = silence;
        return OK;
    }
    return fault_set(fault, ERR_NOT_FOUND, "there is no silence %s; moontide silence list has them",
                     id);
}

/* What cannot be read would be gone by writing: then nothing is written. */
static int read_all(struct work *work, struct fault *fault)
{
    *fault = (struct fault){0};
    int code = silences_read(work->path, &work->silences, fault);
    return code == OK && fault->code < 0 ? fault->code : code;
}

static int change(struct work *work, int (*how)(struct work *work, struct fault *fault),
                  struct fault *fault)
{
    int fd = -1, code = project_lock(work->config->state_dir, &fd, fault);
    if (code < 0) return code;
    code = read_all(work, fault);
    if (code == OK) code = how(work, fault);
    if (code == OK) code = silences_write(work->path, &work->silences, work->now_ms, fault);
    close(fd);
    return code;
}

/* ---- the commands ---- */

static int begin(struct work *work, struct fault *fault)
{
    work->now_ms = alerts_now(work->config);
    work->path = fs_join(work->config->state_dir, SILENCE_FILE);
    return work->path ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
}

static int run(struct work *work, int (*how)(struct work *work, struct fault *fault),
               const char *state)
{
    struct fault fault = {0};
    if (project_format(work->arguments, &work->json) ||
        project_config(work->arguments, &work->config) < 0)
        return 1;
    int code = begin(work, &fault);
    if (code == OK)
        code =
            how ? change(work, how, &fault) : hold_silences(work->config, &work->silences, &fault);
    bool changed = code == OK && how;
    if (changed) code = tell(work, state, &fault);
    if (code < 0) print_fault(&fault);
    if (changed && code < 0) fprintf(stderr, "moontide: the silence itself is %s\n", state);
    int status = code == OK || changed ? show(work) : 1;
    silences_done(&work->silences);
    free(work->path);
    config_free(work->config);
    return code < 0 ? 1 : status;
}

int command_silence_add(const struct arguments *arguments)
{
    struct work work = {.arguments = arguments};
    const char *span = arguments_value(arguments, "for"),
               *reason = arguments_value(arguments, "reason");
    if (arguments->repeated_count == 0 && !arguments_flag(arguments, "everything"))
        return alerts_refuse(arguments, "which alerts? --matcher environment=prod");
    if (!span || duration_parse(span, &work.for_ms) < 0 || work.for_ms == 0)
        return alerts_refuse(arguments, "for how long? --for 90s, 2h or 7d");
    if (!reason || !reason[0]) return alerts_refuse(arguments, "say why: --reason TEXT");
    return run(&work, add, "added");
}

int command_silence_expire(const struct arguments *arguments)
{
    struct work work = {.arguments = arguments};
    return run(&work, expire, "expired");
}

int command_silence_list(const struct arguments *arguments)
{
    struct work work = {.arguments = arguments};
    return run(&work, NULL, "");
}
