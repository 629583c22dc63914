/* aws/trace.c - shows messages with their secrets blanked.
 *
 * The body readers here are lenient scanners, not parsers: what they show may be cut off or
 * malformed, which is when somebody wants to see it. In doubt they blank more. */
#include "trace.h"

#include "moontide/base/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct trace {
    const char **names; /* shape: names[count], of the model */
    size_t count, cap;
};

/* ---- which names are secret ---- */

static bool sensitive(const struct member *member)
{
    const struct shape *shape = member->shape;
    return shape->sensitive || (shape->item && shape->item->shape->sensitive);
}

static int add_name(struct trace *trace, const char *name)
{
    for (size_t i = 0; i < trace->count; i++)
        if (strcmp(trace->names[i], name) == 0) return OK;
    if (trace->count == trace->cap) {
        size_t cap = trace->cap ? trace->cap * 2 : 16;
        const char **grown = realloc(trace->names, cap * sizeof *grown);
        if (!grown) return ERR_NOMEM;
        trace->names = grown;
        trace->cap = cap;
    }
    trace->names[trace->count++] = name;
    return OK;
}

/* Members that are still to be looked into; each is pushed once. */
struct walk {
    const struct member **stack;
    size_t depth;
    unsigned char *seen; /* by member.index */
};

static void push(struct walk *walk, const struct member *member)
{
    if (!member || walk->seen[member->index]) return;
    walk->seen[member->index] = 1;
    walk->stack[walk->depth++] = member;
}

static void push_shape(struct walk *walk, const struct shape *shape)
{
    if (!shape) return;
    for (uint32_t i = 0; i < shape->member_count; i++)
        push(walk, &shape->members[i]);
    push(walk, shape->item);
    push(walk, shape->key);
}

static int collect(struct trace *trace, const struct model *model, struct walk *walk)
{
    int code = OK;
    for (uint32_t i = 0; i < model->operation_count; i++) {
        push_shape(walk, model->operations[i].input);
        push_shape(walk, model->operations[i].output);
        while (walk->depth > 0 && code == OK) {
            const struct member *member = walk->stack[--walk->depth];
            if (sensitive(member)) code = add_name(trace, member->location_name);
            push_shape(walk, member->shape);
        }
    }
    return code;
}

int trace_new(const struct model *model, struct trace **out)
{
    struct trace *trace = calloc(1, sizeof *trace);
    struct walk walk = {
        .stack = calloc(model->member_count + 1u, sizeof *walk.stack),
        .seen = calloc(model->member_count + 1u, 1),
    };
    int code = trace && walk.stack && walk.seen ? collect(trace, model, &walk) : ERR_NOMEM;
    free(walk.stack);
    free(walk.seen);
    if (code < 0)
        trace_free(trace);
    else
        *out = trace;
    return code;
}

void trace_free(struct trace *trace)
{
    if (!trace) return;
    free(trace->names);
    free(trace);
}

static bool holds(const char *name, size_t len, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= len; i++)
        if (strncasecmp(name + i, part, n) == 0) return true;
    return false;
}

bool trace_is_secret(const struct trace *trace, const char *name, size_t len)
{
    static const char *const parts[] = {"secret",    "password",   "passwd",     "passphrase",
                                        "token",     "credential", "authoriz",   "signature",
                                        "accesskey", "access-key", "privatekey", "private-key",
                                        "api-key",   "apikey",     "cookie"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (holds(name, len, parts[i])) return true;
    for (size_t i = 0; i < trace->count; i++)
        if (strlen(trace->names[i]) == len && strncasecmp(trace->names[i], name, len) == 0)
            return true;
    return false;
}

/* ---- heads ---- */

static void add_blank(struct strbuf *out)
{
    strbuf_adds(out, "***");
}

/* Of A.member.1.B each part counts. */
static bool is_secret_path(const struct trace *trace, const char *at, size_t len)
{
    for (size_t begin = 0, i = 0; i <= len; i++) {
        if (i < len && at[i] != '.') continue;
        if (trace_is_secret(trace, at + begin, i - begin)) return true;
        begin = i + 1;
    }
    return false;
}

/* name=value&..., of a query or a form. */
static void add_form(const struct trace *trace, struct strbuf *out, const char *at, size_t len)
{
    const char *end = at + len;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (!stop) stop = end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (equals && is_secret_path(trace, at, (size_t)(equals - at))) {
            strbuf_add(out, at, (size_t)(equals + 1 - at));
            add_blank(out);
        } else {
            strbuf_add(out, at, (size_t)(stop - at));
        }
        if (stop < end) strbuf_addc(out, '&');
        at = stop < end ? stop + 1 : end;
    }
}

void trace_url(const struct trace *trace, struct strbuf *out, const char *url)
{
    size_t len = strcspn(url, "?");
    strbuf_add(out, url, len);
    if (!url[len]) return;
    strbuf_addc(out, '?');
    add_form(trace, out, url + len + 1, strlen(url + len + 1));
}

void trace_header(const struct trace *trace, struct strbuf *out, const char *name,
                  const char *value)
{
    static const char scheme[] = "AWS4-HMAC-SHA256 ";
    strbuf_addf(out, "%s: ", name);
    const char *signature = strstr(value, "Signature=");
    if (strncmp(value, scheme, sizeof scheme - 1) == 0 && signature) {
        strbuf_add(out, value, (size_t)(signature - value) + strlen("Signature="));
        add_blank(out);
    } else if (trace_is_secret(trace, name, strlen(name))) {
        add_blank(out);
    } else {
        strbuf_adds(out, value);
    }
}

/* ---- bodies ---- */

static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < end) at++;
    return at < end ? at + 1 : end;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* Past one value; past all of it when it never ends. */
static const char *value_end(const char *at, const char *end)
{
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) return at;
            depth--;
            at++;
        } else if (*at == ',' && depth == 0) {
            return at;
        } else {
            at++;
            continue;
        }
        if (depth == 0) return at;
    }
    return end;
}

static void add_json(const struct trace *trace, struct strbuf *out, const char *at, size_t len)
{
    const char *end = at + len;
    while (at < end && out->len < TRACE_BYTES_MAX / 2) {
        if (*at != '"') {
            strbuf_addc(out, *at++);
            continue;
        }
        const char *after = string_end(at, end), *colon = skip_space(after, end);
        strbuf_add(out, at, (size_t)(after - at));
        bool key = colon < end && *colon == ':';
        bool secret = key && trace_is_secret(trace, at + 1, (size_t)(after - at - 2));
        at = after;
        if (!secret) continue;
        strbuf_adds(out, ":\"***\"");
        at = value_end(skip_space(colon + 1, end), end);
    }
}

/* <Secret>...</Secret>: what is between is left out, whatever it is. */
static void add_xml(const struct trace *trace, struct strbuf *out, const char *at, size_t len)
{
    const char *end = at + len;
    while (at < end && out->len < TRACE_BYTES_MAX / 2) {
        const char *open = memchr(at, '<', (size_t)(end - at));
        if (!open) open = end;
        strbuf_add(out, at, (size_t)(open - at));
        const char *close = open < end ? memchr(open, '>', (size_t)(end - open)) : NULL;
        if (!close) return;
        strbuf_add(out, open, (size_t)(close + 1 - open));
        at = close + 1;
        size_t name = strcspn(open + 1, " \t\r\n/>");
        if (open[1] == '/' || close[-1] == '/' || !trace_is_secret(trace, open + 1, name)) continue;
        add_blank(out);
        while (at < end && !((size_t)(end - at) > name + 2 && at[0] == '<' && at[1] == '/' &&
                             memcmp(at + 2, open + 1, name) == 0 && at[2 + name] == '>'))
            at++;
    }
}

static bool is_form(const char *body, size_t len)
{
    for (size_t i = 0; i < len && body[i] != '='; i++)
        if (body[i] <= ' ' || body[i] == '{' || body[i] == '<') return false;
    return len > 0 && memchr(body, '=', len) != NULL;
}

static bool is_text(const char *body, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)body[i] < ' ' && !strchr("\r\n\t", body[i])) || body[i] == 127 ||
            body[i] == '\0')
            return false;
    return true;
}

void trace_body(const struct trace *trace, struct strbuf *out, const char *body, size_t len)
{
    size_t begin = out->len;
    const char *at = len ? skip_space(body, body + len) : body;
    bool text = len > 0 && is_text(body, len);
    if (text && at < body + len && (*at == '{' || *at == '['))
        add_json(trace, out, body, len);
    else if (text && at < body + len && *at == '<')
        add_xml(trace, out, body, len);
    else if (text && is_form(body, len))
        add_form(trace, out, body, len);
    else if (len > 0)
        strbuf_addf(out, "(%zu bytes)", len);
    if (out->len - begin <= TRACE_BODY_MAX) return;
    out->len = begin + TRACE_BODY_MAX;
    out->data[out->len] = '\0';
    strbuf_adds(out, "...");
}
