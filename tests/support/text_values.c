/* support/text_values.c - a value_writer that writes JSON text. */
#include "text_values.h"

#include "moontide/aws/model.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static struct text_values *of(struct value_writer *w)
{
    return (struct text_values *)w;
}

static void begin_table(struct value_writer *w, size_t list_hint, size_t field_hint, bool list)
{
    struct text_values *values = of(w);
    (void)list_hint;
    (void)field_hint;
    assert(values->depth < (int)COUNT_OF(values->list));
    values->list[values->depth++] = list;
    if (list)
        json_array(&values->json);
    else
        json_object(&values->json);
}

static void end_table(struct value_writer *w)
{
    struct text_values *values = of(w);
    assert(values->depth > 0);
    if (values->list[--values->depth])
        json_array_end(&values->json);
    else
        json_object_end(&values->json);
}

static void key(struct value_writer *w, const struct member *member, const char *name, size_t len)
{
    char text[256];
    assert(len < sizeof text);
    assert(!member || (strcmp(member->name, name) == 0 && strlen(name) == len));
    memcpy(text, name, len);
    text[len] = '\0';
    json_key(&of(w)->json, text);
}

static void put_null(struct value_writer *w)
{
    json_null(&of(w)->json);
}

static void boolean(struct value_writer *w, bool value)
{
    json_bool(&of(w)->json, value);
}

static void integer(struct value_writer *w, int64_t value)
{
    json_int(&of(w)->json, value);
}

static void number(struct value_writer *w, double value)
{
    struct strbuf text;
    strbuf_init(&text, 64);
    strbuf_add_double(&text, value);
    if (isfinite(value) && !strpbrk(strbuf_cstr(&text), ".e")) strbuf_adds(&text, ".0");
    json_raw(&of(w)->json, strbuf_cstr(&text), text.len);
    strbuf_done(&text);
}

static void string(struct value_writer *w, const char *text, size_t len)
{
    json_stringn(&of(w)->json, text, len);
}

static const struct value_writer_vtable vtable = {.begin_table = begin_table,
                                                  .end_table = end_table,
                                                  .key = key,
                                                  .null = put_null,
                                                  .boolean = boolean,
                                                  .integer = integer,
                                                  .number = number,
                                                  .string = string};

void text_values_init(struct text_values *values)
{
    values->writer.vtable = &vtable;
    values->depth = 0;
    strbuf_init(&values->text, 64 << 20);
    json_writer_init(&values->json, &values->text);
}

void text_values_reset(struct text_values *values)
{
    values->depth = 0;
    strbuf_reset(&values->text);
    json_writer_init(&values->json, &values->text);
}

void text_values_done(struct text_values *values)
{
    strbuf_done(&values->text);
}
