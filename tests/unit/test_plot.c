/* Facts about `plot`: what it takes for data, how values read, and what it refuses. How a whole
 * picture looks is in tests/integration/test_plot.py. */
#include "unit/script_fixture.h"

#include <stdlib.h>

/* Before a text that uses them: a drawing of 20 columns in ASCII, and a userdata with methods. */
#define DRAW  "local function draw(...) return plot.text(...) end "
#define SMALL "{ width = 20, height = 2, ascii = true }"
#define USERDATA                                                                                   \
    "local function userdata(methods) return debug.setmetatable(io.stderr, { __index = methods "   \
    "}) "                                                                                          \
    "end "

static void assert_echo(struct fixture *f, const char *text, const char *wanted)
{
    const char *got = fixture_echo(f, text);
    if (strcmp(got, wanted) != 0) fail_msg("%s gave %s", text, got);
}

static void values_read_as_people_write_them(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *call, *wanted;
    } cases[] = {
        {"0, 'ms'", "0 ms"},
        {"250, 'ms'", "250 ms"},
        {"1500, 'ms'", "1.5 s"},
        {"0.00025, 's'", "250 us"},
        {"90, 's'", "90 s"},
        {"600, 's'", "10 min"},
        {"10800, 's'", "3 h"},
        {"864000, 's'", "10 d"},
        {"1536, 'bytes'", "1.5 KiB"},
        {"2^31, 'bytes/s'", "2 GiB/s"},
        {"12345, 'count'", "12.3k"},
        {"35, 'percent'", "35 %"},
        {"-0.5", "-0.5"},
        {"2e6, 'Count/Second'", "2M/s"},
        {"7, 'tasks'", "7 tasks"},
        {"1500, 'Milliseconds'", "1.5 s"},
        {"1e-9, 'bytes'", "1e-09 B"},
        {"1e300", "1e+288T"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128], wanted[64];
        snprintf(text, sizeof text, "plot.label(%s)", cases[i].call);
        snprintf(wanted, sizeof wanted, "\"%s\"\n", cases[i].wanted);
        assert_echo(f, text, wanted);
    }
}

static void data_is_known_by_what_it_can_do(void **state)
{
    struct fixture *f = *state;
    assert_contains(fixture_echo(f, DRAW "return draw({ 1, 2 }, " SMALL
                                         ") == draw({ values = { 1, 2 } }, " SMALL ")"),
                    "true");
    assert_contains(fixture_echo(f, DRAW USERDATA
                                 "local v = userdata { values = function() return { 1, 2 } end } "
                                 "return draw(v, " SMALL ") == draw({ 1, 2 }, " SMALL ")"),
                    "true");
    assert_contains(
        fixture_echo(f, DRAW USERDATA
                     "local s = userdata { buckets = function() return { { low = 1, "
                     "high = 2, count = 7 } } end, quantile = function() return 1.5 end } "
                     "print(draw(s, { width = 40 }))"),
        "count 7   p50 1.5");
    assert_contains(fixture_echo(f, DRAW "print(draw({ b = { values = { 1 } }, a = { values = { 2 "
                                         "}, reason = 'late' } }, " SMALL "))"),
                    "* a   + b");
}

static void nothing_to_draw_is_said(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "plot {}", "no datapoints\n");
    assert_echo(f, "plot({ 0 / 0, 1 / 0 }, { title = 'cpu' })", "cpu: no datapoints\n");
    assert_echo(f, "plot.hist {}", "no datapoints\n");
    assert_echo(f, "plot({ -1, 0 }, { log = true })", "no datapoints\n");
    assert_contains(fixture_echo(f, "print(plot.svg_text {})"), "no datapoints");
    assert_echo(f, "print(plot.spark {})", "\n");
}

static void what_is_missing_is_a_gap(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "plot.spark({ 1, nil, 3, 0 / 0, 2 }, { ascii = true })", "\"_ @ +\"\n");
    /* two datapoints of five minutes are missing: the line breaks */
    assert_contains(
        fixture_echo(f, "local t = { 0, 300, 600, 900, 1800, 2100 } "
                        "local _, pieces = plot.svg_text({ 1, 2, 3, 4, 5, 6 }, { times = t }):gsub("
                        "'class=\"l', '') print(pieces)"),
        "2\n");
}

static void wrong_arguments_are_named_at_their_line(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *call, *said;
    } cases[] = {
        {"plot({ 1 }, { widht = 3 })",
         "stdin:1: plot: unknown option 'widht' (did you mean 'width'?)"},
        {"plot { values = { 1 }, tilte = 3 }", "did you mean 'title'?"},
        {"plot({ 1 }, { width = 'wide' })", "width must be a number, not a string"},
        {"plot({ 1 }, { width = 1 / 0 })", "width is not finite"},
        {"plot({ 1 }, { width = 1e9 })", "width is 2 to 1000"},
        {"plot({ 1 }, { height = 0 })", "height is 1 to 200"},
        {"plot()", "was expected"},
        {"plot('x')", "must be a list of numbers, not a string"},
        {"plot { 1, 'x' }", "value 2 is a string"},
        {"plot(io.stdout)", "no list of numbers"},
        {"plot({ 1, 2 }, { times = { 1 } })", "times: there is none for value 2"},
        {"plot({ 1, 2 }, { times = { 2, 1 } })", "times: the one of value 2 goes back"},
        {"plot({ 1 }, { min = 2, max = 1 })", "min is not below max"},
        {"plot({ 1 }, { log = true, min = 0 })", "logarithmic scale has no place"},
        {"plot({ 1 }, { band = { expected = { 1 } } })", "band needs `lower` and `upper`"},
        {"plot({ 1 }, { marks = { 2 } })", "there is no datapoint 2"},
        {"plot({ title = 'x' }, { 1 })", "options come last"},
        {"plot({ values = { 1 }, times = { 1 } }, { 1 })",
         "some series have times and others none"},
        {"plot.hist({ 1 }, { bins = 0 })", "bins is 1 to 200"},
        {"plot.svg({ 1 })", "the file's name was expected first"},
        {"plot.svg('/no/such/dir/x.svg', { 1 })", "No such file or directory"},
        {"plot.label('x')", "a number was expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "local _ = %s", cases[i].call);
        assert_contains(fixture_error(f, text), cases[i].said);
        assert_contains(f->error, "stdin:1: ");
    }
}

/* The lowest and the highest of a hundred thousand values can be seen in 80 columns. */
static void reduction_keeps_the_extremes(void **state)
{
    struct fixture *f = *state;
    const char *text = fixture_echo(
        f, "local v = {} for i = 1, 100000 do v[i] = 50 end v[77777] = 99 v[33333] = 1 "
           "local svg = plot.svg_text(v, { min = 0, max = 100, width = 400 }) "
           "local low, high = math.huge, -math.huge "
           "for y in svg:match('class=\"l c1\" d=\"([^\"]*)'):gmatch('[ML ][%d.]+ ([%d.]+)') do "
           "y = tonumber(y) low, high = math.min(low, y), math.max(high, y) end "
           "print(#svg < 60000, (high - low) / (300 - 12 - 28) > 0.97)");
    assert_string_equal(text, "true\ttrue\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(values_read_as_people_write_them),
        script_test(data_is_known_by_what_it_can_do),
        script_test(nothing_to_draw_is_said),
        script_test(what_is_missing_is_a_gap),
        script_test(wrong_arguments_are_named_at_their_line),
        script_test(reduction_keeps_the_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
