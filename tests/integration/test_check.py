"""`moontide check` as a compiler: what it prints of each file in tests/integration/check is compared, byte by byte, with
the .txt beside it (MOONTIDE_GOLDEN=write writes them anew: read the difference before it is committed)."""

import json
import os
import pathlib
import pty
import select
import subprocess
import time

import support

GOLDEN = pathlib.Path(__file__).resolve().parent / "check"


class Golden(support.Case):
    def test_each_file_is_told_as_it_was(self):
        names = sorted(GOLDEN.glob("*.lua"))
        self.assertTrue(names)
        for source in names:
            with self.subTest(source.name):
                project = self.project(shipped=False, config="return {}\n")
                project.write(f"policies/{source.name}", source.read_text())
                result = project.run("check")
                told = result.stderr + result.stdout + f"exit {result.returncode}\n"
                golden = source.with_suffix(".txt")
                if os.environ.get("MOONTIDE_GOLDEN") == "write":
                    golden.write_text(told)
                self.assertEqual(told, golden.read_text())


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

    def test_a_server_that_is_not_there_is_an_error(self):
        result = self.dir.run("check", "--live", environment=support.aws_environment(support.free_port()))
        self.assertEqual(result.returncode, 1)
        self.assertIn("[E-live]", result.stderr)


if __name__ == "__main__":
    support.main()
