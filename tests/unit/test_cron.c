/* Facts about cron text, after crontab(5). */
#include "moontide/base/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SUN, MON, TUE, WED, THU, FRI, SAT };

static struct cron parsed(const char *text)
{
    struct cron cron;
    struct fault fault;
    if (cron_parse(text, &cron, &fault) != OK) fail_msg("'%s' is refused: %s", text, fault.text);
    return cron;
}

static void a_text_fits_the_times_that_crontab_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int month, day, weekday, hour, minute;
        bool fits;
    } rows[] = {
        {"* * * * *", 2, 29, THU, 23, 59, true},
        {"5 0 * * *", 7, 1, MON, 0, 5, true}, /* the examples of crontab(5) */
        {"5 0 * * *", 7, 1, MON, 0, 6, false},
        {"15 14 1 * *", 3, 1, SUN, 14, 15, true},
        {"15 14 1 * *", 3, 2, MON, 14, 15, false},
        {"0 22 * * 1-5", 3, 2, MON, 22, 0, true},
        {"0 22 * * 1-5", 3, 1, SUN, 22, 0, false},
        {"23 0-23/2 * * *", 3, 1, SUN, 12, 23, true},
        {"23 0-23/2 * * *", 3, 1, SUN, 13, 23, false},
        {"5 4 * * sun", 3, 1, SUN, 4, 5, true},
        {"30 4 1,15 * 5", 3, 1, SUN, 4, 30, true}, /* either of two restricted days */
        {"30 4 1,15 * 5", 3, 6, FRI, 4, 30, true},
        {"30 4 1,15 * 5", 3, 7, SAT, 4, 30, false},
        {"0 4 8-14 * *", 3, 14, SAT, 4, 0, true},
        {"0 0 */2 * 1", 3, 3, MON, 0, 0, true}, /* "*" at the front restricts nothing: both */
        {"0 0 */2 * 1", 3, 2, MON, 0, 0, false},
        {"0 0 */2 * 1", 3, 3, TUE, 0, 0, false},
        {"0 0 13 * */5", 3, 13, FRI, 0, 0, true},
        {"0 0 13 * */5", 3, 13, SAT, 0, 0, false},
        {"0 0 * * 7", 3, 1, SUN, 0, 0, true},
        {"0 0 * * 0", 3, 1, SUN, 0, 0, true},
        {"0 0 * * 5-7", 3, 1, SUN, 0, 0, true},
        {"0 0 * * 5-7", 3, 2, MON, 0, 0, false},
        {"0 0 * * fri-sun", 3, 7, SAT, 0, 0, true},
        {"0 0 * * fri-sun", 3, 1, SUN, 0, 0, true},
        {"0 0 * * fri-sun", 3, 5, THU, 0, 0, false},
        {"0 0 * JAN,mAr *", 3, 1, SUN, 0, 0, true},
        {"0 0 * jan-feb *", 3, 1, SUN, 0, 0, false},
        {"*/15 * * * *", 3, 1, SUN, 0, 45, true},
        {"*/15 * * * *", 3, 1, SUN, 0, 50, false},
        {"10-40/15,59 * * * *", 3, 1, SUN, 0, 25, true},
        {"10-40/15,59 * * * *", 3, 1, SUN, 0, 59, true},
        {"10-40/15,59 * * * *", 3, 1, SUN, 0, 55, false},
        {"0 0 29 2 *", 2, 29, THU, 0, 0, true},
        {" \t0  9 *\t* 1-5 ", 3, 2, MON, 9, 0, true},
        {"@hourly", 3, 2, MON, 9, 0, true},
        {"@hourly", 3, 2, MON, 9, 1, false},
        {"@daily", 3, 2, MON, 0, 0, true},
        {"@midnight", 3, 2, MON, 1, 0, false},
        {"@weekly", 3, 1, SUN, 0, 0, true},
        {"@weekly", 3, 2, MON, 0, 0, false},
        {"@Monthly", 3, 1, SUN, 0, 0, true},
        {"@yearly", 1, 1, THU, 0, 0, true},
        {"@annually", 2, 1, SUN, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cron cron = parsed(rows[i].text);
        if (cron_matches(&cron, rows[i].month, rows[i].day, rows[i].weekday, rows[i].hour,
                         rows[i].minute) != rows[i].fits)
            fail_msg("'%s', row %zu", rows[i].text, i);
    }
}

static void what_is_no_cron_text_is_refused_with_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "must have five fields"},
        {"* * * *", "must have five fields"},
        {"* * * * * *", "more than five"},
        {"@reboot", "@hourly"},
        {"@hourly x", "five fields"},
        {"60 * * * *", "minute is '60'; it must be of 0 to 59"},
        {"* 24 * * *", "hour is '24'; it must be of 0 to 23"},
        {"* * 0 * *", "day of month is '0'; it must be of 1 to 31"},
        {"* * * 13 *", "month is '13'; it must be of 1 to 12 or jan to dec"},
        {"* * * * 8", "day of week is '8'; it must be of 0 to 7 or sun to sat"},
        {"-1 * * * *", "minute"},
        {"5- * * * *", "minute"},
        {"5-1 * * * *", "minute"},
        {"1,,2 * * * *", "minute"},
        {"1, * * * *", "minute"},
        {"*/0 * * * *", "minute"},
        {"*/ * * * *", "minute"},
        {"5/2 * * * *", "minute"},
        {"*5 * * * *", "minute"},
        {"1.5 * * * *", "minute"},
        {"99999999999999999999 * * * *", "minute"},
        {"*/99999999999999999999 * * * *", "minute"},
        {"* * * mon *", "month"},
        {"* * * * mond", "day of week"},
        {"* * * * mon-", "day of week"},
        {"0 0 30 2 *", "never comes"},
        {"0 0 31 4,6 *", "never comes"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cron cron;
        struct fault fault;
        if (cron_parse(rows[i].text, &cron, &fault) != ERR_INVALID) fail_msg("'%s'", rows[i].text);
        if (!strstr(fault.text, rows[i].part)) fail_msg("'%s': %s", rows[i].text, fault.text);
    }
}

static void an_endless_field_is_refused(void **state)
{
    (void)state;
    char text[5000];
    struct cron cron;
    memset(text, ',', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(cron_parse(text, &cron, NULL), ERR_INVALID);
    memset(text, '1', sizeof text - 1);
    assert_int_equal(cron_parse(text, &cron, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_fits_the_times_that_crontab_says),
        cmocka_unit_test(what_is_no_cron_text_is_refused_with_the_field),
        cmocka_unit_test(an_endless_field_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
