/* stats/access_key.h - what tells the groups of an access log apart: some fields of a line, one
 * behind the other, each after its length.
 *
 * Rule 1: a key goes on with zeros to the end of a block, and may be read as far. */
#ifndef MOONTIDE_STATS_ACCESS_KEY_H
#define MOONTIDE_STATS_ACCESS_KEY_H

#include "moontide/stats/access_groups.h"

enum {
    KEY_BLOCK = 32, /* keys are copied, hashed and compared so many bytes at a time */
    KEY_BYTES = KEYS * (ACCESS_KEY_BYTES_MAX + 2) + KEY_BLOCK,
};

static inline size_t key_whole(size_t len)
{
    return (len + KEY_BLOCK - 1) / KEY_BLOCK * KEY_BLOCK;
}

/* Each writes to key[KEY_BYTES] and returns the length without the zeros. */
size_t key_of_line(const struct access_options *options, const struct access_line *line, char *key);
size_t key_of_name(const struct access_options *options, const char *name, char *key);

uint64_t key_hash(const char *key, size_t len);
bool keys_equal(const char *a, const char *b, size_t len);
/* The by-th field. */
struct slice key_field(const char *key, size_t by);

#endif
