/* aws/model.c - what is asked of a model that is loaded, and its names in snake_case. */
#include "moontide/aws/model.h"

#include "model_build.h"
#include "model_hash.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct model *model_retain(struct model *model)
{
    ((struct model_box *)model)->references++;
    return model;
}

void model_release(struct model *model)
{
    struct model_box *box = (struct model_box *)model;
    if (!box || --box->references > 0) return;
    model_release(box->base);
    arena_done(&box->arena);
    free(box);
}

const struct operation *model_operation(const struct model *model, const char *name)
{
    size_t low = 0, high = model->operation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(model->operations[middle].snake, name);
        if (order == 0) return &model->operations[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (!isupper((unsigned char)name[0])) return NULL;
    for (size_t i = 0; i < model->operation_count; i++)
        if (strcmp(model->operations[i].name, name) == 0) return &model->operations[i];
    return NULL;
}

const struct waiter *model_waiter(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->waiter_count; i++) {
        const struct waiter *waiter = &model->waiters[i];
        if (strcmp(waiter->snake, name) == 0 || strcmp(waiter->name, name) == 0) return waiter;
    }
    return NULL;
}

const struct member *shape_member(const struct shape *shape, const char *name, size_t len)
{
    if (shape->type != SHAPE_STRUCTURE) return NULL;
    for (uint32_t at = name_hash(name, len);; at++) {
        uint32_t slot = shape->by_name[at & shape->slot_mask];
        if (!slot) return NULL;
        const struct member *m = &shape->members[slot - 1];
        if (m->name_len == len && memcmp(m->name, name, len) == 0) return m;
    }
}

const struct member *shape_wire_member(const struct shape *shape, const char *name, size_t len)
{
    if (shape->type != SHAPE_STRUCTURE) return NULL;
    for (uint32_t at = name_hash(name, len);; at++) {
        uint32_t slot = shape->by_location_name[at & shape->slot_mask];
        if (!slot) return NULL;
        const struct member *m = &shape->members[slot - 1];
        if (m->location_name_len == len && memcmp(m->location_name, name, len) == 0) return m;
    }
}

/* snake_case after botocore's xform_name(): a plural of an acronym at the end is one word ("ARNs");
 * a word begins at a capital that a small letter follows, and at one after a small letter or a
 * digit. What botocore keeps as special cases are the names with these words in them. */

static const char *const whole_words[] = {"iSCSI", "HITs", "PartiQL", "OAuth2", "WhatsApp", "OTel"};

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static size_t whole_word_at(const char *at)
{
    for (size_t i = 0; i < COUNT_OF(whole_words); i++) {
        size_t len = strlen(whole_words[i]);
        if (strncmp(at, whole_words[i], len) == 0 && !is_small(at[len])) return len;
    }
    return 0;
}

/* Where a plural acronym (two capitals at least, and an s) begins that ends the name; else len. */
static size_t plural_at_end(const char *name, size_t len)
{
    if (len == 0 || name[len - 1] != 's') return len;
    size_t at = len - 1;
    while (at > 0 && is_capital(name[at - 1]))
        at--;
    return len - 1 - at >= 2 ? at : len;
}

static bool word_begins(const char *name, size_t i)
{
    if (i == 0 || !is_capital(name[i])) return false;
    char before = name[i - 1];
    return is_small(name[i + 1]) || is_small(before) || (before >= '0' && before <= '9');
}

void snake_case(const char *name, char out[SNAKE_MAX])
{
    size_t len = strlen(name), n = 0;
    bool as_it_is = strchr(name, '_') != NULL;
    size_t plural = plural_at_end(name, len), word_end = 0;
    for (size_t i = 0; i < len && n + 2 < SNAKE_MAX; i++) {
        if (as_it_is) {
            out[n++] = name[i];
            continue;
        }
        size_t word = i >= word_end ? whole_word_at(name + i) : 0;
        bool begins = word > 0 || i == plural || i == word_end ||
                      (i > word_end && i < plural && word_begins(name, i));
        if (begins && i > 0) out[n++] = '_';
        if (word > 0) word_end = i + word;
        out[n++] = is_capital(name[i]) ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    out[n] = '\0';
}
