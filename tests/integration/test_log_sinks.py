"""Where the log of a daemon goes besides standard error: a file that is rotated, and the local syslog."""

import json
import signal
import socket
import subprocess
import time

import support

READ = """
import boto3, json
answer = boto3.client("logs", region_name="us-east-1").get_log_events(
    logGroupName="/moontide/log", logStreamName="one", startFromHead=True)
print(json.dumps([event["message"] for event in answer["events"]]))
"""


def lines(path):
    """The events of a file; every line of it must be whole."""
    text = path.read_text()
    if text and not text.endswith("\n"):
        raise AssertionError(f"{path} ends within a line: {text[-100:]!r}")
    return [json.loads(line) for line in text.splitlines()]


class LogSinks(support.Case):
    def started(self, config):
        project = self.project(config=config)
        daemon = self.daemon(project, "--world", "sim", "--speed", "100")
        daemon.wait_for("daemon.started")
        return project, daemon

    def test_a_file_is_rotated_and_holds_what_standard_error_said(self):
        project, daemon = self.started(
            'return { log = { file = { path = "m.log", max_size = "4KiB", keep = 1000 } } }')
        support.wait_until((project.path / "m.log.3").exists, "three rotations")
        self.assertEqual(daemon.stop(), 0)
        old = sorted(project.path.glob("m.log.*"), key=lambda p: -int(p.suffix[1:]))
        for path in old:
            self.assertLessEqual(path.stat().st_size, 4096, path)
        found = [event for path in old + [project.path / "m.log"] for event in lines(path)]
        self.assertEqual(found, daemon.events())
        self.assertIn("daemon.stopping", [event["event"] for event in found])

    def test_only_so_many_old_files_are_kept(self):
        project, daemon = self.started(
            'return { log = { file = { path = "m.log", max_size = "2KiB", keep = 2 } } }')
        support.wait_until((project.path / "m.log.2").exists, "two rotations")
        count = len(daemon.events())
        support.wait_until(lambda: len(daemon.events()) > count + 50, "some more rotations")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(sorted(p.name for p in project.path.glob("m.log*")), ["m.log", "m.log.1", "m.log.2"])

    def test_sighup_opens_the_file_anew(self):
        project, daemon = self.started('return { log = { file = { path = "m.log" } } }')
        (project.path / "m.log").rename(project.path / "moved")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("daemon.reloaded")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(lines(project.path / "moved") + lines(project.path / "m.log"), daemon.events())
        self.assertIn("daemon.reloaded", [e["event"] for e in lines(project.path / "m.log")])

    def test_a_full_disk_is_said_once_and_the_daemon_goes_on(self):
        project, daemon = self.started('return { log = { file = { path = "/dev/full" } } }')
        count = len(daemon.events())
        support.wait_until(lambda: len(daemon.events()) > count + 20, "it to go on")
        self.assertEqual(daemon.stop(), 0)
        failed = daemon.events("log.sink_failed")
        self.assertEqual([(e["sink"], e["error"]) for e in failed], [("file", "No space left on device")])

    def test_a_file_that_cannot_be_opened_refuses_the_start(self):
        project = self.project(config='return { log = { file = { path = "no/such/dir/m.log" } } }')
        result = project.run("run", "--world", "sim")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no/such/dir/m.log: No such file or directory", result.stderr)

    def test_syslog_gets_the_lines_of_its_level(self):
        project = self.project(config='return { log = { syslog = { path = "log.sock", facility = "local0", '
                                      'ident = "tide", level = "info" } } }')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
            reader.bind(str(project.path / "log.sock"))
            reader.settimeout(support.DEADLINE_S)
            daemon = self.daemon(project, "--world", "sim", "--log-level", "error")
            while True:
                head, _, text = reader.recv(100000).decode().partition(": ")
                event = json.loads(text)
                priority = {"info": 134, "warn": 132, "error": 131}[event["level"]]
                self.assertRegex(head, rf"^<{priority}>[A-Z][a-z][a-z] [ 0-9]\d \d\d:\d\d:\d\d tide\[{daemon.process.pid}\]$")
                if event["event"] == "daemon.started":
                    break
            self.assertEqual(daemon.events("daemon.started"), [])  # standard error's level is another
            self.assertEqual(daemon.stop(), 0)

    CLOUDWATCH = 'return { log = { cloudwatch = { group = "/moontide/log", stream = "one", region = "us-east-1" } } }'

    def test_cloudwatch_logs_makes_group_and_stream_and_gets_every_event_in_order(self):
        support.need("moto")
        support.need("boto3")
        port = support.free_port()
        with support.moto(port):
            project = self.project(config=self.CLOUDWATCH)
            environment = support.aws_environment(port)
            daemon = self.daemon(project, "--world", "sim", environment=environment)
            daemon.wait_for("daemon.started")
            self.assertEqual(daemon.stop(), 0)
            read = subprocess.run([str(support.VENV), "-c", READ], env=environment, capture_output=True, text=True)
            self.assertEqual(read.returncode, 0, read.stderr)
            self.assertEqual([json.loads(m) for m in json.loads(read.stdout)], daemon.events())

    def test_ticks_are_metrics_of_cloudwatch_and_of_nothing_else(self):
        support.need("moto")
        support.need("boto3")
        port = support.free_port()
        with support.moto(port):
            project = self.project(config=self.CLOUDWATCH.replace('region =', 'metrics = "tides", region ='))
            environment = support.aws_environment(port)
            daemon = self.daemon(project, "--world", "sim", "--speed", "60", environment=environment)
            # A policy is judged again when its last tick has ended.
            support.wait_until(lambda: sum(e["policy"] == "performance" for e in daemon.events("analysis.completed")) > 1,
                               "a second tick")
            self.assertEqual(daemon.stop(), 0)
            read = subprocess.run([str(support.VENV), "-c", READ], env=environment, capture_output=True, text=True)
        self.assertEqual(read.returncode, 0, read.stderr)
        lines = [json.loads(m) for m in json.loads(read.stdout)]
        ticks = [line for line in lines if "_aws" in line]
        self.assertGreaterEqual(len(ticks), 1)
        self.assertEqual([line for line in lines if "_aws" not in line], daemon.events())
        for tick in ticks:
            kind = tick["_aws"]["CloudWatchMetrics"][0]
            self.assertEqual((kind["Namespace"], kind["Dimensions"], tick["World"]), ("tides", [["World"]], "sim"))
            for metric in kind["Metrics"]:
                self.assertIsInstance(tick[metric["Name"]], (int, float), metric)
        whole = [tick for tick in ticks if tick["Errors"] == 0]  # the end may cut others short, which says so
        self.assertGreaterEqual(len(whole), 1)
        for tick in whole:
            self.assertGreater(tick["Targets"], 0)

    def test_a_dead_service_holds_up_neither_the_daemon_nor_its_end(self):
        project = self.project(config=self.CLOUDWATCH)
        daemon = self.daemon(project, "--world", "sim", environment=support.aws_environment(support.free_port()))
        daemon.wait_for("log.cloudwatch_waits")
        count = len(daemon.events("analysis.completed"))
        daemon.wait_for("analysis.completed", after=count)
        began = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(len(daemon.events("log.cloudwatch_waits")), 1)


if __name__ == "__main__":
    support.main()
