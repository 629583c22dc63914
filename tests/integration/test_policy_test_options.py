"""`moontide test`: its options, its exits, and the tests that ship."""

import os
import re
import signal
import subprocess
import xml.etree.ElementTree

import support
from policy_house import PolicyTests


class Options(PolicyTests):
    TWO = "it('alpha one', function() end)\nit('beta two', function() expect(1).to_be(2) end)\n"

    def test_exits_0_1_and_2(self):
        self.passes("it('x', function() end)", 1)
        self.fails("it('x', function() error('y') end)", status=2)
        self.fails("this is no Lua", "does not load", "a_test.lua:1", status=1)
        self.fails("it('x', function() end)", "unknown field", config="return { enviroments = {} }", status=1)

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.house().run("test").returncode, 2)
        self.fails("local x = 1", "there is no test", status=2)
        self.fails("local x = 1", "0 passed", arguments=["--fail-on-empty"], status=2)
        self.passes("local x = 1", 0, arguments=["--allow-empty"])
        self.fails(self.TWO, "no test matches -r 'gamma'", arguments=["-r", "gamma"])
        missing = self.house("").run("test", "policies/tests/none.lua")
        self.assertEqual((missing.returncode, "none.lua" in missing.stderr), (1, True))

    def test_a_regular_expression_chooses(self):
        self.passes(self.TWO, 1, arguments=["-r", "^alpha (one|two)$"])
        self.fails(self.TWO, "-r '('", arguments=["-r", "("], status=1)

    def test_v_tells_each_test_its_time_and_what_it_prints(self):
        result = self.passes("it('prints', function() print('words') end)", arguments=["-v"])
        self.assertRegex(result.stdout, r"ok +prints \(\d+\.\d ms\)\n +words")

    def test_tap_is_tap(self):
        result = self.house(self.TWO + "pending('c')\n").run("test", "--tap")
        self.assertEqual(result.returncode, 2)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[:3], ["TAP version 13", "1..3", "ok 1 - alpha one"])
        self.assertEqual(lines[3], "not ok 2 - beta two")
        self.assertIn("ok 3 - c # SKIP pending", lines)
        self.assertTrue(all(re.match(r"TAP |1\.\.|(not )?ok \d|  ", line) for line in lines), result.stdout)

    def test_junit_is_xml_that_says_the_same(self):
        project = self.house(self.TWO + "it('odd <&\"> \\1', function() error('a<b & \\27[31mc') end)\n")
        result = project.run("test", "--junit", "out.xml")
        self.assertEqual(result.returncode, 2)
        root = xml.etree.ElementTree.parse(project.path / "out.xml").getroot()
        self.assertEqual((root.get("tests"), root.get("failures")), ("3", "2"))
        cases = root.findall("testsuite/testcase")
        self.assertEqual([c.find("failure") is not None for c in cases], [False, True, True])
        self.assertIn("odd <&\"> ", cases[2].get("name"))
        self.assertEqual(cases[1].get("line"), "2")

    def test_bench_lists_times_slowest_first(self):
        result = self.passes("it('a', function() end) it('b', function() for i = 1, 1e6 do end end)", arguments=["--bench"])
        self.assertRegex(result.stdout, r"(?s)\d ms  b .*\d ms  a .*in all; median")

    def test_j_gives_the_same_results_in_the_same_order(self):
        names = [f"f{i}_test" for i in range(7)]
        project = self.house(None, **{n: f"it('{n} ok', function() end)\nit('{n} bad', function() error('{n}') end)" for n in names})
        one, four = project.run("test"), project.run("test", "-j", "4")
        strip = lambda text: re.sub(r"\(\d.*", "", text)
        self.assertEqual(strip(one.stdout), strip(four.stdout))
        self.assertEqual((one.returncode, four.returncode), (2, 2))
        self.assertIn("7 passed, 7 failed", four.stdout)

    def test_a_worker_that_dies_is_an_error_of_its_file(self):
        project = self.house(None, a_test="it('dies', function() os.execute('kill -9 $PPID') end)", b_test="it('lives', function() end)")
        result = project.run("test", "-j", "2")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("a_test.lua", result.stdout)
        self.assertIn("1 passed", result.stdout)

    def test_os_exit_ends_no_run(self):
        self.fails("it('x', function() os.exit(0) end)", "os.exit", "0 passed, 1 failed")

    def test_coverage_counts_lines_of_policies_and_lib(self):
        project = self.house("it('x', function() run('covered', {}) end)")
        project.write("policies/lib/used.lua", "local M = {}\nfunction M.a()\n  return 1\nend\nfunction M.b()\n  return 2\nend\nreturn M\n")
        project.write("policies/covered.lua", """local used = require "lib.used"
return policy {
  name = "covered",
  evaluate = function(t, m, memo)
    memo.a = used.a()
    if memo.a > 1 then
      memo.never = true
    end
  end,
}
""")
        result = project.run("test", "--coverage")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, r"85\.7 % +6 of +7  policies/covered.lua  not run: 7\n")
        self.assertRegex(result.stdout, r"7 of +8  policies/lib/used.lua  not run: 6\n")
        self.assertRegex(result.stdout, r" 0\.0 % +0 of +\d+  policies/counted.lua")
        below = project.run("test", "--coverage", "--threshold", "80")
        self.assertEqual(below.returncode, 2)
        self.assertIn("below the threshold of 80 %", below.stdout)
        self.assertEqual(project.run("test", "--threshold", "101").returncode, 1)
        two = project.run("test", "--coverage", "-j2")
        table = lambda text: [line for line in text.splitlines() if " % " in line]
        self.assertEqual(table(result.stdout), table(two.stdout))

    def test_watch_runs_again_on_each_save(self):
        project = self.house("it('x', function() error('first') end)")
        with open(project.path / "out", "wb") as out:
            process = subprocess.Popen([str(support.MOONTIDE), "test", "--watch"], cwd=project.path, stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL, env=support.clean_environment())
        try:
            text = lambda: (project.path / "out").read_text()
            support.wait_until(lambda: "waiting for the next save" in text(), "the first round")
            self.assertIn("0 passed, 1 failed", text())
            project.write("policies/tests/a_test.lua", "it('x', function() end)")
            support.wait_until(lambda: "1 passed, 0 failed" in text(), "a round after the save of a test")
            support.wait_until(lambda: text().count("waiting") == 2, "the wait")
            project.write("policies/lib/new.lua", "return {}")
            support.wait_until(lambda: text().count("1 passed") == 2, "a round after the save of a module")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(support.DEADLINE_S), 0)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def test_a_terminal_sees_colours_unless_it_does_not_want_them(self):
        project = self.house(self.TWO)
        command = f"{support.MOONTIDE} test"
        script = ["script", "-qec", command, "/dev/null"]
        environment = support.clean_environment(TERM="xterm-256color")
        plain = subprocess.run(script, cwd=project.path, env=environment, capture_output=True, text=True,
                               stdin=subprocess.DEVNULL)
        self.assertNotIn("\033[31m", plain.stdout)
        environment.pop("NO_COLOR")
        coloured = subprocess.run(script, cwd=project.path, env=environment, capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL)
        self.assertIn("\033[1;31mFAIL", coloured.stdout)
        self.assertIn("\033[32m2", coloured.stdout)

    def test_paths_are_files_directories_and_projects(self):
        project = self.house(self.TWO, b_test="it('b', function() end)")
        self.assertIn("1 passed, 0 failed", project.run("test", "policies/tests/b_test.lua").stdout)
        self.assertIn("2 passed, 1 failed", project.run("test", "policies/tests").stdout)
        self.assertIn("2 passed, 1 failed", project.run("test", "policies").stdout)
        elsewhere = self.project(shipped=False)
        self.assertIn("2 passed, 1 failed", elsewhere.run("test", project.path / "policies" / "tests").stdout)
        self.assertIn("2 passed, 1 failed", elsewhere.run("test", "--dir", project.path).stdout)

    def test_nothing_is_left_behind(self):
        before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
        project = self.house("it('x', function() run('counted', { series = { cpu = 1 } }) end)")
        self.assertEqual(project.run("test").returncode, 0)
        self.assertFalse((project.path / ".moontide").exists())
        if before:
            after = {name for name in os.listdir("/dev/shm") if name.startswith("moontide-test")}
            self.assertLessEqual(after, before)


class Shipped(support.Case):
    def test_the_examples_of_the_documentation_run(self):
        project = self.project(shipped=False)
        text = (support.ROOT / "docs" / "testing.md").read_text()
        files = re.findall(r"```lua\n-- (policies/\S+)\n(.*?)```", text, re.S)
        self.assertGreaterEqual(len(files), 3)
        for name, source in files:
            project.write(name, source)
        result = project.run("test")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, r"^6 passed, 0 failed")

    def test_the_shipped_policies_pass_with_every_line_run(self):
        project = self.project()
        result = project.run("test", "--coverage", "--threshold", "100")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_init_writes_a_test_that_passes(self):
        project = self.project(shipped=False)
        self.assertEqual(project.run("init", "fresh").returncode, 0)
        result = project.run("test", "--dir", "fresh")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("2 passed", result.stdout)


if __name__ == "__main__":
    support.main()
