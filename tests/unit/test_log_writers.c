/* Facts about where else the log goes: a rotated file, and the local syslog. */
#include "moontide/base/clock.h"
#include "moontide/base/err.h"
#include "moontide/base/fs.h"
#include "moontide/base/log.h"
#include "moontide/base/log_file.h"
#include "moontide/base/log_syslog.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE = 67 /* {"at":"2026-01-31T12:00:00.123Z","level":"info","event":"e","n":10} */ };

struct house {
    char dir[64], path[256], text[65536];
    FILE *stream;
    char *said;
    size_t said_len;
    struct clock clock;
};

static int setup(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    if (!h) return -1;
    snprintf(h->dir, sizeof h->dir, "/tmp/moontide-log-XXXXXX");
    if (!mkdtemp(h->dir) || !(h->stream = open_memstream(&h->said, &h->said_len))) return -1;
    snprintf(h->path, sizeof h->path, "%s/m.log", h->dir);
    clock_init_manual(&h->clock, 1769860800123); /* 2026-01-31T12:00:00.123Z */
    log_open(h->stream, LOG_WARN, LOG_JSON, false, &h->clock);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct house *h = *state;
    char command[128];
    log_close_writers();
    log_open(NULL, LOG_OFF, LOG_TEXT, false, NULL);
    fclose(h->stream);
    free(h->said);
    snprintf(command, sizeof command, "rm -rf '%s'", h->dir);
    int status = system(command);
    free(h);
    return status;
}

static void open_file(struct house *h, const char *path, int64_t max_bytes, int keep,
                      enum log_level level)
{
    struct fault fault = {0};
    struct log_writer *writer = NULL;
    const struct log_file_options options = {
        .path = path ? path : h->path, .max_bytes = max_bytes, .keep = keep, .level = level};
    if (log_file_open(&options, &writer, &fault) < 0) fail_msg("%s", fault.text);
    log_add_writer(writer);
}

/* The text of the file with that number; NULL: there is none. */
static const char *text_of(struct house *h, int number)
{
    char name[300], *text = NULL;
    size_t len = 0;
    struct fault fault;
    snprintf(name, sizeof name, number ? "%s.%d" : "%s", h->path, number);
    if (fs_read_file(name, sizeof h->text - 1, &text, &len, &fault) < 0) return NULL;
    memcpy(h->text, text, len + 1);
    free(text);
    return h->text;
}

static void say(int from, int to)
{
    for (int i = from; i <= to; i++)
        log_event(LOG_INFO, "e", LOG_I("n", i));
}

static void assert_numbers(const char *text, int from, int to)
{
    char line[128];
    assert_non_null(text);
    for (int i = from; i <= to; i++) {
        snprintf(
            line, sizeof line,
            "{\"at\":\"2026-01-31T12:00:00.123Z\",\"level\":\"info\",\"event\":\"e\",\"n\":%d}\n",
            i);
        assert_int_equal(strncmp(text, line, strlen(line)), 0);
        text += strlen(line);
    }
    assert_string_equal(text, "");
}

static void a_file_gets_whole_json_lines_in_order(void **state)
{
    struct house *h = *state;
    open_file(h, NULL, 0, 0, LOG_INFO);
    say(1, 50);
    assert_numbers(text_of(h, 0), 1, 50);
    fflush(h->stream);
    assert_string_equal(h->said, ""); /* whose level is warn */
}

static void each_writer_has_a_level_of_its_own(void **state)
{
    struct house *h = *state;
    assert_false(log_enabled(LOG_DEBUG));
    open_file(h, NULL, 0, 0, LOG_ERROR);
    assert_false(log_enabled(LOG_INFO));
    char other[128];
    snprintf(other, sizeof other, "%s/debug.log", h->dir);
    open_file(h, other, 0, 0, LOG_DEBUG);
    assert_true(log_enabled(LOG_DEBUG));
    say(1, 3);
    assert_string_equal(text_of(h, 0), "");
    snprintf(h->path, sizeof h->path, "%s", other);
    assert_numbers(text_of(h, 0), 1, 3);
}

static void a_full_file_is_renamed_and_a_new_one_begun(void **state)
{
    struct house *h = *state;
    open_file(h, NULL, 5 * (LINE + 1), 2, LOG_INFO);
    say(10, 14);
    assert_null(text_of(h, 1));
    say(15, 15);
    assert_numbers(text_of(h, 1), 10, 14);
    assert_numbers(text_of(h, 0), 15, 15);
}

static void so_many_old_files_are_kept(void **state)
{
    struct house *h = *state;
    open_file(h, NULL, 5 * (LINE + 1), 2, LOG_INFO);
    say(10, 31);
    assert_numbers(text_of(h, 0), 30, 31);
    assert_numbers(text_of(h, 1), 25, 29);
    assert_numbers(text_of(h, 2), 20, 24);
    assert_null(text_of(h, 3));
}

static void none_is_kept_when_none_is_to_be(void **state)
{
    struct house *h = *state;
    open_file(h, NULL, 5 * (LINE + 1), 0, LOG_INFO);
    say(10, 16);
    assert_numbers(text_of(h, 0), 15, 16);
    assert_null(text_of(h, 1));
}

static void a_file_of_before_counts(void **state)
{
    struct house *h = *state;
    open_file(h, NULL, 5 * (LINE + 1), 2, LOG_INFO);
    say(10, 13);
    log_close_writers();
    open_file(h, NULL, 5 * (LINE + 1), 2, LOG_INFO);
    say(14, 15);
    assert_numbers(text_of(h, 1), 10, 14);
    assert_numbers(text_of(h, 0), 15, 15);
}

static void a_line_that_is_longer_than_a_file_has_one_of_its_own(void **state)
{
    struct house *h = *state;
    open_file(h, NULL, 10, 3, LOG_INFO);
    say(10, 12);
    assert_numbers(text_of(h, 2), 10, 10);
    assert_numbers(text_of(h, 1), 11, 11);
    assert_numbers(text_of(h, 0), 12, 12);
}

static void reopening_follows_somebody_elses_rename(void **state)
{
    struct house *h = *state;
    char moved[300];
    snprintf(moved, sizeof moved, "%s.1", h->path);
    open_file(h, NULL, 0, 0, LOG_INFO);
    say(1, 2);
    assert_int_equal(rename(h->path, moved), 0);
    say(3, 3);
    log_reopen();
    say(4, 4);
    assert_numbers(text_of(h, 1), 1, 3);
    assert_numbers(text_of(h, 0), 4, 4);
}

static void what_cannot_be_rotated_is_appended_to(void **state)
{
    struct house *h = *state;
    char taken[300];
    snprintf(taken, sizeof taken, "%s.1", h->path);
    assert_int_equal(mkdir(taken, 0700), 0); /* a file is not renamed over a directory */
    open_file(h, NULL, 5 * (LINE + 1), 1, LOG_INFO);
    say(10, 18);
    assert_numbers(text_of(h, 0), 10, 18);
    fflush(h->stream);
    assert_non_null(strstr(h->said, "\"event\":\"log.rotate_failed\""));
    assert_null(strstr(strstr(h->said, "log.rotate_failed") + 1, "log.rotate_failed"));
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void a_full_device_is_said_once_and_counted(void **state)
{
    struct house *h = *state;
    open_file(h, "/dev/full", 1000, 3, LOG_INFO);
    say(1, 100);
    fflush(h->stream);
    assert_int_equal(times(h->said, "log.sink_failed"), 1);
    assert_non_null(strstr(h->said, "\"sink\":\"file\",\"error\":\"No space left on device\""));
}

static void a_full_disk_leaves_whole_lines_and_is_over_when_there_is_room(void **state)
{
    struct house *h = *state;
    struct rlimit before, small;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGXFSZ, &ignore, &old);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 3 * (LINE + 1) + 20;
    open_file(h, NULL, 0, 0, LOG_INFO);
    setrlimit(RLIMIT_FSIZE, &small);
    say(10, 17);
    setrlimit(RLIMIT_FSIZE, &before);
    sigaction(SIGXFSZ, &old, NULL);
    assert_numbers(text_of(h, 0), 10, 12);
    fflush(h->stream);
    assert_int_equal(times(h->said, "log.sink_failed"), 1);
    log_set_level(LOG_INFO);
    say(13, 13);
    assert_numbers(text_of(h, 0), 10, 13);
    fflush(h->stream);
    assert_non_null(
        strstr(h->said, "\"event\":\"log.sink_resumed\",\"sink\":\"file\",\"dropped\":5}"));
}

static void a_path_that_cannot_be_opened_is_refused(void **state)
{
    struct house *h = *state;
    struct fault fault = {0};
    struct log_writer *writer = NULL;
    const struct log_file_options options = {.path = h->dir};
    assert_int_equal(log_file_open(&options, &writer, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, h->dir));
    assert_non_null(strstr(fault.text, "Is a directory"));
}

/* ---- syslog ---- */

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static const char *receive(struct house *h, int fd)
{
    ssize_t n = recv(fd, h->text, sizeof h->text - 1, 0);
    h->text[n < 0 ? 0 : n] = '\0';
    return n < 0 ? NULL : h->text;
}

static void open_syslog(const char *path, const char *ident, int facility)
{
    struct fault fault = {0};
    struct log_writer *writer = NULL;
    const struct log_syslog_options options = {
        .path = path, .ident = ident, .facility = facility, .level = LOG_DEBUG};
    if (log_syslog_open(&options, &writer, &fault) < 0) fail_msg("%s", fault.text);
    log_add_writer(writer);
}

static void a_syslog_line_is_what_the_c_library_sends(void **state)
{
    struct house *h = *state;
    char head[128];
    setenv("TZ", "UTC", 1);
    int fd = listen_at(h->path);
    open_syslog(h->path, NULL, 3);
    say(1, 1);
    snprintf(head, sizeof head, "<30>Jan 31 12:00:00 moontide[%ld]: {\"at\":", (long)getpid());
    const char *got = receive(h, fd);
    assert_non_null(got);
    assert_int_equal(strncmp(got, head, strlen(head)), 0);
    assert_non_null(strstr(got, "\"event\":\"e\",\"n\":1}"));
    assert_int_equal(got[strlen(got) - 1], '}');
    close(fd);
}

static void facility_and_level_make_the_priority(void **state)
{
    struct house *h = *state;
    static const struct {
        enum log_level level;
        const char *priority;
    } cases[] = {
        {LOG_DEBUG, "<135>"}, {LOG_INFO, "<134>"}, {LOG_WARN, "<132>"}, {LOG_ERROR, "<131>"}};
    int fd = listen_at(h->path);
    open_syslog(h->path, "watch", 16);
    assert_string_equal(log_facilities[16], "local0");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        log_event(cases[i].level, "e", LOG_I("n", 1));
        const char *got = receive(h, fd);
        assert_non_null(got);
        assert_int_equal(strncmp(got, cases[i].priority, 5), 0);
        assert_non_null(strstr(got, " watch["));
    }
    close(fd);
}

static void a_reader_that_does_not_read_costs_lines_and_never_time(void **state)
{
    struct house *h = *state;
    int fd = listen_at(h->path);
    open_syslog(h->path, NULL, 3);
    say(1, 100000); /* more than any queue holds */
    fflush(h->stream);
    assert_int_equal(times(h->said, "log.sink_failed"), 1);
    int got = 0;
    while (receive(h, fd))
        got++;
    assert_in_range(got, 1, 99999);
    log_set_level(LOG_INFO);
    char dropped[64];
    say(1, 1);
    snprintf(dropped, sizeof dropped, "\"log.sink_resumed\",\"sink\":\"syslog\",\"dropped\":%d}",
             100000 - got);
    fflush(h->stream);
    assert_non_null(strstr(h->said, dropped));
    close(fd);
}

static void a_reader_that_was_started_again_is_found(void **state)
{
    struct house *h = *state;
    open_syslog(h->path, NULL, 3);
    say(1, 1); /* nobody is there yet */
    int fd = listen_at(h->path);
    say(2, 2);
    assert_non_null(strstr(receive(h, fd), "\"n\":2}"));
    close(fd);
    fd = listen_at(h->path);
    say(3, 3);
    assert_non_null(strstr(receive(h, fd), "\"n\":3}"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_gets_whole_json_lines_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(each_writer_has_a_level_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_file_is_renamed_and_a_new_one_begun, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(so_many_old_files_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(none_is_kept_when_none_is_to_be, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_before_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_is_longer_than_a_file_has_one_of_its_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(reopening_follows_somebody_elses_rename, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_rotated_is_appended_to, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_device_is_said_once_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_full_disk_leaves_whole_lines_and_is_over_when_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_cannot_be_opened_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_syslog_line_is_what_the_c_library_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(facility_and_level_make_the_priority, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_does_not_read_costs_lines_and_never_time,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_was_started_again_is_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
