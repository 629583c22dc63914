"""Runs the console blocks of one page, in their order, in one project directory, and holds what they print against the page.

    $ moontide plan --world sim        a command; what follows is its standard output (with an exit other than 0: its
    ...                                standard error too). A line of three dots stands for any lines
    $ moontide run --world sim &       a daemon that runs until the page's end, or until `$ kill %1`; what follows is
                                       waited for in its log
    $ export NAME=VALUE, $ cd DIR      hold for the commands behind
    $ moontide repl --world sim        lines behind its prompts are what is typed

Marks: `fresh` begins in an empty directory (else the shipped policies are there), `exit N` is the status of the last command,
`loose` compares but for numbers and spaces (as a daemon's log always is): for what depends on how quick the machine is.

A clock that is set (tests/support/set_clock.c) gives every command a start in the same minutes of the same day, so the
simulated fleet and what is said of it are the same in every run, to the digit."""

import contextlib
import os
import re
import shutil
import signal
import subprocess

import support
from docs_examples import Wrong

START_S = 1795863060  # 2026-11-28 10:51:00 UTC, in a burst of prod
STEP_S = 10           # from one command of a session to the next
CLOCK = support.BUILD / "tests" / "set_clock.so"
WIDTH = 120
PROMPT = re.compile(r"^(?:moontide>| *>>) ?(.*)$")

# What no clock decides: how long it took, and names that are made of random bytes.
VARIES = ((re.compile(r"(calls?), \d+(?:\.\d+)? ms"), r"\1, N ms"),
          (re.compile(r"\(\d+(?:\.\d+)? (?:us|ms|s)\)"), "(N ms)"),
          (re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{20,}\b|\bd-[0-9a-f]{6,}\b|\b[0-9a-f]{32}\b"), "ID"),
          (re.compile(r"(\d\d:\d\d:\d\d)\.\d+"), r"\1"),
          (re.compile(r"\bpid \d+"), "pid N"))


def normal(text):
    for pattern, to in VARIES:
        text = pattern.sub(to, text)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")] if text.strip() else []


def loosely(lines):
    """Numbers and spaces left out: how far a daemon has got, nobody knows."""
    return [" ".join(re.sub(r"\d+(?:\.\d+)?", "#", re.sub(r"\b[0-9a-f]{8,64}\b", "ID", line)).split()) for line in lines]


def agrees(wanted, got):
    """Lines against lines; "..." is any number of them."""
    if not wanted:
        return not got
    if wanted[0].strip() == "...":
        return any(agrees(wanted[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and wanted[0] == got[0] and agrees(wanted[1:], got[1:])


def sanitizer():
    listed = subprocess.run(["ldd", str(support.MOONTIDE)], capture_output=True, text=True).stdout
    return re.findall(r"=> (\S*lib[at]san\S*)", listed)


class Command:
    def __init__(self, line, text):
        self.line, self.text, self.output, self.first = line, text, [], line + 1


def commands_of(block):
    found = []
    for number, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            found.append(Command(number, line[2:]))
        elif found and line.startswith("> ") and not found[-1].output:
            found[-1].text += "\n" + line[2:]
            found[-1].first = number + 1
        elif found:
            found[-1].output.append(line)
        else:
            raise Wrong("a console block begins with a command: $ ...", number)
    for command in found:
        while command.output and not command.output[-1].strip():
            command.output.pop()
    return found


class Session:
    def __init__(self, fresh=False):
        self.project = support.Project(shipped=not fresh)
        if fresh:
            self.project.policies.rmdir()
        self.at, self.cwd, self.daemons, self.exported = START_S, self.project.path, [], {}
        bin_directory = self.project.path.parent / (self.project.path.name + "-bin")
        bin_directory.mkdir()
        self.bin = bin_directory
        preload = " ".join([*sanitizer(), str(CLOCK)])
        (bin_directory / "moontide").write_text(f'#!/bin/sh\nLD_PRELOAD="{preload}" exec "{support.MOONTIDE}" "$@"\n')
        (bin_directory / "moontide").chmod(0o755)

    def environment(self, running=False):
        """The clock of a command stands still, so that a slow machine prints the same; a daemon's runs."""
        return support.clean_environment(
            PATH=f"{self.bin}:{os.environ['PATH']}", TZ="UTC", LC_ALL="C.UTF-8", COLUMNS=WIDTH, USER="ops", LOGNAME="ops",
            HOME=self.project.path, SET_CLOCK=f"@{self.at}" if running else str(self.at), **self.exported)

    def write(self, name, text):
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, command):
        """(exit status, lines that it printed). A daemon's are those of its log."""
        self.at += STEP_S
        text = command.text.strip()
        if text.startswith("cd "):
            self.cwd = self.cwd / text[3:].strip()
            return 0, []
        if text.startswith("export "):
            name, _, value = text[7:].partition("=")
            self.exported[name] = value.strip("'\"")
            return 0, []
        if text == "kill %1":
            return self.end_daemon(), []
        if text.endswith("&"):
            return self.start_daemon(text[:-1].strip(), command)
        typed = [m.group(1) for m in map(PROMPT.match, command.output) if m]
        result = subprocess.run(["bash", "-c", text], cwd=self.cwd, env=self.environment(), capture_output=True, text=True,
                                timeout=support.DEADLINE_S, input="".join(f"{line}\n" for line in typed))
        told = result.stdout
        if result.returncode:
            told += "".join(line for line in result.stderr.splitlines(True) if not line.startswith("{"))
        return result.returncode, told.rstrip("\n").split("\n") if told.strip() else []

    def start_daemon(self, text, command):
        log = open(self.cwd / "daemon.log", "wb")
        process = subprocess.Popen(["bash", "-c", f"exec {text} --log-format text"], cwd=self.cwd, env=self.environment(running=True),
                                   stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        self.daemons.append(process)

        def answers():
            if process.poll() is not None:
                raise Wrong(f"{text} ended: {(self.cwd / 'daemon.log').read_text()[-1000:]}")
            return subprocess.run([str(self.bin / "moontide"), "status"], cwd=self.cwd, env=self.environment(),
                                  capture_output=True).returncode == 0
        support.wait_until(answers, f"{text} to answer")
        wanted = [line for line in loosely(normal("\n".join(command.output))) if line != "..."]

        def shown():
            lines = loosely(normal((self.cwd / "daemon.log").read_text()))
            return all(line in lines for line in wanted)  # in whatever order: each policy has its own time
        try:
            support.wait_until(shown, f"{wanted} in the log", 30)
        except AssertionError as error:
            raise Wrong(f"$ {command.text}\n{error}\n{(self.cwd / 'daemon.log').read_text()[:4000]}", command.line) from error
        return 0, []

    def end_daemon(self):
        if not self.daemons:
            raise Wrong("there is no daemon to end")
        process = self.daemons.pop()
        process.send_signal(signal.SIGTERM)
        return process.wait(support.DEADLINE_S)

    def close(self):
        for process in self.daemons:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self.project.close()
        shutil.rmtree(self.bin, ignore_errors=True)


def replaced(block, command, got):
    """The page's text with what was printed in place of what stands there, behind what is typed."""
    lines = block.page.path.read_text().split("\n")
    first = block.line - 1 + command.first
    typed = max((n + 1 for n, line in enumerate(command.output) if PROMPT.match(line)), default=0)
    lines[first + typed:first + len(command.output)] = got
    return "\n".join(lines)


def run_block(session, block):
    """Runs the block's commands; what does not hold is a Wrong at its line, with `.command` and `.got`."""
    words = block.mark.split()
    wanted_status = int(words[words.index("exit") + 1]) if "exit" in words else 0
    found = commands_of(block)
    for number, command in enumerate(found):
        status, got = session.run(command)
        if status != (wanted_status if number == len(found) - 1 else 0):
            raise Wrong(f"$ {command.text}\nexit {status}:\n" + "\n".join(got), command.line)
        background = command.text.rstrip().endswith("&")
        wanted = normal("\n".join(l for l in command.output if not PROMPT.match(l)))
        if "loose" in words:
            wanted, compared = loosely(wanted), loosely(normal("\n".join(got)))
        else:
            compared = normal("\n".join(got))
        if not background and not agrees(wanted, compared):
            wrong = Wrong(f"$ {command.text}\nprints\n" + "\n".join(got), command.line)
            wrong.command, wrong.got = command, got
            raise wrong
