/* unit/script_fixture.h - a script state on a loop of its own, with what it printed and how it
 * ended. The teardown fails on any handle that was left open. */
#ifndef MOONTIDE_TESTS_SCRIPT_FIXTURE_H
#define MOONTIDE_TESTS_SCRIPT_FIXTURE_H

#include "moontide/base/clock.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/script.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/contains.h"

enum { FIXTURE_LIMIT_MS = 20000, FIXTURE_NOW_S = 1767225600 /* 2026-01-01T00:00:00Z */ };

struct fixture {
    struct loop *loop;
    struct http *http;
    struct clock clock;
    struct host host;
    struct script *script;
    struct strbuf out;
    bool done, late;
    int code, exit_status;
    char error[8192];
    struct loop_timer *guard;
};

__attribute__((unused)) static void fixture_print(void *data, const char *text, size_t len)
{
    strbuf_add(data, text, len);
}

__attribute__((unused)) static void fixture_done(void *data, const struct script_result *result)
{
    struct fixture *f = data;
    f->done = true;
    f->code = result->code;
    f->exit_status = result->exit_status;
    snprintf(f->error, sizeof f->error, "%s", result->error ? result->error : "");
}

__attribute__((unused)) static void fixture_late(void *data)
{
    struct fixture *f = data;
    f->guard = NULL;
    f->late = true;
}

__attribute__((unused)) static void fixture_open(struct fixture *f)
{
    *f = (struct fixture){.exit_status = -1};
    strbuf_init(&f->out, 1 << 20);
    clock_init_manual(&f->clock, (int64_t)FIXTURE_NOW_S * 1000);
    assert_int_equal(loop_new(&f->loop), OK);
    assert_int_equal(http_new(f->loop, NULL, &f->http), OK);
    f->host =
        (struct host){.loop = f->loop, .http = f->http, .clock = &f->clock, .world_name = "test"};
    struct script_options options = {
        .host = &f->host, .print = fixture_print, .data = &f->out, .width = 60};
    assert_int_equal(script_new(&options, &f->script), OK);
}

__attribute__((unused)) static void fixture_close(struct fixture *f)
{
    loop_timer_cancel(f->guard);
    script_free(f->script);
    http_free(f->http);
    strbuf_done(&f->out);
    assert_int_equal(loop_free(f->loop), 0);
}

/* Forgets the last run; the next one has FIXTURE_LIMIT_MS. */
__attribute__((unused)) static void fixture_begin(struct fixture *f)
{
    strbuf_reset(&f->out);
    f->done = f->late = false;
    loop_timer_cancel(f->guard);
    assert_int_equal(loop_timer_start(f->loop, FIXTURE_LIMIT_MS, fixture_late, f, &f->guard), OK);
}

__attribute__((unused)) static void fixture_wait(struct fixture *f)
{
    while (!f->done && !f->late)
        loop_turn(f->loop, true);
    if (!f->done) fail_msg("it did not end");
}

/* Runs a chunk to its end, as the REPL does. */
__attribute__((unused)) static void fixture_run(struct fixture *f, const char *text)
{
    bool incomplete;
    fixture_begin(f);
    assert_int_equal(script_run_text(f->script, text, strlen(text), "=stdin", true, &incomplete,
                                     fixture_done, f),
                     OK);
    fixture_wait(f);
}

/* What the chunk echoes and prints. */
__attribute__((unused)) static const char *fixture_echo(struct fixture *f, const char *text)
{
    fixture_run(f, text);
    if (f->code != OK) fail_msg("%s: %s", text, f->error);
    return strbuf_cstr(&f->out);
}

__attribute__((unused)) static const char *fixture_error(struct fixture *f, const char *text)
{
    fixture_run(f, text);
    if (f->code == OK) fail_msg("%s: no error, but %s", text, strbuf_cstr(&f->out));
    return f->error;
}

__attribute__((unused)) static int fixture_setup(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

__attribute__((unused)) static int fixture_teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

#define script_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
