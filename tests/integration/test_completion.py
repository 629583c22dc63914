"""`moontide completion`: what is offered, by the table of commands and the project's names, and in the real shells; and the
man page, which is made from the same table."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

import docs_commands
import support

CONFIG = """return {
  environments = { "prod", "staging" },
  alerts = { receivers = { chat = { type = "webhook", url = "https://example.com" } }, route = "chat" },
}
"""
SHELLS = {shell: shutil.which(shell) for shell in ("bash", "zsh", "fish")}


def need_shell(shell):
    return unittest.skipUnless(SHELLS[shell], f"SKIPPED: {shell} is not installed (see scripts/test)")


class Words(support.Case):
    def setUp(self):
        self.place = self.project(config=CONFIG)

    def offered(self, *words, how="words"):
        result = self.place.run("completion", how, *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return [line.split("\t")[0] for line in result.stdout.splitlines()]

    def test_every_command_and_option_of_the_table_is_offered(self):
        table = docs_commands.table()
        self.assertEqual(set(self.offered("")), {name.split()[0] for name in table} | {"help"})
        for name, command in table.items():
            words = name.split()
            if len(words) == 2:
                self.assertIn(words[1], self.offered(words[0], ""))
            self.assertEqual(set(self.offered(*words, "-")), {f"-{o}" for o in command["options"]} | {"--help"}, name)

    def test_values(self):
        for words, wanted in ((["run", "--world", ""], ["aws", "sim", "sim:"]), (["run", "--format", "j"], ["json"]),
                              (["check", "--format", ""], ["text", "gcc", "json"]), (["why", "--format="], ["--format=text", "--format=json"]),
                              (["run", "--world=s"], ["--world=sim", "--world=sim:"]), (["run", "--mode", "a"], ["act"]),
                              (["pause", "--direction", ""], ["in", "out"]), (["run", "--dir", ""], [":directories"]),
                              (["run", "--world", "sim:"], [":files"]), (["script", ""], [":files"]),
                              (["script", "x.lua", "--wor"], [":files"]), (["completion", "z"], ["zsh"]),
                              (["alerts", "l"], ["list"]), (["nothing", ""], []), (["run", "--speed", ""], [])):
            self.assertEqual(self.offered(*words), wanted, words)

    def test_an_option_that_was_given_is_not_offered_again_unless_it_repeats(self):
        self.assertNotIn("--world", self.offered("run", "--world", "sim", "--"))
        self.assertIn("--matcher", self.offered("silence", "add", "--matcher", "a=b", "--"))

    def test_bash_cuts_words_at_equals_signs_and_colons(self):
        self.assertEqual(self.offered("run", "--world", "=", "s", how="bash-words"), ["sim", "sim:"])
        self.assertEqual(self.offered("run", "--world", "=", how="bash-words"), ["aws", "sim", "sim:"])
        self.assertEqual(self.offered("pause", "environment", "=", "p", how="bash-words"), ["prod"])
        self.assertEqual(self.offered("run", "--world", "sim", ":", how="bash-words"), [":files"])

    def test_names_of_the_project(self):
        self.assertIn("ecs_scaling", self.offered("journal", "--policy", ""))
        self.assertEqual(self.offered("pause", "environment=p"), ["environment=prod"])
        self.assertEqual(self.offered("alerts", "test", ""), ["chat"])
        self.assertEqual(self.offered("alerts", "history", "--receiver", "c"), ["chat"])
        self.place.once("--world", "sim", "--mode", "act")
        self.assertIn("service/gm-tool-prod/api", self.offered("why", "service"))
        self.place.run("pause", "ecs_scaling", "--reason", "migration")
        self.assertEqual(self.offered("resume", "ecs"), ["ecs_scaling"])
        self.place.run("silence", "add", "--matcher", "policy=performance", "--for", "1h", "--reason", "r")
        silence = self.offered("silence", "expire", "")
        self.assertEqual(len(silence), 1)
        self.assertEqual(self.place.run("silence", "expire", silence[0]).returncode, 0)
        self.assertEqual(self.offered("silence", "expire", ""), [])

    def test_of_the_project_that_dir_names(self):
        other = self.project(shipped=False)
        other.write("policies/lonely.lua", 'return policy { name = "lonely", evaluate = function() end }')
        self.assertEqual(self.offered("journal", "--dir", str(other.path), "--policy", ""), ["lonely"])
        self.assertEqual(self.offered("journal", f"--dir={other.path}", "--policy", ""), ["lonely"])

    def test_a_faulty_project_offers_what_it_can(self):
        self.place.write("policies/broken.lua", "return policy {{\n")
        self.assertIn("performance", self.offered("pause", ""))
        self.place.write("moontide.lua", "return {{\n")
        self.assertEqual(self.offered("pause", ""), [])
        self.assertEqual(self.offered("run", "--dir", "/nonexistent", "--mode", "o"), ["observe"])

    def test_a_shell_that_nobody_knows(self):
        result = self.place.run("completion", "zhs")
        self.assertEqual(result.returncode, 1)
        self.assertIn("did you mean 'zsh'", result.stderr)


class Terminal:
    """A shell on a pseudo-terminal: what is typed, and what it shows."""

    def __init__(self, arguments, directory, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(arguments[0], arguments, environment)
        self.shown = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern, seconds=support.DEADLINE_S):
        """Reads until it is shown; then what was shown before is over."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            ready, _, _ = select.select([self.fd], [], [], 0.1)
            if ready:
                self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07", "", os.read(self.fd, 4096).decode(errors="replace"))
            elif time.monotonic() > end:
                raise AssertionError(f"waited for {pattern!r} in {self.shown!r}")
        self.shown = ""

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Shells(support.Case):
    def setUp(self):
        self.place = self.project(config=CONFIG)
        (self.place.path / "bin").mkdir()
        (self.place.path / "bin" / "moontide").symlink_to(support.MOONTIDE)
        (self.place.path / "scripts").mkdir()
        (self.place.path / "scripts" / "night.lua").write_text("")
        self.environment = support.clean_environment(
            PATH=f"{self.place.path / 'bin'}:{os.environ['PATH']}", TERM="xterm", PS1="ready> ", HOME=self.place.path,
            XDG_CONFIG_HOME=self.place.path)
        for shell in SHELLS:
            script = self.place.run("completion", shell)
            self.assertEqual(script.returncode, 0)
            (self.place.path / f"completion.{shell}").write_text(script.stdout)

    def terminal(self, *arguments):
        terminal = Terminal(arguments, self.place.path, self.environment)
        self.addCleanup(terminal.close)
        return terminal

    def complete_in(self, terminal, lines):
        for typed, shown in lines:
            terminal.type(typed + "\t")
            terminal.wait_for(shown)
            terminal.type("\x15\n")  # the line is dropped
            terminal.wait_for("ready> ")

    LINES = (("moontide pl", "moontide plan "), ("moontide run --onc", "--once "), ("moontide run --world=a", "--world=aws"),
             ("moontide journal --policy perf", "--policy performance"), ("moontide pause environment=pr", "environment=prod"),
             ("moontide script scripts/ni", "scripts/night.lua"), ("moontide alerts test c", "test chat"))

    @need_shell("bash")
    def test_bash(self):
        terminal = self.terminal("bash", "--norc", "--noprofile", "-i")
        terminal.type("bind 'set enable-bracketed-paste off'; source completion.bash && echo sour''ced\n")
        terminal.wait_for("sourced\r?\n(.*\n)*.*ready> ")
        self.complete_in(terminal, self.LINES)

    @need_shell("zsh")
    def test_zsh(self):
        terminal = self.terminal("zsh", "-f", "-i")
        terminal.type("PS1='ready> '; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; "
                      "source ./completion.zsh && echo sour''ced\n")
        terminal.wait_for("sourced\r?\n(.*\n)*.*ready> ")
        self.complete_in(terminal, self.LINES)

    @need_shell("fish")
    def test_fish(self):
        for typed, shown in self.LINES + (("moontide run --format=js", "--format=json"),):
            result = subprocess.run(["fish", "--no-config", "-c", f"source completion.fish; complete -C '{typed}'"], text=True,
                                    cwd=self.place.path, env=self.environment, capture_output=True, timeout=support.DEADLINE_S)
            offered = [line.split("\t")[0] for line in result.stdout.splitlines()]
            self.assertIn(shown.split()[-1], offered, (typed, result.stderr))

    @need_shell("fish")
    def test_fish_shows_what_a_command_does(self):
        result = subprocess.run(["fish", "--no-config", "-c", "source completion.fish; complete -C 'moontide rel'"], text=True,
                                cwd=self.place.path, env=self.environment, capture_output=True)
        self.assertEqual(result.stdout, f"reload\t{docs_commands.table()['reload']['summary']}\n")

    def test_they_are_installed_where_the_shells_look(self):
        prefix = self.place.path / "prefix"
        subprocess.run(["cmake", "--install", str(support.BUILD), "--prefix", str(prefix)], check=True, capture_output=True)
        for name, start in (("share/bash-completion/completions/moontide", "# bash"), ("share/zsh/site-functions/_moontide", "#compdef moontide"),
                            ("share/fish/vendor_completions.d/moontide.fish", "# fish"), ("share/man/man1/moontide.1", ".\\\"")):
            self.assertTrue((prefix / name).read_text().startswith(start), name)


class Manual(support.Case):
    PAGE = support.ROOT / "docs" / "moontide.1"

    def test_it_tells_of_the_commands_as_they_are(self):
        result = subprocess.run([support.ROOT / "scripts/dev/make-man", "--check", support.MOONTIDE], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_its_examples_exist(self):
        literal = re.findall(r"^\.Dl (.*)$|^(moontide .*)$", self.PAGE.read_text(), re.M)
        self.assertGreater(len(literal), 5)
        for command in ("".join(found) for found in literal):
            self.assertIsNone(docs_commands.fault_of(re.sub(r"^source <\((.*)\)$", r"\1", command), docs_commands.table()))

    def test_its_environment_is_what_the_program_reads(self):
        sources = "".join(path.read_text() for path in (support.ROOT / "src").rglob("*.c"))
        names = re.findall(r"[A-Z_]{4,}", "\n".join(re.findall(r"^\.It Ev (.*)$", self.PAGE.read_text(), re.M)))
        self.assertGreater(len(names), 8)
        self.assertEqual([name for name in names if name not in sources], [])

    @unittest.skipUnless(shutil.which("mandoc"), "SKIPPED: mandoc is not installed (see scripts/test)")
    def test_mandoc_finds_nothing(self):
        result = subprocess.run(["mandoc", "-Tlint", self.PAGE], capture_output=True, text=True)
        # Which other manuals there are is the machine's affair: a bare one has no journalctl(1).
        faults = [line for line in (result.stdout + result.stderr).splitlines()
                  if "mandoc.db" not in line and "referenced manual not found" not in line]
        self.assertEqual(faults, [])

    @unittest.skipUnless(shutil.which("groff"), "SKIPPED: groff is not installed")
    def test_groff_finds_nothing(self):
        result = subprocess.run(["groff", "-mandoc", "-Tutf8", "-ww", "-z", self.PAGE], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    support.main()
