/* tick/compare_text.c - a difference in words, and as JSON. */
#include "moontide/tick/compare.h"

#include <string.h>

enum { FIELD_TEXT_MAX = 1024 };

const char *const difference_names[] = {"issue", "recommendation", "decision", "unknown",
                                        "error", "target",         NULL};
const char *const side_names[] = {"changed", "removed", "added", NULL};

/* Texts of policies may have line ends, and a line has none. */
static void add_line(struct strbuf *out, const char *text)
{
    size_t len = strlen(text);
    bool cut = len > FIELD_TEXT_MAX;
    if (cut) len = FIELD_TEXT_MAX;
    while (cut && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--; /* no half of a character */
    for (size_t i = 0; i < len; i++)
        strbuf_addc(out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    if (cut) strbuf_adds(out, "...");
}

void difference_print(const struct difference *difference, struct strbuf *out)
{
    strbuf_addf(out, "%c %s", "~-+"[difference->side], difference_names[difference->what]);
    if (difference->subject[0]) strbuf_addc(out, ' ');
    add_line(out, difference->subject);
    if (difference->text[0] || difference->field_count) strbuf_adds(out, ": ");
    add_line(out, difference->text);
    for (uint32_t i = 0; i < difference->field_count; i++) {
        const struct difference_field *field = &difference->fields[i];
        strbuf_addf(out, "%s%s ", i ? ", " : "", field->name);
        add_line(out, field->before ? field->before : "(none)");
        strbuf_adds(out, " -> ");
        add_line(out, field->after ? field->after : "(none)");
    }
}

void difference_json(const struct difference *difference, struct json_writer *w)
{
    json_object(w);
    json_key(w, "difference");
    json_string(w, side_names[difference->side]);
    json_key(w, "what");
    json_string(w, difference_names[difference->what]);
    json_key(w, "subject");
    json_string(w, difference->subject);
    if (difference->side != DIFFERENCE_CHANGED) {
        json_key(w, "text");
        json_string(w, difference->text);
    } else {
        json_key(w, "fields");
        json_array(w);
        for (uint32_t i = 0; i < difference->field_count; i++) {
            const struct difference_field *field = &difference->fields[i];
            json_object(w);
            json_key(w, "field");
            json_string(w, field->name);
            json_key(w, "before");
            json_string(w, field->before);
            json_key(w, "after");
            json_string(w, field->after);
            json_object_end(w);
        }
        json_array_end(w);
    }
    json_object_end(w);
}
