"""`moontide repl` as a person at a terminal sees it: on a pty, by the keys they press."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import termios
import time

import support

PROMPT, MORE = "moontide> ", ">> "
UP, TAB, CTRL_C, CTRL_D, CTRL_R = "\x1b[A", "\t", "\x03", "\x04", "\x12"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\([A-Z]|\x07")


class Terminal:
    """A program on a pty of 100 columns."""

    def __init__(self, arguments, directory, environment):
        pid, self.fd = pty.fork()
        if pid == 0:
            try:
                os.chdir(directory)
                os.execve(arguments[0], arguments, environment)
            finally:
                os._exit(127)
        self.pid, self.text, self.exit_status = pid, "", None
        self.attributes = termios.tcgetattr(self.fd)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def _receive(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def screen(self):
        """What came since the last expect(), without escapes."""
        return ESCAPES.sub("", self.text)

    def expect(self, pattern, seconds=support.DEADLINE_S):
        """Waits for the pattern in what came since the last expect(); gives all that came until its end."""
        end, going = time.monotonic() + seconds, True
        while True:
            found = re.search(pattern, self.screen())
            if found:
                shown = self.screen()
                self.text = shown[found.end():]  # what is behind the match is for the next one
                return shown[:found.end()]
            if not going or time.monotonic() > end:
                raise AssertionError(f"{pattern!r} did not come; the screen has {self.screen()[-1500:]!r}")
            going = self._receive(0.1)

    def send(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        self.send(text + "\r")

    def wait(self):
        """Reads on until the program ends; its exit status, or -signal."""
        def ended():
            self._receive(0)
            if self.exit_status is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.exit_status = os.waitstatus_to_exitcode(status)
            return self.exit_status is not None
        support.wait_until(ended, f"the end; the screen has {self.screen()[-1500:]!r}")
        return self.exit_status

    def close(self):
        if self.exit_status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


class Repl(support.Case):
    def setUp(self):
        self.dir = self.project()
        self.home = tempfile.mkdtemp(prefix="moontide-home-")
        self.addCleanup(shutil.rmtree, self.home)

    def repl(self, **extra):
        environment = support.clean_environment(HOME=self.home, TERM="xterm", **extra)
        environment.pop("XDG_STATE_HOME", None)
        terminal = Terminal([str(support.MOONTIDE), "repl", "--world", "sim"], self.dir.path, environment)
        self.addCleanup(terminal.close)
        terminal.expect(PROMPT)
        return terminal

    def says(self, terminal, line, pattern):
        """Enters a line; the pattern comes, and then the prompt."""
        terminal.line(line)
        shown = terminal.expect(pattern) + terminal.expect(PROMPT)
        return shown


class Reading(Repl):
    def test_an_expression_is_echoed_by_the_pretty_printer(self):
        t = self.repl()
        self.says(t, "6 * 7", r"\n42\r\n")
        self.says(t, "'a', nil, true", r'\n"a"\s+nil\s+true\r\n')
        self.says(t, "{ b = { 1, 2 }, a = 'x' }", r'\n\{ a = "x", b = \{ 1, 2 \} \}\r\n')
        shown = self.says(t, "x = {} for i = 1, 20 do x = { x } end return x", r"\.\.\.")  # its depth is bounded
        self.assertLess(len(shown), 2000)
        shown = self.says(t, "do local t = {} for i = 1, 1e5 do t[i] = i end return t end", r"\.\.\.|more")
        self.assertLess(len(shown), 20000)

    def test_variables_stay_and_statements_say_nothing(self):
        t = self.repl()
        self.says(t, "answer = 42", "")
        self.says(t, "answer + 1", r"\n43\r\n")

    def test_an_incomplete_statement_goes_on(self):
        t = self.repl()
        t.line("for i = 1, 2 do")
        t.expect(MORE)
        t.line("print('number ' .. i)")
        t.expect(MORE)
        self.says(t, "end", r"\nnumber 1\r\nnumber 2\r\n")
        t.line("('x'):rep(")
        t.expect(MORE)
        self.says(t, "3)", r'\n"xxx"\r\n')

    def test_an_error_comes_with_its_traceback_and_harms_nothing(self):
        t = self.repl()
        self.says(t, "local function deep() error('boom') end deep()", r"boom[\s\S]*traceback[\s\S]*in .*deep")
        self.says(t, "x = = 1", "unexpected symbol|syntax|near")
        self.says(t, "error({ code = 7 })", "7|table")
        self.says(t, "1 + 1", r"\n2\r\n")

    def test_text_of_any_script_can_be_typed(self):
        t = self.repl()
        self.says(t, "print(#'안녕', '안녕')", r"\n6\t* *안녕\r\n")

    def test_modules_and_waiting_calls(self):
        t = self.repl()
        self.says(t, "json.encode { 1, 2 }", r"\[1,2\]")
        self.says(t, "async.sleep(0.01) return 'woke'", r'\n"woke"\r\n')
        self.says(t, "require('lib.performance').metrics ~= nil", r"\ntrue\r\n")


class Editing(Repl):
    def test_tab_completes_globals_fields_and_methods(self):
        t = self.repl()
        t.send("jso" + TAB + ".enc" + TAB)
        self.says(t, " { 1 }", r"\[1\]")
        self.says(t, "word = 'abc'", "")
        t.send("word:upp" + TAB)
        self.says(t, "()", r'\n"ABC"\r\n')
        self.says(t, "place = { city = { name = 'Seoul' } }", "")
        t.send("place.ci" + TAB + ".na" + TAB)
        self.says(t, "", r'\n"Seoul"\r\n')

    def test_several_candidates_are_listed(self):
        t = self.repl()
        t.send("string.re" + TAB)
        t.expect(r"rep\s+reverse")
        t.expect(re.escape(PROMPT + "string.re"))  # and the line stands again
        t.send("v" + TAB)
        self.says(t, "('ab')", r'\n"ba"\r\n')

    def test_history_outlives_the_session(self):
        t = self.repl()
        self.says(t, "first = 4711", "")
        self.says(t, "second = 4712", "")
        t.send(CTRL_D)
        self.assertEqual(t.wait(), 0)
        path = os.path.join(self.home, ".moontide_history")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        t = self.repl()
        t.send(UP)
        t.expect("second = 4712")
        t.send(UP)
        t.expect("first")
        self.says(t, "", "")
        self.says(t, "first, second", r"\n4711\s+nil\r\n")
        t.send(CTRL_R + "d = 47")
        self.says(t, "", "")
        self.says(t, "second", r"\n4712\r\n")

    def test_ctrl_c_drops_the_line_that_is_edited(self):
        t = self.repl()
        t.send("answer = 'dropped")
        t.expect("dropped")
        t.send(CTRL_C)
        t.expect(PROMPT)
        self.says(t, "answer", r"\nnil\r\n")
        t.line("function half()")
        t.expect(MORE)
        t.send("return 1" + CTRL_C)
        t.expect(PROMPT)
        self.says(t, "half", r"\nnil\r\n")


class Interrupts(Repl):
    def interrupt(self, t, line):
        t.line(line.replace("GO", "print('going' .. ' on')"))
        t.expect("going on")
        t.send(CTRL_C)
        t.expect("interrupted")
        t.expect(PROMPT)

    def test_ctrl_c_interrupts_running_lua(self):
        t = self.repl()
        self.interrupt(t, "GO while true do end")
        self.interrupt(t, "GO while true do pcall(function() while true do end end) end")
        self.interrupt(t, "GO local co = coroutine.wrap(function() while true do end end) co()")
        self.says(t, "1 + 1", r"\n2\r\n")

    def test_ctrl_c_interrupts_a_waiting_call(self):
        t = self.repl()
        self.interrupt(t, "GO async.sleep(60)")
        self.interrupt(t, "GO async.all { function() async.sleep(60) end, function() async.sleep(90) end }")
        self.interrupt(t, "GO while true do pcall(async.sleep, 60) end")
        self.says(t, "1 + 1", r"\n2\r\n")

    def test_ctrl_c_twice_in_a_row_leaves_the_repl_alive(self):
        t = self.repl()
        for _ in range(20):
            t.send(CTRL_C)
            t.expect(PROMPT)
        self.says(t, "20 + 3", r"\n23\r\n")
        t.line("print('going' .. ' on') async.sleep(60)")
        t.expect("going on")
        t.send(CTRL_C + CTRL_C + CTRL_C)

        def answers():
            """The terminal throws away what was on its way at a Ctrl-C, so the line is entered until it comes."""
            t.line("20 + 4")
            try:
                return t.expect(r"\n24\r\n", 1)
            except AssertionError:
                return None
        support.wait_until(answers, "the REPL to go on")
        t.expect(PROMPT)


    def test_a_sigint_ends_a_script(self):
        for waits in ("while true do pcall(function() while true do end end) end", "async.sleep(60)"):
            with self.subTest(waits):
                self.dir.write("s.lua", f"io.stdout:write('ready\\n') io.stdout:flush() {waits}")
                script = subprocess.Popen([str(support.MOONTIDE), "script", "--world", "sim", "s.lua"], text=True,
                                          cwd=self.dir.path, env=support.clean_environment(), stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual(script.stdout.readline(), "ready\n")
                script.send_signal(signal.SIGINT)
                said = script.communicate(timeout=support.DEADLINE_S)[1]
                self.assertEqual(script.returncode, 1)
                self.assertIn("interrupted", said)


class Ending(Repl):
    def assert_restored(self, t):
        self.assertEqual(termios.tcgetattr(t.fd), t.attributes)

    def test_ctrl_d_ends_it_and_the_terminal_is_as_before(self):
        t = self.repl()
        self.says(t, "1 + 1", r"\n2\r\n")
        self.assertNotEqual(termios.tcgetattr(t.fd), t.attributes)  # the editor has it now
        t.send(CTRL_D)
        self.assertEqual(t.wait(), 0)
        self.assert_restored(t)

    def test_os_exit_ends_it_with_that_status(self):
        t = self.repl()
        t.line("os.exit(7)")
        self.assertEqual(t.wait(), 7)
        self.assert_restored(t)

    def test_ctrl_d_in_a_continued_statement_says_so(self):
        t = self.repl()
        t.line("for i = 1, 2 do")
        t.expect(MORE)
        t.send(CTRL_D)
        t.expect("not complete")
        t.wait()
        self.assert_restored(t)

    def test_a_signal_at_the_prompt_gives_the_terminal_back(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                t = self.repl()
                t.send("some text")
                t.expect("some text")
                os.kill(t.pid, number)
                self.assertEqual(t.wait(), -number)
                self.assert_restored(t)

    def test_a_terminal_that_goes_away_ends_it(self):
        t = self.repl()
        os.close(t.fd)
        t.fd = os.open(os.devnull, os.O_RDONLY)
        self.assertEqual(t.wait(), -signal.SIGHUP)


if __name__ == "__main__":
    support.main()
