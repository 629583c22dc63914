"""The commands as a person types them: output, exit status, and what is said when something is wrong."""

import json
import os
import pathlib
import stat
import subprocess
import unittest

import support

BAD_POLICY = """
local limit = 3
return policy {
  name = "bad",
  evry = "1m",
  metrics = function(t)
    return { x = cloudwatch { namespace = "A", name = "B", stat = "p999x", period = "7s" } }
  end,
  evaluate = function(t, m) end,
}
"""


class CommandLine(support.Case):
    def test_version_and_help(self):
        project = self.project()
        self.assertRegex(project.run("version").stdout, r"^moontide \d+\.\d+\.\d+\n")
        self.assertIn("usage: moontide", project.run("--help").stdout)
        self.assertIn("--world", project.run("run", "--help").stdout)

    def test_wrong_usage_is_1_with_the_usage_of_that_command(self):
        project = self.project()
        for words, hint in ((["rum"], "did you mean 'run'"), (["run", "--wrld", "sim"], "did you mean --world"),
                            (["run", "--world"], "value"), (["eval"], "EXPR"), (["run", "x"], "did not expect x"),
                            (["run", "--world", "mars"], "mars"), (["run", "--speed", "2"], "sim"),
                            (["run", "--once", "--format", "xml"], "xml"), (["run", "--mode", "yolo"], "yolo")):
            result = project.run(*words)
            self.assertEqual(result.returncode, 1, words)
            self.assertIn(hint, result.stderr, words)
            self.assertEqual(result.stdout, "", words)

    def test_without_credentials_every_place_is_named(self):
        project = self.project(config='return { region = "us-east-1" }')
        result = project.run("run", "--once")
        self.assertEqual(result.returncode, 1)
        told = result.stderr + result.stdout
        for place in ("AWS_ACCESS_KEY_ID", ".aws/credentials", "AWS_CONTAINER_CREDENTIALS", "imds"):
            self.assertIn(place, told)
        daemon = project.run("run", timeout=30)  # not a daemon to leave running
        self.assertEqual(daemon.returncode, 1)
        self.assertIn("AWS_ACCESS_KEY_ID", daemon.stderr)

    def test_init_makes_a_directory_that_check_passes_and_once_runs(self):
        project = self.project(shipped=False)
        self.assertEqual(project.run("init", "fresh").returncode, 0)
        checked = project.run("check", "fresh")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        once = project.run("run", "--once", "--world", "sim", "--dir", "fresh")
        self.assertEqual(once.returncode, 0, once.stderr)
        self.assertIn("environment=prod", once.stdout)
        (project.path / "fresh/moontide.lua").write_text("return { language = 'ko' }")
        self.assertEqual(project.run("init", "fresh").returncode, 0)  # never overwrites what a person wrote
        self.assertIn("ko", (project.path / "fresh/moontide.lua").read_text())

    def test_once_prints_the_one_document(self):
        document = self.project().once("--world", "sim", status=0)
        self.assertEqual(list(document), ["at", "world", "targets", "errors", "cost"])
        self.assertEqual(document["world"], "sim")
        for target in document["targets"]:
            self.assertEqual(list(target), ["policy", "target", "status", "issues", "recommendations", "decisions", "unknown"])
            self.assertIn(target["status"], ("healthy", "unknown", "warning", "critical"))

    def test_once_fails_when_a_policy_does_not_load(self):
        project = self.project()
        project.write("policies/broken.lua", "return policy {{\n")
        document = project.once("--world", "sim", status=1)
        error = document["errors"][0]
        self.assertEqual(error["file"], "policies/broken.lua")
        self.assertEqual(error["line"], 2)
        self.assertTrue(document["targets"])  # the others were judged all the same


class Check(support.Case):
    def test_all_faults_in_one_go_with_line_and_the_nearest_name(self):
        project = self.project(config="return {\n  regoin = 'us-east-1',\n}")
        project.write("policies/bad.lua", BAD_POLICY)
        project.write("policies/broken.lua", "return policy {\n  name = 'broken',\n  evaluate = = 3,\n}\n")
        result = project.run("check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("moontide.lua:2", result.stderr)
        self.assertIn("region", result.stderr)
        project.write("moontide.lua", "return {}")
        result = project.run("check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("policies/broken.lua:3", result.stderr)
        self.assertIn("policies/bad.lua:5", result.stderr)
        self.assertIn("every", result.stderr)
        self.assertIn("p999x", result.stderr)
        self.assertIn("period", result.stderr)

    def test_duplicate_names(self):
        project = self.project()
        project.write("policies/copy.lua", (project.policies / "performance.lua").read_text())
        result = project.run("check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("performance", result.stderr)

    def test_one_file(self):
        project = self.project()
        self.assertEqual(project.run("check", "policies/performance.lua").returncode, 0)
        self.assertEqual(project.run("check", "policies/nothing.lua").returncode, 1)

    def test_bytecode_a_huge_file_and_a_directory_in_place_of_a_file(self):
        project = self.project()
        (project.policies / "bytes.lua").write_bytes(b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n")
        with open(project.policies / "huge.lua", "wb") as file:
            file.truncate(100 << 20)
        (project.policies / "folder.lua").mkdir()
        result = project.run("check")
        self.assertEqual(result.returncode, 1)
        for name in ("bytes.lua", "huge.lua", "folder.lua"):
            self.assertIn(name, result.stderr)
        self.assertIn("limit", result.stderr)

    @unittest.skipIf(os.geteuid() == 0, "SKIPPED: root reads everything")
    def test_an_unreadable_directory(self):
        project = self.project()
        project.policies.chmod(0)
        self.addCleanup(project.policies.chmod, stat.S_IRWXU)
        self.assertEqual(project.run("check").returncode, 1)


class Scripts(support.Case):
    def test_eval_echoes_an_expression(self):
        project = self.project()
        self.assertEqual(project.run("eval", "--world", "sim", "1 + 1").stdout, "2\n")
        self.assertIn('a = 1', project.run("eval", "--world", "sim", "{ a = 1 }").stdout)
        failed = project.run("eval", "--world", "sim", "error('no')")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("no", failed.stderr)
        self.assertIn("traceback", failed.stderr)

    def test_a_script_has_arguments_a_shebang_and_an_exit_status(self):
        project = self.project()
        project.write("s.lua", "#!/usr/bin/env -S moontide script\nprint(arg[0], arg[1], select('#', ...), ...)\nos.exit(7)\n")
        result = project.run("script", "--world", "sim", "s.lua", "--one", "two")
        self.assertEqual(result.returncode, 7, result.stderr)
        self.assertEqual(result.stdout.split(), ["s.lua", "--one", "2", "--one", "two"])

    def test_a_script_that_fails_names_file_and_line(self):
        project = self.project()
        project.write("s.lua", "local x\nprint(x.y)\n")
        result = project.run("script", "--world", "sim", "s.lua")
        self.assertEqual(result.returncode, 1)
        self.assertIn("s.lua:2", result.stderr)

    def test_several_waiting_calls_at_once(self):
        project = self.project()
        project.write("s.lua", """
            local begin = time.now()
            local a, b = table.unpack(async.all { function() async.sleep(0.3); return "a" end,
                                                  function() async.sleep("300ms"); return "b" end })
            print(a, b, time.now() - begin < 0.55)
            print(pcall(async.timeout, 0.05, async.sleep, 10))""")
        result = project.run("script", "--world", "sim", "s.lua")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["a", "b", "true"])
        self.assertTrue(lines[1].startswith("false"))

    def test_a_pipe_into_the_repl_runs_what_it_reads(self):
        project = self.project()
        result = project.run("repl", "--world", "sim", stdin="x = 20\nx + 1\nfor i = 1, 2 do\n  print(i)\nend\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.split(), ["21", "1", "2"])
        self.assertEqual(project.run("repl", "--world", "sim", stdin="error('x')\n").returncode, 1)


class Install(support.Case):
    def test_cmake_install_works(self):
        project = self.project(shipped=False)
        prefix = project.path / "prefix"
        subprocess.run(["cmake", "--install", str(support.BUILD), "--prefix", str(prefix)], check=True, capture_output=True)
        self.assertTrue((prefix / "bin/moontide").exists())
        self.assertTrue((prefix / "share/moontide/policies/performance.lua").exists())
        self.assertTrue((prefix / "lib/systemd/system/moontide.service").exists())
        version = subprocess.run([prefix / "bin/moontide", "version"], capture_output=True, text=True)
        self.assertEqual(version.returncode, 0)


if __name__ == "__main__":
    support.main()
