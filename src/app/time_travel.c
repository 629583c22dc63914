/* app/time_travel.c - `moontide repl --tick`: one recorded tick in a script state.
 *
 * What is looked at, and what is evaluated, are two loads of one source: the first gives m its
 * handles and evaluates nothing, so that they stay good; each rerun() loads anew, and so begins
 * with the memo as it was recorded, however often it runs. */
#include "moontide/app/time_travel.h"

#include "judgement.h"
#include "moontide/app/instance.h"
#include "moontide/app/past.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_BYTES_MAX = 64 * 1024, HASH_SHOWN = 8, TICKS_SHOWN = 20, TICKS_LISTED_MAX = 100000 };

/* A tick that is loaded: all of it goes with the next one. */
struct loaded {
    struct replay *replay;
    struct replay_tick tick;
    struct version version; /* as recorded */
    struct rerun *viewed;
    size_t target; /* of the tick's */
    struct evaluation_input input;
    char *tick_json;
};

struct time_travel {
    struct past project;
    struct past_policy found;
    struct script *script;
    struct evaluation unseen;
    struct loaded at;
};

/* ---- loading ---- */

static void unload(struct loaded *at)
{
    rerun_free(at->viewed);
    version_done(&at->version);
    replay_close(at->replay);
    free(at->tick_json);
    *at = (struct loaded){0};
}

/* The first of the faults stands for all. */
static int first_fault(struct faults *faults, int code, struct fault *fault)
{
    if (code < 0 && faults->count > 0)
        *fault = faults->items[0];
    else if (code < 0)
        fault_set(fault, code, "%s", err_text(code));
    faults_done(faults);
    return code;
}

static int load_version(const struct time_travel *travel, struct loaded *at,
                        const struct version *version, struct rerun **out, struct fault *fault)
{
    struct faults faults;
    faults_init(&faults);
    int code = rerun_new(&travel->project.host, version, out, &faults);
    if (code == OK) {
        rerun_on(*out, at->replay);
        code = rerun_tick(*out, &at->tick, &faults);
    }
    return first_fault(&faults, code, fault);
}

static int find_target(struct loaded *at, const char *id, struct fault *fault)
{
    struct strbuf ids;
    if (at->tick.target_count == 0)
        return fault_set(fault, ERR_NOT_FOUND, "no target was evaluated in tick %llu",
                         (unsigned long long)at->tick.number);
    for (size_t i = 0; i < at->tick.target_count; i++) {
        if (id && strcmp(at->tick.targets[i].id, id) != 0) continue;
        at->target = i;
        return OK;
    }
    strbuf_init(&ids, FAULT_TEXT_MAX / 2);
    for (size_t i = 0; i < at->tick.target_count; i++)
        strbuf_addf(&ids, "%s%s", i ? ", " : "", at->tick.targets[i].id);
    fault_set(fault, ERR_NOT_FOUND, "tick %llu has no target '%s'; it has %s%s",
              (unsigned long long)at->tick.number, id, strbuf_cstr(&ids),
              strbuf_status(&ids) < 0 ? " and more" : "");
    strbuf_done(&ids);
    return ERR_NOT_FOUND;
}

static int write_tick_json(struct loaded *at, struct fault *fault)
{
    struct strbuf text;
    struct json_writer w;
    char time[TIME_TEXT_MAX];
    time_format(at->tick.at_ms, time);
    strbuf_init(&text, TICK_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    json_key(&w, "number");
    json_int(&w, (int64_t)at->tick.number);
    json_key(&w, "at");
    json_string(&w, time);
    json_key(&w, "policy");
    json_string(&w, at->tick.policy);
    json_key(&w, "world");
    json_string(&w, at->tick.world);
    json_key(&w, "sha256");
    json_string(&w, at->tick.sha256);
    json_key(&w, "target");
    json_string(&w, at->tick.targets[at->target].id);
    json_object_end(&w);
    at->tick_json = strbuf_take(&text, NULL);
    strbuf_done(&text);
    return at->tick_json ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
}

static int load_recorded(struct loaded *at, const struct time_travel *travel, struct fault *fault)
{
    struct version *version = &at->version;
    int code = replay_source(at->replay, at->tick.sha256, version->sha256, &version->source,
                             &version->len, fault);
    if (code < 0) return code;
    code = version_name(&travel->project, at->tick.policy, version);
    if (code < 0) return fault_set(fault, code, "out of memory");
    return load_version(travel, at, version, &at->viewed, fault);
}

static int load(const struct time_travel *travel, uint64_t number, const char *target,
                struct loaded *at, struct fault *fault)
{
    const struct replay_options options = {.path = travel->project.path,
                                           .world = travel->found.world,
                                           .policy = travel->found.policy,
                                           .from_tick = number,
                                           .to_tick = number};
    int code = replay_open(&options, &at->replay, fault);
    if (code == OK) code = replay_next(at->replay, &at->tick, fault);
    if (code == 0)
        return fault_set(fault, ERR_NOT_FOUND, "tick %llu is not there any more",
                         (unsigned long long)number);
    if (code > 0) code = find_target(at, target, fault);
    if (code == OK) code = load_recorded(at, travel, fault);
    if (code < 0) return code;
    const struct replay_target *recorded = &at->tick.targets[at->target];
    at->input = rerun_input(at->viewed, at->target);
    at->input.memo_json = recorded->memo_json;
    return write_tick_json(at, fault);
}

/* Goes there when it can; else all is as it was. */
static int go_to(struct time_travel *travel, uint64_t number, const char *target,
                 struct fault *fault)
{
    struct loaded next = {0};
    int code = load(travel, number, target, &next, fault);
    if (code < 0) {
        unload(&next);
        return code;
    }
    script_look_away(travel->script);
    unload(&travel->at);
    travel->at = next;
    const struct script_view view = {.evaluator = rerun_evaluator(next.viewed),
                                     .input = &travel->at.input,
                                     .tick_json = next.tick_json,
                                     .unseen = &travel->unseen};
    return script_look_at(travel->script, &view, fault);
}

/* ---- go, next, prev ---- */

static void say_place(const struct time_travel *travel, struct strbuf *out)
{
    const struct replay_tick *tick = &travel->at.tick;
    char time[TIME_TEXT_MAX];
    time_format(tick->at_ms, time);
    strbuf_addf(out, "tick %llu of %s (%.*s), %s, world %s: %s", (unsigned long long)tick->number,
                tick->policy, HASH_SHOWN, tick->sha256, time, tick->world,
                tick->targets[travel->at.target].id);
    if (tick->target_count > 1)
        strbuf_addf(out, ", target %zu of %zu", travel->at.target + 1, tick->target_count);
    strbuf_addc(out, '\n');
}

/* The present target's id where the next tick has it, too; copied, as it goes with its tick. */
static char *present_target(const struct time_travel *travel)
{
    return travel->at.replay ? strdup(travel->at.tick.targets[travel->at.target].id) : NULL;
}

static int move(struct time_travel *travel, uint64_t number, const char *target, struct strbuf *out,
                struct fault *fault)
{
    char *same = target ? NULL : present_target(travel);
    int code = go_to(travel, number, target ? target : same, fault);
    if (code == ERR_NOT_FOUND && same) code = go_to(travel, number, NULL, fault);
    free(same);
    if (code == OK) say_place(travel, out);
    return code;
}

static int travel_go(void *data, const char *where, const char *target, struct strbuf *out,
                     struct fault *fault)
{
    struct time_travel *travel = data;
    struct tick_place place = {.number = travel->at.tick.number};
    int code = where ? tick_find(travel->project.reader, &travel->found, where, &place, fault) : OK;
    return code < 0 ? code : move(travel, place.number, target, out, fault);
}

static int travel_step(void *data, int64_t ticks, struct strbuf *out, struct fault *fault)
{
    struct time_travel *travel = data;
    struct tick_place place;
    int code = tick_step(travel->project.reader, &travel->found, travel->at.tick.number, ticks,
                         &place, fault);
    return code < 0 ? code : move(travel, place.number, NULL, out, fault);
}

/* ---- ticks ---- */

struct listing {
    struct strbuf *out;
    struct json_writer w;
    uint64_t count, total, present;
};

static bool list_tick(void *data, const struct recorded *row)
{
    struct listing *listing = data;
    struct json_writer *w = &listing->w;
    char time[TIME_TEXT_MAX];
    time_format(row->at_ms, time);
    json_object(w);
    json_key(w, "number");
    json_int(w, (int64_t)row->tick);
    json_key(w, "at");
    json_string(w, time);
    json_key(w, "sha256");
    json_string(w, row->sha256);
    json_key(w, "targets");
    json_int(w, row->targets);
    json_object_end(w);
    if (listing->count++ < TICKS_SHOWN)
        strbuf_addf(listing->out, "%c %6llu  %s  %.*s  %u target%s\n",
                    row->tick == listing->present ? '*' : ' ', (unsigned long long)row->tick, time,
                    HASH_SHOWN, row->sha256, row->targets, row->targets == 1 ? "" : "s");
    return true;
}

static int travel_ticks(void *data, const char *from, struct strbuf *out, struct strbuf *json,
                        struct fault *fault)
{
    struct time_travel *travel = data;
    struct tick_place place = {.number = 0};
    struct listing listing = {.out = out, .present = travel->at.tick.number};
    int code = from ? tick_find(travel->project.reader, &travel->found, from, &place, fault) : OK;
    if (code < 0) return code;
    const struct recording_filter filter = {.world = travel->found.world,
                                            .policy = travel->found.policy,
                                            .from_tick = place.number,
                                            .limit = TICKS_LISTED_MAX};
    json_writer_init(&listing.w, json);
    json_array(&listing.w);
    code = recording_each(travel->project.reader, &filter, list_tick, &listing, fault);
    json_array_end(&listing.w);
    if (listing.count > TICKS_SHOWN)
        strbuf_addf(out, "  and %llu more, to tick %llu: ticks(from), or the list it returns\n",
                    (unsigned long long)(listing.count - TICKS_SHOWN),
                    (unsigned long long)travel->found.last_tick);
    return code;
}

/* ---- rerun ---- */

static int judge(const struct time_travel *travel, struct loaded *at, const struct version *version,
                 struct rerun **out, struct judgement *judgement, struct fault *fault)
{
    int code = load_version(travel, at, version, out, fault);
    if (code < 0) return code;
    rerun_judge(*out, at->target);
    *judgement = rerun_judgement(*out, at->target);
    return OK;
}

/* What the version says, and how that differs from what was said then. */
static int tell(struct time_travel *travel, const struct version *version,
                const struct judgement *then, const struct judgement *now, struct strbuf *out,
                struct strbuf *json)
{
    struct differences differences;
    struct json_writer w;
    differences_init(&differences);
    int count = differences_find(&differences, then, now);
    strbuf_addf(out, "%s on tick %llu, %s\n", version->shown,
                (unsigned long long)travel->at.tick.number,
                travel->at.tick.targets[travel->at.target].id);
    judgement_text(now, out);
    strbuf_adds(out, count > 0 ? "what differs from what was said then:\n"
                               : "no difference from what was said then\n");
    json_writer_init(&w, json);
    json_object(&w);
    judgement_json(now, &w);
    json_key(&w, "differences");
    json_array(&w);
    for (int i = 0; i < count; i++) {
        strbuf_adds(out, "  ");
        difference_print(&differences.items[i], out);
        strbuf_addc(out, '\n');
        difference_json(&differences.items[i], &w);
    }
    json_array_end(&w);
    json_object_end(&w);
    differences_done(&differences);
    return count < 0 ? count : OK;
}

static int travel_rerun(void *data, const char *path, struct strbuf *out, struct strbuf *json,
                        struct fault *fault)
{
    struct time_travel *travel = data;
    struct loaded *at = &travel->at;
    struct version edited = {0};
    struct rerun *old = NULL, *new = NULL;
    struct judgement then, now;
    int code = path ? version_read(&travel->project, path, &edited, fault) : OK;
    if (code == OK) code = judge(travel, at, &at->version, &old, &then, fault);
    if (code == OK && path) code = judge(travel, at, &edited, &new, &now, fault);
    if (code == OK) {
        code = tell(travel, path ? &edited : &at->version, &then, path ? &now : &then, out, json);
        if (code < 0) fault_set(fault, code, "%s", err_text(code));
    }
    rerun_free(old);
    rerun_free(new);
    version_done(&edited);
    return code;
}

/* ---- begin and end ---- */

static int begin(struct time_travel *travel, const struct arguments *arguments)
{
    const struct traveller traveller = {.data = travel,
                                        .rerun = travel_rerun,
                                        .ticks = travel_ticks,
                                        .go = travel_go,
                                        .step = travel_step};
    struct fault fault;
    struct strbuf place;
    strbuf_init(&place, TICK_BYTES_MAX);
    int code = script_travel(travel->script, &traveller, &fault);
    if (code == OK)
        code = travel_go(travel, arguments_value(arguments, "tick"),
                         arguments_value(arguments, "target"), &place, &fault);
    if (code < 0)
        print_fault(&fault);
    else if (isatty(STDIN_FILENO))
        printf("%sm, t, memo and tick are as they were; rerun(), rerun(\"FILE\"), ticks(), go(N), "
               "next(), prev().\n",
               strbuf_cstr(&place));
    strbuf_done(&place);
    return code < 0 ? 1 : 0;
}

int time_travel_open(const struct arguments *arguments, struct script *script,
                     struct time_travel **out)
{
    const char *given = arguments_value(arguments, "tick");
    *out = NULL;
    if (!given) return 0;
    struct time_travel *travel = calloc(1, sizeof *travel);
    if (!travel) {
        fputs("moontide: out of memory\n", stderr);
        return 1;
    }
    travel->script = script;
    evaluation_init(&travel->unseen);
    int failed = past_open(arguments, &travel->project);
    if (!failed)
        failed = past_find(travel->project.reader, arguments_value(arguments, "policy"), NULL, 0,
                           &travel->found, NULL);
    if (!failed) failed = begin(travel, arguments);
    if (failed) {
        time_travel_close(travel);
        return 1;
    }
    *out = travel;
    return 0;
}

void time_travel_close(struct time_travel *travel)
{
    if (!travel) return;
    if (travel->at.viewed) script_look_away(travel->script);
    unload(&travel->at);
    evaluation_done(&travel->unseen);
    past_policy_done(&travel->found);
    past_close(&travel->project);
    free(travel);
}
