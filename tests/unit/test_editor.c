/* Facts about the line editor that its users in the program do not show: it can be closed while it
 * reads. What a person sees of it is in tests/integration/test_repl.py and test_repl_tmux.py. */
#include "moontide/app/editor.h"
#include "moontide/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>

enum { LIMIT_MS = 20000 };

struct session {
    struct loop *loop;
    struct editor *editor;
    struct loop_timer *guard;
    int kept[2]; /* standard input and output as they were */
    char lines[256];
    bool over, late;
    unsigned asked; /* the id of a completion that was asked for */
};

static void on_line(void *data, enum editor_event event, const char *line)
{
    struct session *s = data;
    size_t used = strlen(s->lines);
    snprintf(s->lines + used, sizeof s->lines - used, "%s|",
             event == EDITOR_LINE      ? line
             : event == EDITOR_DROPPED ? "(dropped)"
                                       : "(end)");
    s->over = event == EDITOR_END;
    if (!s->over) editor_ask(s->editor, "> ");
}

static void on_complete(void *data, unsigned id, const char *line, size_t len)
{
    struct session *s = data;
    (void)line;
    (void)len;
    s->asked = id; /* and is never answered */
}

static void on_late(void *data)
{
    struct session *s = data;
    s->guard = NULL;
    s->late = true;
}

/* Standard input, and output when that is a terminal, are fd for the time of the session. */
static void open_session(struct session *s, int fd)
{
    memset(s, 0, sizeof *s);
    fflush(stdout);
    for (int i = 0; i < 2; i++)
        s->kept[i] = dup(i);
    assert_true(dup2(fd, STDIN_FILENO) >= 0);
    if (isatty(fd)) assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    clearerr(stdin);
    assert_int_equal(loop_new(&s->loop), OK);
    assert_int_equal(loop_timer_start(s->loop, LIMIT_MS, on_late, s, &s->guard), OK);
    struct editor_options options = {
        .loop = s->loop, .on_line = on_line, .on_complete = on_complete, .data = s};
    assert_int_equal(editor_open(&options, &s->editor), OK);
    editor_ask(s->editor, "> ");
}

static void turn_until(struct session *s, const char *lines)
{
    while (strcmp(s->lines, lines) != 0) {
        if (s->late) fail_msg("'%s' did not come; there is '%s'", lines, s->lines);
        loop_turn(s->loop, true);
    }
}

static void close_session(struct session *s)
{
    editor_close(s->editor);
    loop_timer_cancel(s->guard);
    assert_int_equal(loop_free(s->loop), 0);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        assert_true(dup2(s->kept[i], i) >= 0);
        close(s->kept[i]);
    }
}

static void a_pipe_gives_its_lines_and_its_end(void **state)
{
    (void)state;
    struct session s;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "one\n\ntwo", 8), 8);
    close(ends[1]);
    open_session(&s, ends[0]);
    assert_false(editor_interactive(s.editor));
    turn_until(&s, "one||two|(end)|");
    close_session(&s);
    close(ends[0]);
}

static void it_can_be_closed_while_it_reads_a_pipe(void **state)
{
    (void)state;
    struct session s;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "one\n", 4), 4);
    open_session(&s, ends[0]);
    turn_until(&s, "one|");
    close_session(&s); /* the other end is open: nothing ends the read but this */
    close(ends[0]);
    close(ends[1]);
}

/* Until the editor has the terminal: keys that come before may wait for the end of their line. */
static void turn_until_edited(struct session *s, int fd)
{
    struct termios mode;
    while (tcgetattr(fd, &mode) == 0 && (mode.c_lflag & ICANON) && !s->late)
        loop_turn(s->loop, false);
    assert_false(s->late);
}

static void it_can_be_closed_while_a_line_is_edited(void **state)
{
    (void)state;
    struct session s;
    int master, slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    open_session(&s, slave);
    assert_true(editor_interactive(s.editor));
    turn_until_edited(&s, slave);
    assert_int_equal(write(master, "one\rtw", 6), 6);
    turn_until(&s, "one|");
    close_session(&s);
    close(slave);
    close(master);
}

static void it_can_be_closed_while_candidates_are_waited_for(void **state)
{
    (void)state;
    struct session s;
    int master, slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    open_session(&s, slave);
    turn_until_edited(&s, slave);
    assert_int_equal(write(master, "a\t", 2), 2);
    while (!s.asked && !s.late)
        loop_turn(s.loop, true);
    assert_true(s.asked);
    close_session(&s);
    close(slave);
    close(master);
}

/* Reads what the terminal shows until it has the text. */
static void expect_shown(struct session *s, int master, const char *text)
{
    char shown[8192] = "";
    size_t used = 0;
    while (!strstr(shown, text)) {
        struct pollfd fd = {.fd = master, .events = POLLIN};
        if (s->late) fail_msg("'%s' did not come; there is '%s'", text, shown);
        loop_turn(s->loop, false);
        if (poll(&fd, 1, 10) <= 0 || used + 1 >= sizeof shown) continue;
        ssize_t got = read(master, shown + used, sizeof shown - used - 1);
        if (got > 0) used += (size_t)got;
        shown[used] = '\0';
    }
}

static void what_is_shown_while_a_line_is_edited_stands_above_it(void **state)
{
    (void)state;
    struct session s;
    int master, slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    open_session(&s, slave);
    turn_until_edited(&s, slave);
    assert_int_equal(write(master, "half", 4), 4);
    expect_shown(&s, master, "half");
    editor_show(s.editor, "an event\n", 9);
    expect_shown(&s, master, "an event\r\n> half");
    assert_int_equal(write(master, " done\r", 6), 6);
    turn_until(&s, "half done|");
    close_session(&s);
    close(slave);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_gives_its_lines_and_its_end),
        cmocka_unit_test(it_can_be_closed_while_it_reads_a_pipe),
        cmocka_unit_test(it_can_be_closed_while_a_line_is_edited),
        cmocka_unit_test(it_can_be_closed_while_candidates_are_waited_for),
        cmocka_unit_test(what_is_shown_while_a_line_is_edited_stands_above_it),
    };
    setenv("NO_COLOR", "1", 1); /* so that what is shown can be compared */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
