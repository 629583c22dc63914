/* bind/trace.c - traces the evaluations of one policy.
 *
 *   policy_trace(tracer) -> struct trace: the branches of each of its sources
 *   policy_evaluate -> trace_begin -> [slice: lines, questions] ... -> trace_end -> tracer
 *
 * Which way an if went is read off the lines that run (bind/branches.h): a line of its block means
 * yes, any other line of the same call no. A block on the line of its `then` shows no line of its
 * own: when it leaves (return, break), the function's return or the line after tells; else it stays
 * unknown.
 *
 * above() and below() usually answer on a path that nothing watches (series.c, judge); while an
 * evaluation is traced its keys are not `plain`, which leads them past the place where they are
 * told. */
#include "trace.h"

#include "branches.h"
#include "moontide/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 400, TEXT_BYTES_MAX = 64 * 1024, PENDING_MAX = 64, LEVELS_MAX = 200 };

/* An if whose way is not known yet. */
struct pending {
    const struct branch *branch;
    size_t step, source;
    int depth;
};

struct step {
    struct trace_step shown; /* text NULL: it is at `text` in the buffer */
    size_t text;
};

struct trace {
    const struct tracer *tracer;
    struct branches *sources; /* shape: [policy->binding.source_count] */
    size_t source_count;
    const char *last_chunk; /* Lua's pointer of the chunk that ran last, and which source it is */
    size_t last_source;

    bool active; /* an evaluation is traced */
    struct step steps[STEPS_MAX];
    size_t step_count, left_out;
    struct strbuf texts;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    int64_t begun_ns, spent_ns;
    uint32_t slices;
};

static int64_t now_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

static void trace_free(struct trace *trace)
{
    if (!trace) return;
    for (size_t i = 0; i < trace->source_count; i++)
        branches_done(&trace->sources[i]);
    free(trace->sources);
    strbuf_done(&trace->texts);
    free(trace);
}

/* NULL: no memory; then nothing is traced. */
static struct trace *trace_new(const struct policy *policy)
{
    struct trace *trace = calloc(1, sizeof *trace);
    size_t count = policy->binding.source_count;
    if (!trace) return NULL;
    strbuf_init(&trace->texts, TEXT_BYTES_MAX);
    trace->sources = calloc(count ? count : 1, sizeof *trace->sources);
    for (size_t i = 0; trace->sources && i < count; i++) {
        const char *text = source_text(policy->binding.sources[i]);
        if (branches_scan(text, strlen(text), &trace->sources[i]) < 0) break;
        trace->source_count++;
    }
    if (trace->sources && trace->source_count == count) return trace;
    trace_free(trace);
    return NULL;
}

void policy_trace(struct evaluator *evaluator, const struct tracer *tracer)
{
    struct policy *policy = (struct policy *)evaluator;
    if (policy->trace) trace_drop(policy);
    if (!tracer) {
        trace_free(policy->trace);
        policy->trace = NULL;
        return;
    }
    if (!policy->trace) policy->trace = trace_new(policy);
    if (policy->trace) policy->trace->tracer = tracer;
}

/* ---- steps ---- */

static struct step *add_step(struct trace *trace)
{
    if (trace->step_count == STEPS_MAX) {
        trace->left_out++;
        return NULL;
    }
    struct step *step = &trace->steps[trace->step_count++];
    *step = (struct step){0};
    return step;
}

static int depth_of(lua_State *L)
{
    lua_Debug ar;
    int depth = 0;
    while (depth < LEVELS_MAX && lua_getstack(L, depth, &ar))
        depth++;
    return depth;
}

/* Which of the policy's sources a chunk is; source_count: none. */
static size_t source_of(const struct policy *policy, struct trace *trace, const char *chunk)
{
    if (chunk == trace->last_chunk) return trace->last_source;
    size_t i = 0;
    while (i < trace->source_count && strcmp(source_chunk(policy->binding.sources[i]), chunk) != 0)
        i++;
    trace->last_chunk = chunk;
    trace->last_source = i;
    return i;
}

static const char *file_of(const struct policy *policy, size_t source)
{
    return source_chunk(policy->binding.sources[source]) + 1; /* behind the '@' */
}

/* ---- branches ---- */

static void settle(struct trace *trace, enum verdict verdict)
{
    const struct pending *pending = &trace->pending[--trace->pending_count];
    if (pending->branch->crowded) verdict = VERDICT_UNKNOWN;
    if (pending->step < trace->step_count) trace->steps[pending->step].shown.verdict = verdict;
}

/* What the next line of the same call says. */
static enum verdict way_of(const struct branch *branch, int line)
{
    if (line > branch->then_line && line < branch->end_line) return VERDICT_TRUE;
    if (branch->leaves) return VERDICT_FALSE;
    return branch->end_line > branch->then_line ? VERDICT_FALSE : VERDICT_UNKNOWN;
}

static struct pending *top_of(struct trace *trace)
{
    return trace->pending_count ? &trace->pending[trace->pending_count - 1] : NULL;
}

static void begin_branch(const struct policy *policy, struct trace *trace, size_t source, int line,
                         int depth)
{
    const struct branch *branch = branches_at(&trace->sources[source], line);
    if (!branch || trace->pending_count == PENDING_MAX) return;
    size_t at = trace->step_count;
    struct step *step = add_step(trace);
    if (!step) return;
    step->shown = (struct trace_step){.kind = TRACE_BRANCH,
                                      .file = file_of(policy, source),
                                      .line = line,
                                      .text = branch->text,
                                      .verdict = VERDICT_UNKNOWN};
    trace->pending[trace->pending_count++] = (struct pending){branch, at, source, depth};
}

static void line_begins(const struct policy *policy, struct trace *trace, lua_State *L,
                        lua_Debug *ar)
{
    if (!lua_getinfo(L, "S", ar)) return;
    size_t source = source_of(policy, trace, ar->source);
    if (source == trace->source_count) return;
    int depth = depth_of(L), line = ar->currentline;
    struct pending *top = top_of(trace);
    while (top && top->depth > depth) { /* an error went through it */
        settle(trace, VERDICT_UNKNOWN);
        top = top_of(trace);
    }
    if (top && top->depth == depth && top->source == source) {
        bool condition = line > top->branch->line && line <= top->branch->then_line;
        if (condition) return;
        settle(trace, way_of(top->branch, line));
    }
    begin_branch(policy, trace, source, line, depth);
}

static void call_returns(struct trace *trace, lua_State *L)
{
    struct pending *top = top_of(trace);
    if (!top) return;
    int depth = depth_of(L);
    while (top && top->depth >= depth) {
        settle(trace, top->branch->leaves ? VERDICT_TRUE : VERDICT_UNKNOWN);
        top = top_of(trace);
    }
}

static void observe(void *data, lua_State *L, lua_Debug *ar)
{
    struct policy *policy = data;
    struct trace *trace = policy->trace;
    if (!trace || !trace->active || !policy->run.layout) return;
    if (ar->event == LUA_HOOKLINE)
        line_begins(policy, trace, L, ar);
    else
        call_returns(trace, L);
}

/* ---- questions ---- */

void trace_asked(lua_State *L, const struct seen *seen, const struct threshold *threshold,
                 enum verdict verdict)
{
    struct policy *policy = seen->policy;
    struct trace *trace = policy->trace;
    lua_Debug ar;
    if (!trace->active || !lua_getstack(L, 1, &ar) || !lua_getinfo(L, "Sl", &ar)) return;
    size_t source = source_of(policy, trace, ar.source);
    if (source == trace->source_count) return;
    struct step *step = add_step(trace);
    if (!step) return;
    step->shown = (struct trace_step){.kind = TRACE_ASKED,
                                      .file = file_of(policy, source),
                                      .line = ar.currentline,
                                      .verdict = verdict};
    step->text = trace->texts.len;
    strbuf_addf(&trace->texts, "%s:%s(%.6g", seen->key->name,
                threshold->op == THRESHOLD_ABOVE ? "above" : "below", threshold->value);
    if (threshold->of > 1)
        strbuf_addf(&trace->texts, ", %u of %u", (unsigned)threshold->datapoints,
                    (unsigned)threshold->of);
    strbuf_add(&trace->texts, ")", 2); /* and its end */
}

/* ---- an evaluation ---- */

static void watch_questions(struct layout *layout, bool on)
{
    for (uint32_t i = 0; i < layout->count; i++) {
        struct layout_key *key = &layout->keys[i];
        key->plain = !on && key->missing != MISSING_IGNORE && key->low_samples_below <= 0;
    }
}

void trace_begin(struct policy *policy)
{
    struct trace *trace = policy->trace;
    trace->active = true;
    trace->step_count = trace->left_out = trace->pending_count = 0;
    trace->last_chunk = NULL;
    trace->spent_ns = 0;
    trace->slices = 0;
    strbuf_reset(&trace->texts);
    watch_questions(policy->run.target->layout, true);
}

void trace_slice_begins(struct policy *policy)
{
    if (!policy->trace->active) return;
    policy->trace->begun_ns = now_ns();
    policy->trace->slices++;
    vm_observe(vm_runner(policy->vm), observe, policy);
}

void trace_slice_ends(struct policy *policy)
{
    if (!policy->trace->active) return;
    policy->trace->spent_ns += now_ns() - policy->trace->begun_ns;
    vm_observe(vm_runner(policy->vm), NULL, NULL);
}

void trace_drop(struct policy *policy)
{
    if (!policy->trace->active) return;
    policy->trace->active = false;
    watch_questions(policy->run.target->layout, false);
}

static size_t read_series(const struct run *run, struct trace_read *reads)
{
    const struct layout *layout = run->target->layout;
    size_t count = 0;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct layout_key *key = &layout->keys[i];
        if (key->read_at != run->number) continue;
        struct trace_read *read = &reads[count++];
        *read = (struct trace_read){.key = key->name};
        read->known = view_at(series_view(run->input->series[i], run->target->shown.uses[i].slots),
                              -1, &read->value, &read->time_s);
    }
    return count;
}

static void tell(struct policy *policy, int code, const struct fault *fault,
                 struct trace_read *reads, struct trace_step *steps)
{
    struct trace *trace = policy->trace;
    const struct run *run = &policy->run;
    for (size_t i = 0; i < trace->step_count; i++) {
        steps[i] = trace->steps[i].shown;
        if (!steps[i].text) steps[i].text = strbuf_cstr(&trace->texts) + trace->steps[i].text;
    }
    const struct evaluation_trace told = {.policy = policy->name,
                                          .sha256 = policy->info.sha256,
                                          .target = run->target->shown.id,
                                          .at_ms = run->input->now_ms,
                                          .elapsed_us = trace->spent_ns / 1000,
                                          .slices = trace->slices,
                                          .reads = reads,
                                          .read_count = read_series(run, reads),
                                          .steps = steps,
                                          .step_count = trace->step_count,
                                          .steps_left_out = trace->left_out,
                                          .evaluation = code < 0 ? NULL : run->out,
                                          .fault = code < 0 ? fault : NULL};
    trace->tracer->evaluated(trace->tracer->data, &told);
}

void trace_end(struct policy *policy, int code, const struct fault *fault)
{
    struct trace *trace = policy->trace;
    if (!trace->active) return;
    trace_drop(policy);
    while (trace->pending_count)
        settle(trace, code < 0                        ? VERDICT_UNKNOWN
                      : top_of(trace)->branch->leaves ? VERDICT_TRUE
                                                      : VERDICT_UNKNOWN);
    struct trace_read *reads = calloc(policy->run.target->layout->count + 1, sizeof *reads);
    struct trace_step *steps = calloc(trace->step_count + 1, sizeof *steps);
    if (reads && steps) tell(policy, code, fault, reads, steps);
    free(reads);
    free(steps);
}
