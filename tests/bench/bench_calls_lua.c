/* bench/bench_calls_lua.c - signed calls as a script makes them: as many functions at once as calls
 * are to be under way, by async.all(), each of which calls client:describe_services() again and
 * again and looks at the result. */
#include "bench_calls.h"

#include "moontide/base/clock.h"
#include "moontide/bind/script.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lua_calls {
    struct loop *loop;
    struct clock clock;
    struct host host;
    struct script *script;
};

static void on_done(void *data, const struct script_result *result)
{
    struct lua_calls *c = data;
    if (result->code != OK) calls_die(result->error);
    loop_stop(c->loop);
}

static void run_text(struct lua_calls *c, const char *text)
{
    bool incomplete;
    if (script_run_text(c->script, text, strlen(text), "=bench", false, &incomplete, on_done, c) <
        0)
        calls_die("the script cannot be run");
    (void)loop_run(c->loop);
}

struct lua_calls *lua_calls_new(const struct calls *calls, struct loop *loop, struct http *http)
{
    struct lua_calls *c = calloc(1, sizeof *c);
    char text[1024];
    if (!c) calls_die("out of memory");
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    c->loop = loop;
    c->host = (struct host){.loop = loop, .http = http, .clock = &c->clock, .world_name = "bench"};
    struct script_options options = {.host = &c->host};
    if (script_new(&options, &c->script) < 0) calls_die("no script state");
    snprintf(text, sizeof text,
             "local ecs = aws.client('ecs', {region = 'eu-west-1', endpoint = '%s',\n"
             "  credentials = {access_key_id = 'AKIDEXAMPLE',\n"
             "                 secret_access_key = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'}})\n"
             "function run(calls)\n"
             "  local left, workers = calls, {}\n"
             "  local function worker()\n"
             "    while left > 0 do\n"
             "      left = left - 1\n"
             "      local r = ecs:describe_services {cluster = 'gm-tool-production',\n"
             "                                       services = {'api'}}\n"
             "      assert(r.services[1].desiredCount == 2)\n"
             "    end\n"
             "  end\n"
             "  for i = 1, %d do workers[i] = worker end\n"
             "  async.all(workers)\n"
             "end",
             calls->url, calls->at_once);
    run_text(c, text);
    return c;
}

void lua_calls_run(struct lua_calls *c, int count)
{
    char text[32];
    snprintf(text, sizeof text, "run(%d)", count);
    run_text(c, text);
}

void lua_calls_free(struct lua_calls *c)
{
    if (!c) return;
    script_free(c->script);
    free(c);
}
