/* Facts about one column of CSV. */
#include "moontide/stats/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the column is in one line; "(none)" when it has no such column. */
static void expect(const char *line, size_t wanted, const char *field)
{
    struct csv csv;
    csv_init(&csv, ',', wanted);
    assert_int_equal(csv_line(&csv, line, strlen(line)), CSV_ROW);
    if (!csv.found) {
        assert_string_equal(field, "(none)");
        return;
    }
    if (csv.len != strlen(field) || memcmp(csv.field, field, csv.len) != 0)
        fail_msg("%s: %.*s, not %s", line, (int)csv.len, csv.field, field);
}

static void fields_are_cut_at_separators(void **state)
{
    (void)state;
    expect("a,b,c", 0, "a");
    expect("a,b,c", 2, "c");
    expect("a,,c", 1, "");
    expect("a,b,", 2, "");
    expect("a,b", 2, "(none)");
    expect("", 0, "");
    expect(" a\t, b ,c", 0, "a");
    expect(" a\t, b ,c", 1, "b");
}

static void quotes_hide_separators(void **state)
{
    (void)state;
    expect("\"a,b\",c", 0, "a,b");
    expect("\"a,b\",c", 1, "c");
    expect("\"say \"\"x, y\"\"\",2", 1, "2");
    expect(" \"12\" ,3", 0, "12");
    expect("\"\",3", 0, "");
    expect("6\" pipe,3", 0, "6\" pipe");
}

static void a_quoted_field_may_have_line_ends(void **state)
{
    struct csv csv;
    (void)state;
    csv_init(&csv, ';', 2);
    assert_int_equal(csv_line(&csv, "1;\"two", 6), CSV_MORE);
    assert_int_equal(csv_line(&csv, "lines; \"\"x", 10), CSV_MORE);
    assert_int_equal(csv_line(&csv, "\";42;x", 6), CSV_ROW);
    assert_true(csv.found && csv.len == 2 && memcmp(csv.field, "42", 2) == 0);
    assert_int_equal(csv_line(&csv, "1;2;3", 5), CSV_ROW);
    assert_true(csv.found && csv.len == 1 && csv.field[0] == '3');
}

static void a_quote_that_stays_open_is_given_up(void **state)
{
    struct csv csv;
    (void)state;
    csv_init(&csv, ',', 0);
    assert_int_equal(csv_line(&csv, "\"x", 2), CSV_MORE);
    for (int i = 2; i < CSV_ROW_LINES_MAX; i++)
        assert_int_equal(csv_line(&csv, "x", 1), CSV_MORE);
    assert_int_equal(csv_line(&csv, "x", 1), CSV_OPEN);
    assert_int_equal(csv_line(&csv, "7", 1), CSV_ROW);
    assert_true(csv.len == 1 && csv.field[0] == '7');
}

static void a_long_field_keeps_its_length(void **state)
{
    static char line[CSV_FIELD_MAX * 2];
    struct csv csv;
    (void)state;
    memset(line, '1', sizeof line);
    csv_init(&csv, ',', 0);
    assert_int_equal(csv_line(&csv, line, sizeof line), CSV_ROW);
    assert_int_equal(csv.len, sizeof line);
}

static void a_column_is_found_by_name(void **state)
{
    static const char header[] = "time, latency ,\"a, b\"";
    (void)state;
    assert_int_equal(csv_find(header, sizeof header - 1, ',', "time"), 0);
    assert_int_equal(csv_find(header, sizeof header - 1, ',', "latency"), 1);
    assert_int_equal(csv_find(header, sizeof header - 1, ',', "a, b"), 2);
    assert_int_equal(csv_find(header, sizeof header - 1, ',', "late"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_cut_at_separators),
        cmocka_unit_test(quotes_hide_separators),
        cmocka_unit_test(a_quoted_field_may_have_line_ends),
        cmocka_unit_test(a_quote_that_stays_open_is_given_up),
        cmocka_unit_test(a_long_field_keeps_its_length),
        cmocka_unit_test(a_column_is_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
