"""Consoles into a running daemon: what they see, what they may do, and their client."""

import json
import os
import re
import shutil
import socket
import stat
import tempfile
import unittest

import support
from console_peer import DECIDER, WATCHED, Console
from test_repl import CTRL_C, CTRL_D, TAB, Terminal

PROMPT, WRITE_PROMPT = r"moontide\(attached\)> ", r"moontide\(attached, write\)# "


class Sees(Console):
    policies = {"watched": WATCHED, "decider": DECIDER}

    def test_it_sees_the_live_state(self):
        c = self.console()
        self.assertEqual((c.hello["event"], c.hello["world"], c.hello["write"]), ("hello", "sim", False))
        self.assertEqual(self.good(c, "1 + 1"), "2\n")
        self.assertRegex(self.good(c, "policies"), r"watched +\S+ +1s +2 ")
        self.assertRegex(self.good(c, "policies.watched.sha256"), r'^"[0-9a-f]{64}"\n$')
        self.assertRegex(self.good(c, 'targets("watched")'), r"name=one +\w+")
        self.assertEqual(self.good(c, 'targets("watched")[2].fields.name'), '"two"\n')
        support.wait_until(lambda: "name=two" in self.good(c, "alerts()"), "both alerts")
        self.assertRegex(self.good(c, "alerts()"), r"low +firing +loaded +watched +name=one")
        self.assertEqual(self.good(c, 'memo("watched", "name=one").count > 0'), "true\n")
        self.assertRegex(self.good(c, "status()"), r'world = "sim"')
        self.assertRegex(self.good(c, "decisions()"), r"decider +name=one +ecs_autoscaling +service/gm-tool-prod/api +proposed")
        self.assertEqual(self.good(c, "config.environments[1]"), '"prod"\n')
        first = int(self.good(c, 'memo("watched", "name=one").count'))
        support.wait_until(lambda: int(self.good(c, 'memo("watched", "name=one").count')) > first, "the memo to go on")
        self.ended_well()

    def test_series_are_handles_that_outlive_the_tick(self):
        c = self.console(utf8=True)
        self.assertRegex(self.good(c, 'series("watched", "name=one")'), r"load +\S+ +\S+Z +\d+ +GMTool/API ResponseTime p99")
        self.good(c, 's = series("watched", "name=one").load')
        before = self.good(c, "s:last(), s:len(), s:mean(), s:above(0)")
        self.assertRegex(before, r"^[\d.]+\t\d+\t[\d.]+\ttrue\n$")
        ticks = int(self.good(c, "policies.watched.ticks"))
        support.wait_until(lambda: int(self.good(c, "policies.watched.ticks")) > ticks + 1, "two ticks")
        self.assertEqual(self.good(c, "s:last(), s:len(), s:mean(), s:above(0)"), before)
        self.assertIn("⠤" if "⠤" in self.good(c, "s:plot { height = 3 }") else "┤", self.good(c, "s:plot { height = 3 }"))
        self.assertIn("┤", self.good(c, "plot(s)"))
        self.assertIn("no method 'lsat'", c.run("s:lsat()")[1])
        self.ended_well()

    def test_a_wrong_name_says_which_is_meant(self):
        c = self.console()
        self.assertIn("there is no policy 'wathced' (did you mean 'watched'?)", c.run('targets("wathced")')[1])
        self.assertIn("has no target 'three'", c.run('memo("watched", "three")')[1])
        self.assertIn("has no target 'three'", c.run('series("watched", "three")')[1])
        self.assertIn("there is no policy 'x'", c.run('trace("x")')[1])
        self.assertIn("polices", c.run("polices.watched")[1])

    def test_errors_name_the_line_and_the_functions_of_the_command(self):
        c = self.console()
        self.good(c, 'function deep() error("here") end')
        shown, error = c.run("print('before')\nlocal function f() deep() end\nf()")
        self.assertEqual(shown, "before\n")
        self.assertIn("console:1: here", error)
        self.assertIn("'deep'", error)
        self.assertNotIn("moontide/", error)
        self.assertEqual(c.run("for i = 1, 2 do")[1], "incomplete")
        self.assertIn("unexpected symbol", c.run("1 +* 2")[1])

    def test_names_are_completed_from_the_live_state(self):
        c = self.console()

        def candidates(line):
            c.say(id=99, complete=line, cursor=len(line))
            answer = c.message()
            return answer["from"], answer["candidates"]
        self.assertEqual(candidates("poli"), (0, ["policies"]))
        self.assertEqual(candidates("x = policies.wat"), (13, ["watched"]))
        self.assertEqual(candidates("policies.watched.sha"), (17, ["sha256"]))
        self.assertEqual(candidates('targets("wa'), (9, ["watched"]))
        self.assertEqual(candidates('memo("watched", "name=o'), (17, ["name=one"]))
        self.assertEqual(candidates('series("watched", "'), (19, ["name=one", "name=two"]))
        self.assertEqual(candidates('print("wa')[1], [])


class Refuses(Console):
    def test_without_write_nothing_changes(self):
        c = self.console()
        for text in ("reload()", "tick.now()", 'tick.now("watched")', 'pause("watched", "why")', "resume()"):
            error = c.run(text)[1]
            self.assertIn("READ_ONLY", error, text)
            self.assertIn("--write", error, text)
        self.assertIn("READ_ONLY", c.run('log.info("x")')[1])
        self.assertFalse((self.dir.path / ".moontide" / "PAUSED").exists())
        self.assertFalse(self.moontide.events("daemon.reloaded"))

    def test_the_sandbox_holds(self):
        c = self.console()
        for text in ("io.open('/etc/passwd')", "os.execute('true')", "os.exit()", "debug.getinfo(1)", "require 'aws'",
                     "load('\\27Lua')()", "setmetatable({}, { __gc = print })", "plot.svg('/tmp/x', { 1, 2 })"):
            self.assertIsNotNone(c.run(text)[1], text)
        self.assertIsNone(self.moontide.process.poll())

    def test_the_socket_is_the_users_own(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.socket.parent).st_mode) & 0o077, 0)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become another user")
    def test_another_user_is_refused(self):
        os.chmod(self.dir.path, 0o755)
        os.chmod(self.socket.parent, 0o755)
        os.chmod(self.socket, 0o666)  # even then: the peer's uid is looked at
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgid(65534)
                os.setuid(65534)
                peer = socket.socket(socket.AF_UNIX)
                peer.settimeout(10)
                peer.connect(str(self.socket))
                peer.sendall(b'{"command":"console"}\n')
                answer = peer.recv(100)
            except OSError as error:
                answer = f"{type(error).__name__}".encode()
            os.write(write, b"answer:" + answer)
            os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        answer = os.read(read, 1000)
        os.close(read)
        self.assertIn(answer, (b"answer:", b"answer:ConnectionResetError", b"answer:BrokenPipeError"))
        self.assertFalse(self.moontide.events("console.opened"))

    def test_there_are_at_most_eight(self):
        consoles = [self.console() for _ in range(8)]
        self.assertTrue(all(c.hello["event"] == "hello" for c in consoles))
        ninth = self.console()
        self.assertIn("8 consoles are open", ninth.hello["error"])
        self.assertTrue(ninth.closed())
        consoles[3].close()

        def again():
            console = self.console()
            return console.hello.get("event") == "hello"
        support.wait_until(again, "room for another one")
        for c in (consoles[0], consoles[7]):
            self.assertEqual(self.good(c, "6 * 7"), "42\n")


class Writes(Console):
    policies = {"watched": WATCHED.replace('every = "1s"', 'every = "1m"')}  # so that no tick of its own is under way

    def test_reload_tick_pause_and_resume(self):
        c = self.console(write=True, by="tester")
        self.assertTrue(c.hello["write"])
        self.assertIn("1 policies, 1 loaded, 0 removed", self.good(c, "reload()"))
        self.moontide.wait_for("daemon.reloaded")
        ticks = int(self.good(c, "policies.watched.ticks"))
        self.assertRegex(self.good(c, "for i = 1, 3 do local r = tick.now('watched') end return policies.watched.ticks"), r"\d+")
        self.assertGreaterEqual(int(self.good(c, "policies.watched.ticks")), ticks + 3)
        self.assertRegex(self.good(c, "tick.now()"), r"all policies: \d+ critical")
        self.assertIn("there is no policy 'x'", c.run("tick.now('x')")[1])
        self.assertIn("say why", c.run("pause()")[1])
        self.assertIn('reason = "a move"', self.good(c, "pause('watched', 'a move')"))
        paused = json.loads((self.dir.path / ".moontide" / "PAUSED").read_text())
        self.assertEqual((paused["scope"], paused["reason"], paused["by"]), ("watched", "a move", "tester"))
        self.moontide.wait_for("decisions.paused")
        self.assertIn("resumed = 1", self.good(c, "resume('watched')"))
        self.assertFalse((self.dir.path / ".moontide" / "PAUSED").exists())
        acts = [(e["act"], e["by"]) for e in self.moontide.events("console.act")]
        self.assertIn(("pause", "tester"), acts)
        self.ended_well()

    def test_a_reload_tells_its_faults_and_every_console_hears_of_it(self):
        other, c = self.console(), self.console(write=True)
        self.dir.write("policies/broken.lua", "return policy {\n  name = 3 +,\n}")
        self.assertIn("policies/broken.lua:2", self.good(c, "reload()"))
        message = other.message()
        self.assertEqual(message["event"], "reloaded")

    def test_what_was_begun_is_done_though_the_console_is_gone(self):
        c = self.console(write=True)
        c.begin("pause('watched', 'gone')")
        c.close()
        support.wait_until((self.dir.path / ".moontide" / "PAUSED").exists, "the pause")
        for _ in range(5):
            c = self.console(write=True)
            c.begin("tick.now() reload()")
            c.close()
        self.ended_well()

    def test_a_stop_with_consoles_in_mid_command(self):
        consoles = [self.console(write=True) for _ in range(4)]
        for c, text in zip(consoles, ("trace('watched')", "tick.now()", "while true do end", "reload()")):
            c.begin(text)
        self.assertEqual(self.moontide.stop(), 0, self.moontide.text()[-2000:])
        for c in consoles:
            self.assertTrue(c.closed())


class Traces(Console):
    def test_a_trace_shows_inputs_branches_and_time(self):
        c = self.console()
        shown = self.good(c, "trace('watched', { count = 4 })")
        self.assertRegex(shown, r"watched name=one  in \d+\.\d\d ms\n")
        self.assertRegex(shown, r"read +load [\d.]+ \(\d\d:\d\d\)")
        self.assertRegex(shown, r"10 yes if m\.load:above\(0\) then\n +10 yes +load:above\(0\)")
        self.assertRegex(shown, r"issue +low loaded: load of one")
        self.assertRegex(shown, r"advice +load: look at it")
        one, two = (next(p for p in re.split(r"(?m)^(?=\d\d:\d\d:\d\d )", shown) if f"name={n} " in p) for n in ("one", "two"))
        self.assertRegex(one, r'15 no +if t\.name == "two" then return end')
        self.assertRegex(two, r'15 yes +if t\.name == "two" then return end')
        self.assertIn('memo     {"count":', one)
        self.assertNotIn("elseif", shown)  # it was not come to

    def test_one_target_and_what_ends_a_trace(self):
        c = self.console()
        shown = self.good(c, "trace('watched', { target = 'name=two', count = 2 })")
        self.assertNotIn("name=one", shown)
        c.begin("trace('watched', 'name=one')")
        while "output" not in c.message():
            pass
        c.say(id=c.id, interrupt=True)
        self.assertIn("interrupted", c.end()[1])
        c.begin("trace('watched')")
        while "output" not in c.message():
            pass
        c.say(id=1000, run="trace(false)")
        self.assertIn("interrupted", c.end()[1])
        self.assertEqual(self.good(c, "1"), "1\n")

    def test_a_trace_goes_on_through_a_reload_and_others_see_theirs(self):
        other, c = self.console(), self.console()
        other.begin("trace('watched')")
        c.begin("trace('watched')")
        for console in (c, other):
            while "name=one" not in console.message().get("output", ""):
                pass
        self.dir.write("policies/watched.lua", WATCHED.replace("load of ", "weight of "))
        while "weight of" not in c.message().get("output", ""):
            pass
        c.close()
        while "weight of" not in other.message().get("output", ""):
            pass
        (self.dir.policies / "watched.lua").unlink()
        self.moontide.wait_for("policy.removed")
        self.assertEqual(self.good(self.console(), "1"), "1\n")
        self.dir.write("policies/back.lua", WATCHED.replace("load of ", "size of "))
        while "size of" not in other.message().get("output", ""):  # the policy is back, in another file
            pass
        other.close()
        self.ended_well()

    def test_a_failed_evaluation_is_shown_with_its_error(self):
        self.dir.write("policies/bad.lua", 'return policy { name = "bad", every = "1s", targets = { "x" },\n'
                       '  evaluate = function(t, m)\n    if t then\n      error("broken")\n    end\n  end }')
        self.moontide.wait_for("policy.loaded", lambda e: e["policy"] == "bad")
        shown = self.good(self.console(), "trace('bad', { count = 1 })")
        self.assertIn("failed after", shown)
        self.assertRegex(shown, r"error +policies/bad.lua:4: broken")


class Client(Console):
    def attach(self, *arguments, stdin=None):
        return self.dir.run("repl", "--attach", *arguments, stdin=stdin)

    def terminal(self, *arguments):
        home = tempfile.mkdtemp(prefix="moontide-home-")
        self.addCleanup(shutil.rmtree, home)
        environment = support.clean_environment(HOME=home, TERM="xterm")
        environment.pop("XDG_STATE_HOME", None)
        terminal = Terminal([str(support.MOONTIDE), "repl", "--attach", *arguments], self.dir.path, environment)
        self.addCleanup(terminal.close)
        return terminal

    def test_a_pipe(self):
        result = self.attach(stdin="alerts()\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("alerts" if "alerts" in result.stdout else "loaded", result.stdout)
        result = self.attach(stdin="for i = 1, 2 do\nprint(i)\nend\nerror('no')\n3\n")
        self.assertEqual((result.returncode, result.stdout), (1, "1\n2\n3\n"))
        self.assertIn("no", result.stderr)
        result = self.attach(stdin="do\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("not complete", result.stderr)
        result = self.attach("--write", stdin="reload()\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 loaded", result.stdout)

    def test_another_projects_socket_by_its_path(self):
        other = self.project(shipped=False)
        result = other.run("repl", "--attach", self.socket, stdin="policies.watched.name\n")
        self.assertEqual((result.returncode, result.stdout), (0, '"watched"\n'))
        result = other.run("repl", "--attach", "--dir", self.dir.path, stdin="1\n")
        self.assertEqual((result.returncode, result.stdout), (0, "1\n"))

    def test_no_daemon_there(self):
        other = self.project(shipped=False)
        result = other.run("repl", "--attach", stdin="1\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no daemon runs here", result.stderr)
        self.assertIn("moontide run", result.stderr)
        self.assertEqual(other.run("repl", "--write", stdin="1\n").returncode, 1)
        self.assertEqual(other.run("repl", "--attach", "--world", "sim", stdin="1\n").returncode, 1)

    def test_a_person(self):
        t = self.terminal()
        self.assertIn("read-only", t.expect(PROMPT))
        t.line("6 * 7")
        self.assertRegex(t.expect(PROMPT), r"\n42\r\n")
        t.send("policies.wat" + TAB)
        t.expect("ched")
        t.line(".name")
        self.assertIn('"watched"', t.expect(PROMPT))
        t.line("for i = 1, 2 do")
        t.expect(">> ")
        t.line("print(i * 11) end")
        self.assertRegex(t.expect(PROMPT), r"11\r\n22\r\n")
        t.line("while true do end")
        t.expect("end\r\n")
        t.send(CTRL_C)
        self.assertIn("interrupted!", t.expect(PROMPT))
        t.line("trace('watched')")
        t.expect(r"yes +if m\.load")
        t.send(CTRL_C)
        t.expect("interrupted!")
        t.expect(PROMPT)
        t.line("reload()")
        self.assertIn("READ_ONLY", t.expect(PROMPT))
        t.send(CTRL_D)
        self.assertEqual(t.wait(), 0)
        self.ended_well()

    def test_the_prompt_says_that_it_may_write_and_events_come_above_it(self):
        t = self.terminal("--write")
        t.expect(WRITE_PROMPT)
        t.send("1 +")
        self.dir.run("reload")
        t.expect("the daemon reloaded")
        t.expect(WRITE_PROMPT)  # and the line, as it was
        t.line(" 1")
        self.assertRegex(t.expect(WRITE_PROMPT), r"\n2\r\n")
        self.moontide.process.terminate()
        t.expect("the daemon is stopping")
        self.assertEqual(t.wait(), 1)


if __name__ == "__main__":
    support.main()
