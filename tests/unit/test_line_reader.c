/* Facts about the lines of a file. */
#include "moontide/base/line_reader.h"
#include "support/alloc_fail.h"
#include "unit/contains.h"
#include "unit/file_fixture.h"

static struct line_reader *open_reader(const struct place *place)
{
    struct line_reader *reader;
    struct fault fault;
    if (line_reader_open(place->file, &reader, &fault) != OK) fail_msg("%s", fault.text);
    return reader;
}

static void expect_line(struct line_reader *reader, const char *wanted)
{
    const char *line;
    size_t len;
    assert_int_equal(line_next(reader, &line, &len, NULL), LINE_WHOLE);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(line, wanted, len);
}

static void expect_end(struct line_reader *reader)
{
    const char *line;
    size_t len;
    assert_int_equal(line_next(reader, &line, &len, NULL), LINE_END);
    assert_int_equal(line_next(reader, &line, &len, NULL), LINE_END);
    line_reader_close(reader);
}

static void put_and_expect_none(const struct place *place, const char *text)
{
    place_put(place, text, strlen(text));
    expect_end(open_reader(place));
}

static void lines_end_with_a_newline_or_the_file(void **state)
{
    put_and_expect_none(*state, "");
    place_put(*state, "one\n\ntwo\r\nthree", 15);
    struct line_reader *reader = open_reader(*state);
    expect_line(reader, "one");
    expect_line(reader, "");
    expect_line(reader, "two");
    expect_line(reader, "three");
    assert_int_equal(line_reader_number(reader), 4);
    expect_end(reader);
}

/* Lines of every length around a block's end, in several blocks. */
static void lines_cross_blocks(void **state)
{
    enum { LINES = 4000 };
    struct place *place = *state;
    FILE *file = fopen(place->file, "wb");
    assert_non_null(file);
    for (int i = 0; i < LINES; i++)
        fprintf(file, "%d:%*s\n", i, i % 997, "x");
    fclose(file);
    struct line_reader *reader = open_reader(place);
    for (int i = 0; i < LINES; i++) {
        char wanted[1200];
        snprintf(wanted, sizeof wanted, "%d:%*s", i, i % 997, "x");
        expect_line(reader, wanted);
    }
    assert_int_equal(line_reader_text_bytes(reader), gz_total_bytes(line_reader_file(reader)));
    expect_end(reader);
}

static void put_long(const struct place *place, size_t before, size_t len)
{
    char *text = malloc(before + len + 5);
    assert_non_null(text);
    memset(text, 'a', before + len);
    if (before) text[before - 1] = '\n';
    text[before] = 'b';
    memcpy(text + before + len, "\nend\n", 5);
    place_put(place, text, before + len + 5);
    free(text);
}

static void a_line_beyond_the_longest_is_told_with_its_beginning(void **state)
{
    static const size_t befores[] = {0, 1, 100, GZ_BLOCK_BYTES - 1, GZ_BLOCK_BYTES};
    for (size_t i = 0; i < COUNT_OF(befores); i++) {
        for (size_t more = 0; more < 2; more++) {
            put_long(*state, befores[i], LINE_BYTES_MAX + more * 3000000);
            struct line_reader *reader = open_reader(*state);
            const char *line;
            size_t len;
            if (befores[i]) assert_int_equal(line_next(reader, &line, &len, NULL), LINE_WHOLE);
            assert_int_equal(line_next(reader, &line, &len, NULL),
                             more ? LINE_TOO_LONG : LINE_WHOLE);
            assert_int_equal(len, more ? LINE_HEAD_BYTES : LINE_BYTES_MAX);
            assert_memory_equal(line, "baaa", 4);
            expect_line(reader, "end");
            expect_end(reader);
        }
    }
}

static void the_line_that_an_early_end_cuts_is_not_given(void **state)
{
    size_t size;
    place_add_gz(*state, "12345\n67890\n", 12);
    unsigned char *bytes = place_get(*state, &size);
    place_put(*state, bytes, size - 12); /* cut within the second line */
    free(bytes);
    struct line_reader *reader = open_reader(*state);
    const char *line;
    size_t len;
    int code, lines = 0;
    struct fault fault;
    while ((code = line_next(reader, &line, &len, &fault)) > 0) {
        assert_int_equal(len, 5);
        lines++;
    }
    assert_int_equal(code, ERR_CORRUPT);
    assert_true(lines <= 1);
    assert_contains(fault.text, "ends early");
    line_reader_close(reader);
}

static void no_memory_is_an_error(void **state)
{
    put_long(*state, 100, GZ_BLOCK_BYTES);
    for (unsigned n = 1;; n++) {
        struct line_reader *reader = NULL;
        const char *line;
        size_t len;
        alloc_fail_at(n);
        struct place *place = *state;
        int code = line_reader_open(place->file, &reader, NULL);
        while (code >= 0 && (code = line_next(reader, &line, &len, NULL)) > 0)
            ;
        bool failed = alloc_fail_done();
        assert_int_equal(code, failed ? ERR_NOMEM : 0);
        line_reader_close(reader);
        if (!failed) break;
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        place_test(lines_end_with_a_newline_or_the_file),
        place_test(lines_cross_blocks),
        place_test(a_line_beyond_the_longest_is_told_with_its_beginning),
        place_test(the_line_that_an_early_end_cuts_is_not_given),
        place_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
