/* app/console_send.c - the lines that a console's client is sent. */
#include "console_server.h"

#include <unistd.h>

struct json_writer line_begin(struct session *session, bool with_id, int64_t id)
{
    struct json_writer w;
    strbuf_reset(&session->out);
    json_writer_init(&w, &session->out);
    json_object(&w);
    if (with_id) {
        json_key(&w, "id");
        json_int(&w, id);
    }
    return w;
}

void line_send(struct session *session, struct json_writer *w)
{
    json_object_end(w);
    if (strbuf_status(&session->out) == OK)
        wire_send(session->wire, strbuf_cstr(&session->out), session->out.len);
}

void send_done(struct session *session, int64_t id, const char *error)
{
    struct json_writer w = line_begin(session, true, id);
    json_key(&w, "done");
    json_bool(&w, true);
    if (error) json_put_string(&w, "error", error);
    line_send(session, &w);
}

void send_event(struct session *session, const char *event, const char *text)
{
    struct json_writer w = line_begin(session, false, 0);
    json_put_string(&w, "event", event);
    json_put_string(&w, "text", text);
    line_send(session, &w);
}

static void count_policies(void *data, const struct policy_status *policy)
{
    (void)policy;
    ++*(int64_t *)data;
}

void send_hello(struct session *session)
{
    const struct instance *instance = session->consoles->options.instance;
    struct json_writer w = line_begin(session, false, 0);
    int64_t policies = 0;
    engine_each_policy(instance->engine, count_policies, &policies);
    json_put_string(&w, "event", "hello");
    json_put_string(&w, "version", MOONTIDE_VERSION);
    json_key(&w, "pid");
    json_int(&w, (int64_t)getpid());
    json_put_string(&w, "world", instance->world->name);
    json_key(&w, "policies");
    json_int(&w, policies);
    json_key(&w, "write");
    json_bool(&w, session->hello.write);
    line_send(session, &w);
}
