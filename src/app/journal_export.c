/* app/journal_export.c - `moontide journal export --tick N`: a recorded tick as a fixture. */
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/project.h"
#include "moontide/app/recorded.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXPORT_BYTES_MAX = 1 << 30 };

static int print_tick(const struct replay_tick *tick, struct fault *fault)
{
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, EXPORT_BYTES_MAX);
    json_writer_init(&w, &out);
    recorded_json(tick, &w);
    int code = strbuf_status(&out);
    if (code == OK)
        puts(strbuf_cstr(&out));
    else
        fault_set(fault, code, "the tick cannot be written: %s", err_text(code));
    strbuf_done(&out);
    return code;
}

static int export_tick(const char *path, uint64_t number, const char *policy, struct fault *fault)
{
    const struct replay_options options = {
        .path = path, .policy = policy, .from_tick = number, .to_tick = number};
    struct replay *replay = NULL;
    struct replay_tick tick;
    int code = replay_open(&options, &replay, fault);
    if (code == OK) code = replay_next(replay, &tick, fault);
    if (code == 0)
        code =
            fault_set(fault, ERR_CORRUPT, "tick %llu cannot be read: records before it are damaged",
                      (unsigned long long)number);
    if (code == 1) code = print_tick(&tick, fault);
    replay_close(replay);
    return code;
}

int command_journal_export(const struct arguments *arguments)
{
    const char *which = arguments_value(arguments, "tick");
    struct config *config = NULL;
    struct recording_reader *reader = NULL;
    struct fault fault;
    char *policy = NULL, *path = NULL;
    uint64_t number = 0;
    if (!which) {
        fputs("moontide journal export: --tick N (or a time) is needed; moontide journal ticks "
              "lists what is recorded\n",
              stderr);
        return 1;
    }
    if (project_config(arguments, &config) < 0) return 1;
    int code = project_recording(config, &reader);
    if (code == OK) {
        code = recorded_find(reader, which, arguments_value(arguments, "world"),
                             arguments_value(arguments, "policy"), &number, &policy, &fault);
        path = code == OK ? recording_path(config) : NULL;
        if (code == OK && !path) code = fault_set(&fault, ERR_NOMEM, "out of memory");
        if (code == OK) code = export_tick(path, number, policy, &fault);
        if (code < 0) print_fault(&fault);
    }
    recording_reader_close(reader);
    config_free(config);
    free(policy);
    free(path);
    return code < 0 ? 1 : 0;
}
