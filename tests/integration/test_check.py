"""`moontide check` as a compiler: what it prints of each file in tests/integration/check is compared, byte by byte, with
the .txt beside it (MOONTIDE_GOLDEN=write writes them anew: read the difference before it is committed)."""

import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import threading
import time
import unittest

import support

GOLDEN = pathlib.Path(__file__).resolve().parent / "check"


class Golden(support.Case):
    def test_each_file_is_told_as_it_was(self):
        names = sorted(GOLDEN.glob("*.lua"))
        self.assertTrue(names)
        for source in names:
            with self.subTest(source.name):
                project = self.project(shipped=False, config="return {}\n")
                (project.policies / source.name).write_bytes(source.read_bytes())
                result = project.run("check")
                told = result.stderr + result.stdout + f"exit {result.returncode}\n"
                golden = source.with_suffix(".txt")
                if os.environ.get("MOONTIDE_GOLDEN") == "write":
                    golden.write_text(told)
                self.assertEqual(told, golden.read_text())


    def test_several_files_come_in_their_order_and_the_modules_after(self):
        project = self.project(shipped=False, config="return {}\n")
        project.write("policies/lib/words.lua", "return { say = function() return nothing end }\n")
        for name in "ba":
            project.write(f"policies/{name}.lua", f"local words = require 'lib.words'\nreturn policy {{ name = '{name}',\n"
                          "  evaluate = function() isue {} words.say() end }\n")
        result = project.run("check", "--format", "gcc", "policies/b.lua", "policies/a.lua")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.splitlines(), [
            "policies/b.lua:3:25: error: unknown name 'isue' (did you mean 'issue'?) [E-unknown-name]",
            "policies/a.lua:3:25: error: unknown name 'isue' (did you mean 'issue'?) [E-unknown-name]",
            "policies/lib/words.lua:1:34: error: unknown name 'nothing' [E-unknown-name]"])
        project.write("policies/lib/words.lua", "return { say = function() return 1 end }\n")
        self.assertEqual(project.run("check", "policies/a.lua", "policies/b.lua").returncode, 1)
        self.assertEqual(project.run("check", "policies/none.lua").returncode, 1)

    def test_warnings_alone_pass_and_fail_when_strict(self):
        project = self.project(shipped=False, config="return {}\n")
        project.write("policies/a.lua", (GOLDEN / "warning.lua").read_text())
        result = project.run("check")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout, "ok: 1 policy, 1 warning\n")
        self.assertIn("[W-unused-metric]", result.stderr)
        strict = project.run("check", "--strict")
        self.assertEqual(strict.returncode, 1)
        self.assertEqual(strict.stdout, "")

    def test_the_document_has_each_finding_with_its_place(self):
        project = self.project(shipped=False, config="return {}\n")
        project.write("policies/a.lua", (GOLDEN / "warning.lua").read_text())
        document = json.loads(project.run("check", "--format", "json").stdout)
        self.assertEqual(document["faults"], [{
            "file": "policies/a.lua", "line": 6, "column": 7, "end_column": 11, "severity": "warning",
            "code": "W-unused-metric", "message": "the metric 'disk' is declared and never read",
            "hint": "take it out, or read it: what is declared is asked of CloudWatch, and paid", "warning": True}])
        self.assertEqual((document["ok"], document["errors"], document["warnings"]), (True, 0, 1))
        self.assertEqual(project.run("check", "--format", "xml").returncode, 1)

    def test_colours_on_a_terminal_and_not_with_no_color(self):
        project = self.project(shipped=False, config="return {}\n")
        project.write("policies/a.lua", (GOLDEN / "warning.lua").read_text())
        for extra, coloured in (({"TERM": "xterm", "NO_COLOR": ""}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
            leader, follower = pty.openpty()
            environment = support.clean_environment()
            environment.update(extra)
            subprocess.run([str(support.MOONTIDE), "check"], cwd=project.path, env=environment, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=follower, check=True)
            os.close(follower)
            told = os.read(leader, 65536)
            os.close(leader)
            self.assertEqual(b"\033[" in told, coloured, told)

    @unittest.skipUnless(shutil.which("vim"), "SKIPPED: there is no vim")
    def test_vim_goes_from_finding_to_finding(self):
        project = self.project(shipped=False, config="return {}\n")
        project.write("policies/a.lua", (GOLDEN / "many.lua").read_text())
        subprocess.run(["vim", "-es", "-u", "NONE", "-c", f"set makeprg={support.MOONTIDE}\\ check\\ --format\\ gcc",
                        "-c", "silent make", "-c", "cnext", "-c", "call writefile([expand('%'), line('.'), col('.')], 'at')",
                        "-c", "qa!"], cwd=project.path, env=support.clean_environment(TERM="dumb"), check=True,
                       capture_output=True, stdin=subprocess.DEVNULL, timeout=support.DEADLINE_S)
        self.assertEqual((project.path / "at").read_text().split(), ["policies/a.lua", "15", "5"])

    def test_what_ships_has_no_finding(self):
        result = self.project().run("check", "--strict")
        self.assertEqual(result.returncode, 0, result.stderr)


PAGE = support.ROOT / "docs" / "check.md"
WRAPPED = """
return policy {
  name = "example", mode = "act",
  metrics = function()
    return { cpu = cloudwatch { namespace = "N", name = "Cpu" }, memory = cloudwatch { namespace = "N", name = "Memory" },
             errors = cloudwatch { namespace = "N", name = "Errors", missing = "breaching" } }
  end,
  checks = { reads_all = function(_, m) return m.memory:above(1) or m.cpu:above(2) or m.errors:above(3) end },
  evaluate = function(t, m, memo)
%s
  end,
}
"""


def policy_of(block):
    """A whole policy, fields of one, or the body of evaluate: as docs/check.md says."""
    if "return policy" in block:
        return block
    if re.match(r"\w+ = (function|\{)", block) and block.rstrip().endswith(","):
        return "return policy { name = 'example',\n" + block + "}\n"
    return WRAPPED % block


class Page(support.Case):
    """docs/check.md has each code with an example that has the finding, and one that does not."""

    def setUp(self):
        text = PAGE.read_text()
        self.sections = {part.split("\n", 1)[0]: part for part in re.split(r"^### ", text, flags=re.M)[1:]}
        self.dir = self.project(shipped=False, config="return {}\n")

    def codes(self, block):
        self.dir.write("policies/example.lua", policy_of(block))
        result = self.dir.run("check", "--format", "json")
        return {finding["code"] for finding in json.loads(result.stdout)["faults"]}, result.stdout

    def test_each_code_has_a_section_and_is_explained_by_it(self):
        listed = self.dir.run("check", "--explain", "all")
        self.assertEqual(listed.returncode, 0)
        self.assertEqual(sorted(line.split()[0] for line in listed.stdout.splitlines()), sorted(self.sections))
        for code, section in self.sections.items():
            told = self.dir.run("check", "--explain", code)
            self.assertEqual(told.returncode, 0)
            self.assertIn(section.split("\n")[2], told.stdout, code)
            self.assertNotIn("###", told.stdout, code)

    def test_a_code_that_does_not_exist_is_told_with_the_nearest(self):
        result = self.dir.run("check", "--explain", "W-nil-valu")
        self.assertEqual(result.returncode, 1)
        self.assertIn("did you mean W-nil-value?", result.stderr)

    def test_the_examples_have_their_findings_and_no_others(self):
        for code, section in self.sections.items():
            blocks = re.findall(r"^```lua\n(.*?)^```$", section, flags=re.M | re.S)
            self.assertIn(len(blocks), (0, 2), code)
            if not blocks:
                continue
            with self.subTest(code):
                found, told = self.codes(blocks[0])
                self.assertIn(code, found, told)
                found, told = self.codes(blocks[1])
                self.assertEqual(found, set(), told)

    def test_the_example_of_a_comment_allows_it(self):
        block = re.search(r"^```lua\n(.*?)^```$", PAGE.read_text(), flags=re.M | re.S).group(1)
        found, told = self.codes(block)
        self.assertEqual(found, set(), told)
        found, _ = self.codes(block.replace("-- moontide: allow", "-- allow"))
        self.assertEqual(found, {"W-unused-metric"})


LIVE_POLICY = """
return policy {
  name = "live",
  targets = { { environment = "prod" }, { environment = "staging" }, { environment = "prodd" } },
  metrics = function(t)
    local env = { Environment = t.environment }
    return {
      cpu = cloudwatch { namespace = "Live/Host", name = "Cpu", dimensions = env },
      top = cloudwatch { namespace = "Live/Host", name = "Cpu", dimensions = env, stat = "Maximum" },
      typo = cloudwatch { namespace = "Live/Host", name = "Cpuu", dimensions = { Environment = "prod" } },
      lost = cloudwatch { namespace = "Live/Hots", name = "Cpu", dimensions = { Environment = "prod" } },
      shape = cloudwatch { namespace = "Live/Host", name = "Disk" },
      ratio = cloudwatch { expression = "100 * a", using = {
        a = cloudwatch { namespace = "Live/Host", name = "Diks", dimensions = { Environment = "prod" } } } },
    }
  end,
  evaluate = function(_, m)
    for name in pairs(m) do log.info(name) end
  end,
}
"""


class Live(support.Case):
    @classmethod
    def setUpClass(cls):
        support.need("moto")
        support.need("boto3")
        cls.port = support.free_port()
        server = support.moto(cls.port)
        server.__enter__()
        cls.addClassCleanup(server.__exit__, None, None, None)
        now = int(time.time())
        metrics = [{"namespace": "Live/Host", "name": name, "environment": environment, "time": now, "values": [1.0]}
                   for name in ("Cpu", "Disk") for environment in ("prod", "staging")]
        subprocess.run([str(support.VENV), str(pathlib.Path(__file__).parent / "put_metrics.py"),
                        f"http://127.0.0.1:{cls.port}"], input=json.dumps(metrics), text=True, check=True,
                       env=support.clean_environment())

    def setUp(self):
        self.dir = self.project(shipped=False, config='return { region = "us-east-1" }\n')
        self.dir.write("policies/live.lua", LIVE_POLICY)

    def test_what_cloudwatch_does_not_have_is_told_with_what_is_near(self):
        result = self.dir.run("check", "--live", "--format", "json", environment=support.aws_environment(self.port))
        self.assertEqual(result.returncode, 0, result.stderr)
        found = {f["message"].split(":")[0]: f for f in json.loads(result.stdout)["faults"]}
        self.assertEqual(sorted(found), ["a", "cpu", "lost", "shape", "typo"], result.stdout)
        for finding in found.values():
            self.assertEqual(finding["code"], "W-metric-not-found")
            self.assertEqual(finding["file"], "policies/live.lua")
        self.assertIn("'prodd'", found["cpu"]["message"])
        self.assertEqual(found["cpu"]["hint"], "did you mean 'prod'?")
        self.assertEqual(found["cpu"]["line"], 8)
        self.assertEqual(found["typo"]["hint"], "did you mean 'Cpu'?")
        self.assertEqual(found["a"]["hint"], "did you mean 'Disk'?")
        self.assertEqual(found["lost"]["hint"], "did you mean 'Live/Host'?")
        self.assertIn("Environment", found["shape"]["hint"])

    def test_strict_fails_on_them_and_offline_says_nothing(self):
        environment = support.aws_environment(self.port)
        self.assertEqual(self.dir.run("check", "--live", "--strict", environment=environment).returncode, 1)
        self.assertEqual(self.dir.run("check", "--strict", environment=environment).returncode, 0)

    def test_without_credentials_it_is_an_error_that_names_the_places(self):
        environment = support.clean_environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{self.port}")
        result = self.dir.run("check", "--live", environment=environment)
        self.assertEqual(result.returncode, 1)
        self.assertIn("[E-live]", result.stderr)
        self.assertIn("AWS_ACCESS_KEY_ID", result.stderr)
        self.assertEqual(result.stderr.count("[E-live]"), 1)  # once, not once a metric

    def test_a_refusal_names_the_action_that_is_needed(self):
        class Refuses(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.dumps({"__type": "AccessDeniedException", "message": "not allowed"}).encode()
                self.send_response(403)
                for name, value in (("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(body))),
                                    ("x-amzn-errortype", "AccessDeniedException")):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        result = self.dir.run("check", "--live", environment=support.aws_environment(server.server_port))
        self.assertEqual(result.returncode, 1)
        self.assertIn("not allowed", result.stderr)
        self.assertIn("cloudwatch:ListMetrics", result.stderr)
        self.assertEqual(result.stderr.count("[E-live]"), 1)

    def test_a_server_that_is_not_there_is_an_error(self):
        result = self.dir.run("check", "--live", environment=support.aws_environment(support.free_port()))
        self.assertEqual(result.returncode, 1)
        self.assertIn("[E-live]", result.stderr)


if __name__ == "__main__":
    support.main()
