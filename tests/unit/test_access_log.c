/* Facts about access logs: the fields of a line, and lines counted in groups. */
#include "moontide/base/err.h"
#include "moontide/stats/access_scan.h"
#include "moontide/stats/cpu.h"
#include "support/alloc_fail.h"
#include "unit/contains.h"
#include "unit/file_fixture.h"

#include <math.h>

#define HEAD "https 2026-01-01T00:00:00.000001Z app/shop/50dc 192.0.2.7:2817 10.0.0.1:80 "
#define TAIL                                                                                       \
    "\"curl \\\"x\\\" y\" ECDHE TLSv1.3 "                                                          \
    "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/73e2 \"Root=1-1\" \"h\" \"-\" 0 "    \
    "2026-01-01T00:00:00.000000Z \"forward\" \"-\" \"-\""
#define LINE                                                                                       \
    HEAD "0.001 0.048 0.002 200 200 34 366 "                                                       \
         "\"GET https://shop.example.com:443/api/v1/users?page=2&x=/y HTTP/1.1\" " TAIL

static const char *parse(const char *text, struct access_line *out)
{
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1); /* so that a read past its end is seen */
    assert_non_null(exact);
    memcpy(exact, text, len);
    struct access_line copy;
    const char *why = access_line_parse(exact, len, &copy);
    if (!why) (void)access_target_group(&copy);
    free(exact);
    return why ? why : access_line_parse(text, len, out);
}

static void expect_slice(struct slice slice, const char *wanted)
{
    if (slice.len != strlen(wanted) || memcmp(slice.at, wanted, slice.len) != 0)
        fail_msg("%.*s, not %s", (int)slice.len, slice.at, wanted);
}

static void a_line_has_its_fields(void **state)
{
    struct access_line line;
    (void)state;
    assert_null(parse(LINE, &line));
    expect_slice(access_field(&line, ACCESS_TYPE), "https");
    expect_slice(access_field(&line, ACCESS_ELB), "app/shop/50dc");
    expect_slice(access_field(&line, ACCESS_TARGET), "10.0.0.1:80");
    expect_slice(access_field(&line, ACCESS_TARGET_TIME), "0.048");
    expect_slice(access_field(&line, ACCESS_SENT_BYTES), "366");
    expect_slice(line.method, "GET");
    expect_slice(line.path, "/api/v1/users");
    expect_slice(access_target_group(&line), "web");
}

static void requests_of_all_kinds_have_a_path(void **state)
{
    static const struct {
        const char *request, *method, *path;
    } cases[] = {
        {"GET http://h:80/ HTTP/1.1", "GET", "/"},
        {"GET http://h:80 HTTP/1.1", "GET", "-"},
        {"GET /plain?x HTTP/1.1", "GET", "/plain"},
        {"GET wss://h:443/ws/a b HTTP/1.1", "GET", "/ws/a b"},
        {"- http://h:80- -", "-", "-"},
        {"", "-", "-"},
        {"GET", "GET", "-"},
        {"GET http://", "GET", "-"},
        {"GET http://h/a\\\"b HTTP/1.1", "GET", "/a\\\"b"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[1000];
        struct access_line line;
        snprintf(text, sizeof text, HEAD "0 0 0 200 200 1 1 \"%s\" " TAIL, cases[i].request);
        assert_null(parse(text, &line));
        expect_slice(line.method, cases[i].method);
        expect_slice(line.path, cases[i].path);
    }
}

static void what_is_no_such_line_says_why(void **state)
{
    struct access_line line;
    (void)state;
    for (size_t len = 0; len < sizeof LINE - 1; len++) { /* cut anywhere: no read past the end */
        char text[sizeof LINE];
        memcpy(text, LINE, len);
        text[len] = '\0';
        const char *why = parse(text, &line);
        if (len < sizeof HEAD) assert_string_equal(why, "too few fields");
    }
    assert_contains(parse(HEAD "0 0 0 200 200 1 1 GET", &line), "no quoted request");
    assert_contains(parse(HEAD "0 0 0 200 200 1 1 \"GET / ", &line), "never closed");
}

/* ---- the levels of vector instructions ---- */

static void expect_same_slice(struct slice a, struct slice b, const char *line)
{
    if (a.len != b.len || memcmp(a.at, b.at, a.len) != 0)
        fail_msg("%.*s, not %.*s in %s", (int)b.len, b.at, (int)a.len, a.at, line);
}

static void expect_same_at_all_levels(const char *text)
{
    struct access_line plain, fast;
    enum cpu_level level = cpu_level();
    cpu_level_set(CPU_PORTABLE);
    const char *why_plain = parse(text, &plain);
    cpu_level_set(level);
    const char *why_fast = parse(text, &fast);
    if (why_plain != why_fast) fail_msg("%s, not %s: %s", why_fast, why_plain, text);
    if (why_plain) return;
    for (int i = 0; i < ACCESS_PLAIN_FIELDS; i++)
        expect_same_slice(access_field(&plain, (enum access_field)i),
                          access_field(&fast, (enum access_field)i), text);
    expect_same_slice(plain.method, fast.method, text);
    expect_same_slice(plain.path, fast.path, text);
    expect_same_slice(plain.rest, fast.rest, text);
}

/* Requests of the characters that matter, and of lengths around those of a vector. */
static void vectors_find_what_single_bytes_do(void **state)
{
    static const char *const parts[] = {" ",   "/", "\"",  "\\", "?",          ":",
                                        "://", "a", "GET", "  ", "/index/a/b", " HTTP/1.1"};
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char text[2000] = HEAD "0.001 0.048 0.002 200 200 34 366 \"";
        size_t n = strlen(text);
        if (i % 2) n += (size_t)sprintf(text + n, "GET https://h%0*d:443/p", i % 90, 0);
        for (int k = 0; k < i % 13; k++) {
            seed = seed * 1664525u + 1013904223u;
            const char *part = parts[(seed >> 16) % COUNT_OF(parts)];
            n += (size_t)sprintf(text + n, "%s%0*d", part, (int)(seed >> 28) * (i % 3), 0);
        }
        sprintf(text + n, " HTTP/1.1\" %s", i % 5 ? TAIL : "");
        expect_same_at_all_levels(text);
    }
    for (int i = 0; i < 300; i++) { /* fields of all lengths, and only spaces */
        char text[2000];
        sprintf(text, "h %0*d e %0*d 10.0.0.1:80 0 0 0 200 200 1 1 \"GET /x HTTP/1.1\" " TAIL, i, 0,
                i / 7, 0);
        expect_same_at_all_levels(text);
        sprintf(text, "%*s\"GET /x HTTP/1.1\" " TAIL, i, "");
        expect_same_at_all_levels(text);
    }
}

static void times_are_seconds_or_none(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"0.012", 0.012},
                 {"12.345", 12.345},
                 {"0", 0},
                 {"0.000", 0},
                 {"-1", ACCESS_NO_TIME},
                 {"-", ACCESS_NO_TIME},
                 {"-1.000", ACCESS_NO_TIME},
                 {"-2", ACCESS_BAD_TIME},
                 {"", ACCESS_BAD_TIME},
                 {"x", ACCESS_BAD_TIME},
                 {"1.2.3", ACCESS_BAD_TIME},
                 {"nan", ACCESS_BAD_TIME},
                 {"inf", ACCESS_BAD_TIME},
                 {".", ACCESS_BAD_TIME},
                 {"1e-3", 0.001},
                 {"3.", 3},
                 {"123456789012345678901.5", 123456789012345678901.5}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice text = {cases[i].text, strlen(cases[i].text)};
        if (access_seconds(text) != cases[i].seconds)
            fail_msg("%s: %.17g", cases[i].text, access_seconds(text));
    }
}

static void ids_in_a_path_collapse(void **state)
{
    static const char *const cases[][2] = {
        {"/users/42/orders", "/users/:id/orders"},
        {"/a/123e4567-e89b-12d3-a456-426614174000", "/a/:id"},
        {"/a/5f2b8c9d0e", "/a/:id"},
        {"/a/deadbeef/cafe", "/a/deadbeef/cafe"}, /* words */
        {"/v2/x", "/v2/x"},
        {"/a1b2", "/a1b2"},
        {"//", "//"},
        {"-", "-"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[100];
        size_t n = access_collapse_ids((struct slice){cases[i][0], strlen(cases[i][0])}, out, 100);
        expect_slice((struct slice){out, n}, cases[i][1]);
        char small[3];
        assert_true(
            access_collapse_ids((struct slice){cases[i][0], strlen(cases[i][0])}, small, 3) <= 3);
    }
}

/* ---- scans ---- */

static const struct access_options by_target_and_path = {.by = {KEY_TARGET, KEY_PATH},
                                                         .by_count = 2};

static void put_lines(const struct place *place, int count, int paths)
{
    FILE *file = fopen(place->file, "wb");
    assert_non_null(file);
    for (int i = 0; i < count; i++)
        fprintf(file,
                HEAD "0.001 %s 0.002 %d 200 34 10 \"GET http://h:80/p%d HTTP/1.1\" " TAIL "\n",
                i % 10 == 3 ? "-1"
                : i % 2     ? "0.1"
                            : "0.2",
                i % 10 == 4 ? 503 : 200, i % paths);
    fclose(file);
}

static struct access_scan *scan_file(const struct place *place,
                                     const struct access_options *options)
{
    const char *path = place->file;
    struct access_scan *scan;
    struct fault fault;
    if (access_scan_new(options, &path, 1, &scan, &fault) < 0) fail_msg("%s", fault.text);
    int code;
    while ((code = access_scan_step(scan, 1000, &fault)) > 0)
        assert_true(access_scan_done_bytes(scan) <= access_scan_total_bytes(scan));
    assert_int_equal(code, 0);
    assert_int_equal(access_scan_done_bytes(scan), access_scan_total_bytes(scan));
    return scan;
}

static void requests_are_counted_in_groups(void **state)
{
    put_lines(*state, 1000, 2);
    struct access_scan *scan = scan_file(*state, &by_target_and_path);
    const struct access_groups *groups = access_scan_groups(scan);
    assert_int_equal(access_scan_lines(scan), 1000);
    assert_int_equal(access_groups_count(groups), 2);
    expect_slice(access_group_key(groups, 0, 0), "10.0.0.1:80");
    expect_slice(access_group_key(groups, 1, 1), "/p1");
    struct access_summary even = access_group_summary(groups, 0);
    struct access_summary odd = access_group_summary(groups, 1);
    assert_int_equal(even.requests, 500);
    assert_int_equal(even.errors, 100);
    assert_int_equal(even.no_answer, 0);
    assert_int_equal(even.sent_bytes, 5000);
    assert_true(even.min_s == 0.2 && even.max_s == 0.2);
    assert_int_equal(odd.no_answer, 100);
    assert_true(fabs(odd.sum_s - 40) < 1e-9);
    double q = 0.5, found;
    assert_int_equal(access_group_quantiles(groups, 1, &q, 1, &found), OK);
    assert_true(fabs(found - 0.1) < 0.1 * 0.0055);
    struct access_summary all = access_groups_summary(groups);
    assert_int_equal(all.requests, 1000);
    assert_true(all.min_s == 0.1 && all.max_s == 0.2);
    access_scan_free(scan);
}

/* Thousandths wait in a short form, others in a long one: nothing of either is lost. */
static void times_of_all_kinds_are_exact(void **state)
{
    static const char *const texts[] = {"0.001", "0.0125", "32.767", "32.768",
                                        "0.000", "0.3e-7", "60.001", "123456.75",
                                        "0.017", "9.999",  "0.1",    "7"};
    struct place *place = *state;
    double sum = 0;
    FILE *file = fopen(place->file, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < 3001; i++) {
        const char *text = texts[(i + i / 100) % COUNT_OF(texts)];
        fprintf(file, HEAD "0.25 %s 0.5 200 200 34 10 \"GET http://h:80/p HTTP/1.1\" " TAIL "\n",
                text);
        sum += strtod(text, NULL);
    }
    fclose(file);
    struct access_scan *scan = scan_file(place, &by_target_and_path);
    struct access_summary all = access_group_summary(access_scan_groups(scan), 0);
    assert_true(all.requests == 3001 && all.sum_s == sum);
    assert_true(all.min_s == 0 && all.max_s == 123456.75);
    double q = 1, found;
    assert_int_equal(access_group_quantiles(access_scan_groups(scan), 0, &q, 1, &found), OK);
    assert_true(found == all.max_s);
    access_scan_free(scan);

    struct access_options total = by_target_and_path;
    total.value = VALUE_TOTAL;
    scan = scan_file(place, &total);
    assert_true(access_group_summary(access_scan_groups(scan), 0).min_s == 0.75);
    access_scan_free(scan);
}

/* Keys are compared in blocks: each length, and each place where two differ. */
static void paths_of_all_lengths_are_groups_of_their_own(void **state)
{
    enum { LONGEST = 130 };
    struct place *place = *state;
    FILE *file = fopen(place->file, "wb");
    assert_non_null(file);
    for (int round = 0; round < 3; round++)
        for (int len = 0; len < LONGEST; len++) {
            char path[LONGEST + 1];
            memset(path, 'a', sizeof path);
            path[len] = '\0';
            fprintf(file, HEAD "0 0.1 0 200 200 1 1 \"GET /%s HTTP/1.1\" " TAIL "\n", path);
            memset(path, 'a', sizeof path);
            path[len] = 'b';
            fprintf(file, HEAD "0 0.1 0 200 200 1 1 \"GET /%.*s HTTP/1.1\" " TAIL "\n", LONGEST,
                    path);
        }
    fclose(file);
    struct access_scan *scan = scan_file(place, &by_target_and_path);
    const struct access_groups *groups = access_scan_groups(scan);
    assert_int_equal(access_groups_count(groups), 2 * LONGEST);
    for (size_t i = 0; i < 2 * LONGEST; i++) {
        assert_int_equal(access_group_summary(groups, i).requests, 3);
        assert_int_equal(access_group_key(groups, i, 1).len, i % 2 ? LONGEST + 1 : i / 2 + 1);
    }
    access_scan_free(scan);
}

static void beyond_the_most_groups_the_rest_is_one(void **state)
{
    struct access_options options = by_target_and_path;
    options.groups_max = 300;
    put_lines(*state, 5000, 1000);
    struct access_scan *scan = scan_file(*state, &options);
    const struct access_groups *groups = access_scan_groups(scan);
    assert_int_equal(access_groups_count(groups), 301);
    assert_true(access_groups_full(groups));
    expect_slice(access_group_key(groups, 300, 1), "(other)");
    assert_int_equal(access_group_summary(groups, 300).requests, 3500);
    assert_int_equal(access_groups_summary(groups).requests, 5000);
    access_scan_free(scan);
}

static void any_field_may_be_the_key(void **state)
{
    static const char *const wanted[KEYS] = {"10.0.0.1:80", "/:id", "app/shop/50dc",
                                             "504",         "PUT",  "web"};
    static const char line[] = HEAD "-1 -1 -1 504 - 34 - \"PUT http://h/77?q HTTP/1.1\" " TAIL "\n";
    place_put(*state, line, sizeof line - 1);
    struct access_options options = {.by_count = KEYS, .collapse_ids = true};
    for (size_t i = 0; i < KEYS; i++)
        options.by[i] = (enum access_key)(KEYS - 1 - i);
    for (int value = 0; value < VALUES; value++) {
        options.value = (enum access_value)value;
        struct access_scan *scan = scan_file(*state, &options);
        for (size_t i = 0; i < KEYS; i++)
            expect_slice(access_group_key(access_scan_groups(scan), 0, i), wanted[KEYS - 1 - i]);
        struct access_summary summary = access_group_summary(access_scan_groups(scan), 0);
        assert_true(summary.no_answer == 1 && summary.errors == 1 && isnan(summary.max_s));
        access_scan_free(scan);
    }
}

static void broken_lines_are_named_and_passed_over(void **state)
{
    static const char text[] =
        LINE "\nnonsense \x01\n\n" HEAD "0 x 0 200 200 1 1 \"GET / -\"\n" HEAD
             "0 0 0 2x0 200 1 1 \"GET / -\"\n" HEAD "0 0 0 200 200 1 ? \"GET / -\"\n" LINE;
    place_put(*state, text, sizeof text - 1);
    struct access_scan *scan = scan_file(*state, &by_target_and_path);
    const struct broken_lines *broken = access_scan_broken(scan);
    assert_int_equal(broken->count, 4);
    assert_int_equal(broken->first[0].line, 2);
    assert_string_equal(broken->first[0].text, "nonsense ?");
    assert_string_equal(broken->first[0].why, "too few fields");
    assert_int_equal(broken->first[1].line, 4);
    assert_contains(broken->first[1].why, "time");
    assert_contains(broken->first[2].why, "status");
    assert_contains(broken->first[3].why, "bytes");
    assert_int_equal(access_groups_summary(access_scan_groups(scan)).requests, 2);
    access_scan_free(scan);
}

static void a_file_that_ends_early_is_named_and_counts(void **state)
{
    struct place *place = *state;
    put_lines(place, 20000, 50);
    size_t len;
    unsigned char *text = place_get(place, &len);
    place_put(place, "", 0);
    place_add_gz(place, (char *)text, len);
    free(text);
    unsigned char *bytes = place_get(place, &len);
    place_put(place, bytes, len / 2);
    free(bytes);
    struct access_scan *scan = scan_file(place, &by_target_and_path);
    const struct access_file *files = access_scan_files(scan, &len);
    assert_int_equal(len, 1);
    assert_contains(files[0].why, "ends early");
    assert_contains(files[0].why, place->file);
    assert_true(access_scan_lines(scan) > 1000 && access_scan_lines(scan) < 20000);
    assert_int_equal(access_scan_broken(scan)->count, 0);
    access_scan_free(scan);
}

static void a_file_that_is_not_there_is_told_at_once(void **state)
{
    struct place *place = *state;
    const char *paths[] = {place->file, "/nonexistent/log"};
    struct access_scan *scan;
    struct fault fault;
    place_put(place, "x", 1);
    assert_int_equal(access_scan_new(&by_target_and_path, paths, 2, &scan, &fault), ERR_NOT_FOUND);
    assert_contains(fault.text, "/nonexistent/log");
}

static void no_memory_is_an_error(void **state)
{
    struct place *place = *state;
    const char *path = place->file;
    put_lines(place, 1000, 300);
    for (unsigned n = 1;; n++) {
        struct access_scan *scan = NULL;
        double q = 0.9, found;
        alloc_fail_at(n);
        int code = access_scan_new(&by_target_and_path, &path, 1, &scan, NULL);
        while (code >= 0 && (code = access_scan_step(scan, 100000, NULL)) > 0)
            ;
        if (code == OK) code = access_groups_quantiles(access_scan_groups(scan), &q, 1, &found);
        bool failed = alloc_fail_done();
        if (code != (failed ? ERR_NOMEM : OK)) fail_msg("allocation %u: %d", n, code);
        access_scan_free(scan);
        if (!failed) break;
        assert_true(n < 5000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_fields),
        cmocka_unit_test(requests_of_all_kinds_have_a_path),
        cmocka_unit_test(what_is_no_such_line_says_why),
        cmocka_unit_test(vectors_find_what_single_bytes_do),
        cmocka_unit_test(times_are_seconds_or_none),
        cmocka_unit_test(ids_in_a_path_collapse),
        place_test(requests_are_counted_in_groups),
        place_test(times_of_all_kinds_are_exact),
        place_test(paths_of_all_lengths_are_groups_of_their_own),
        place_test(beyond_the_most_groups_the_rest_is_one),
        place_test(any_field_may_be_the_key),
        place_test(broken_lines_are_named_and_passed_over),
        place_test(a_file_that_ends_early_is_named_and_counts),
        place_test(a_file_that_is_not_there_is_told_at_once),
        place_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
