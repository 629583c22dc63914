"""A program in a real terminal: tmux has the screen, keys are sent and the pane is read, as a person would see it."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import support


def need():
    """Skips, by name and loudly, where there is no tmux."""
    if not shutil.which("tmux"):
        raise unittest.SkipTest("SKIPPED: tmux is not installed (see scripts/test)")


class Terminal:
    """One tmux server with one window. Close it; nothing else of it stays."""

    def __init__(self, arguments, directory, environment, columns=80, rows=24):
        self.place = tempfile.mkdtemp(prefix="moontide-tmux-")
        self.socket = os.path.join(self.place, "socket")
        command = "exec " + " ".join(shlex.quote(str(a)) for a in arguments)
        outer = {**environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "new-session", "-d", "-x", str(columns),
                        "-y", str(rows), "-c", str(directory), "sh", "-c", command],
                       env=outer, check=True, timeout=support.DEADLINE_S)
        # What the program leaves on the screen can be read after its end.
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, capture_output=True, text=True,
                              timeout=support.DEADLINE_S).stdout

    def pane(self, escapes=False):
        """The screen: its lines without blanks at their ends, and without empty lines at its end."""
        text = self.tmux("capture-pane", "-p", *(["-e"] if escapes else []))
        return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n")

    def expect(self, pattern, escapes=False, seconds=support.DEADLINE_S):
        """Waits until the screen has the pattern; gives the screen."""
        shown = None

        def look():
            nonlocal shown
            shown = self.pane(escapes)
            return re.search(pattern, shown, re.MULTILINE)
        try:
            support.wait_until(look, pattern, seconds)
        except AssertionError:
            raise AssertionError(f"{pattern!r} did not come; the screen has\n{shown}") from None
        return shown

    def expect_gone(self, pattern):
        """Waits until the screen has it no more; gives the screen."""
        support.wait_until(lambda: not re.search(pattern, self.pane(), re.MULTILINE), f"{pattern!r} to go")
        return self.pane()

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def keys(self, *names):
        """By tmux's names: Enter, Up, C-r, M-Enter ..."""
        self.tmux("send-keys", *names)

    def line(self, text):
        self.type(text)
        self.keys("Enter")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def cursor(self):
        """Column and row, from 0."""
        x, y = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(x), int(y)

    def clear(self):
        """An empty screen with the prompt at its top (Ctrl-L)."""
        self.keys("C-l")

    def dead(self):
        return self.tmux("display-message", "-p", "#{pane_dead} #{pane_dead_status}").split()

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=support.DEADLINE_S)
        shutil.rmtree(self.place, ignore_errors=True)
