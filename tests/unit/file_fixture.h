/* unit/file_fixture.h - one file in a directory of its own, plain or gzip, for tests of readers. */
#ifndef MOONTIDE_TESTS_FILE_FIXTURE_H
#define MOONTIDE_TESTS_FILE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

struct place {
    char dir[64], file[80];
};

static inline int place_open(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place) return -1;
    snprintf(place->dir, sizeof place->dir, "/tmp/moontide-XXXXXX");
    if (!mkdtemp(place->dir)) return -1;
    snprintf(place->file, sizeof place->file, "%s/file", place->dir);
    *state = place;
    return 0;
}

static inline int place_close(void **state)
{
    struct place *place = *state;
    remove(place->file);
    int rc = rmdir(place->dir); /* fails when a test left anything else */
    free(place);
    return rc;
}

static inline void place_put(const struct place *place, const void *bytes, size_t len)
{
    FILE *file = fopen(place->file, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Appends a gzip member of text. */
static inline void place_add_gz(const struct place *place, const char *text, size_t len)
{
    gzFile file = gzopen(place->file, "ab6");
    assert_non_null(file);
    if (len) assert_int_equal(gzwrite(file, text, (unsigned)len), (int)len);
    assert_int_equal(gzclose(file), Z_OK);
}

/* The bytes of the file; free() them. */
static inline unsigned char *place_get(const struct place *place, size_t *len)
{
    FILE *file = fopen(place->file, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *len = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, file), *len);
    fclose(file);
    return bytes;
}

#define place_test(name) cmocka_unit_test_setup_teardown(name, place_open, place_close)

#endif
