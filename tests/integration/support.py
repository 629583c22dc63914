"""What the integration tests share: a project directory, the program under test, and servers that are
started on loopback, waited for by a condition, and ended by process id."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MOONTIDE_BUILD", ROOT / "build" / "asan"))
MOONTIDE = BUILD / "moontide"
ANSWERER = BUILD / "tests" / "answerer"
VENV = ROOT / "build" / "venv" / "bin" / "python"
SHARED_DATA = ROOT.parent / "shared" / "data"

# Valgrind and the sanitizers are slow: every wait is for a condition, with a generous end.
DEADLINE_S = 60


def clean_environment(**extra):
    """The environment without anything of AWS, and without CI's own word, so that nothing outside decides a test."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith("AWS_") and not k.lower().endswith("_proxy") and k != "CI"}
    kept.update(AWS_EC2_METADATA_DISABLED="true", HOME="/nonexistent", NO_COLOR="1")
    kept.update({k: str(v) for k, v in extra.items()})
    return kept


def aws_environment(port, **extra):
    return clean_environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", AWS_ACCESS_KEY_ID="test",
                             AWS_SECRET_ACCESS_KEY="test", AWS_REGION="us-east-1", **extra)


def wait_until(condition, what, seconds=DEADLINE_S):
    """Polls a condition; fails with `what` when it does not come true in time. Gives what it gave."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def server(arguments, port, environment=None):
    """Starts a server that listens on `port`, gives its process, and ends it by its process group."""
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                               env=environment, start_new_session=True)
    try:
        def ready():
            if process.poll() is not None:
                log.seek(0)
                raise AssertionError(f"{arguments[0]} ended: {log.read().decode(errors='replace')[-2000:]}")
            return accepts(port)
        wait_until(ready, f"{arguments} to listen on {port}")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def ministack(port):
    return server([str(VENV), "-m", "ministack"], port,
                  clean_environment(GATEWAY_PORT=port, BIND_HOST="127.0.0.1", GATEWAY_HOST="127.0.0.1",
                                    IOT_MTLS_ENABLED="0", HOME=tempfile.gettempdir()))


def moto(port):
    return server([str(VENV.parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port,
                  clean_environment(HOME=tempfile.gettempdir()))


def need(module):
    """Skips, by name and loudly, where a Python peer could not be had."""
    if not VENV.exists() or subprocess.run([str(VENV), "-c", f"import {module}"], capture_output=True).returncode:
        raise unittest.SkipTest(f"SKIPPED: the Python package {module} is not in build/venv (see scripts/test)")


class Project:
    """A project directory in a temporary place."""

    def __init__(self, shipped=True, config=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="moontide-test-"))
        self.policies = self.path / "policies"
        if shipped:
            shutil.copytree(ROOT / "policies", self.policies)
        else:
            self.policies.mkdir()
        if config is not None:
            (self.path / "moontide.lua").write_text(config)

    def write(self, name, text):
        """A save as an editor does it: whole, by rename."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + "~")
        draft.write_text(text)
        draft.rename(target)

    def run(self, *arguments, environment=None, timeout=DEADLINE_S, stdin=None):
        return subprocess.run([str(MOONTIDE), *map(str, arguments)], cwd=self.path, capture_output=True, text=True,
                              env=environment or clean_environment(), timeout=timeout, input=stdin,
                              stdin=subprocess.DEVNULL if stdin is None else None)

    def once(self, *arguments, environment=None, status=None):
        """`run --once --format json`: the document. Checks the exit status when one is named."""
        result = self.run("run", "--once", "--format", "json", *arguments, environment=environment)
        if status is not None and result.returncode != status:
            raise AssertionError(f"exit {result.returncode}, not {status}: {result.stderr}\n{result.stdout}")
        return json.loads(result.stdout)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Daemon:
    """`moontide run` in a project; its log as a list of events."""

    def __init__(self, project, *arguments, environment=None):
        self.project = project
        self.log_path = project.path / f"log-{time.monotonic_ns()}"
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen([str(MOONTIDE), "run", "--log-format", "json", *map(str, arguments)],
                                        cwd=project.path, env=environment or clean_environment(), stderr=self.log,
                                        stdout=self.log, stdin=subprocess.DEVNULL)

    def events(self, name=None):
        found = []
        for line in self.log_path.read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if name is None or event.get("event") == name:
                found.append(event)
        return found

    def text(self):
        return self.log_path.read_text(errors="replace")

    def wait_for(self, name, condition=lambda event: True, after=0, what=None):
        """The first event of that name (from the `after`-th of them on) for which the condition holds."""
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended ({self.process.returncode}): {self.text()[-3000:]}")
            return next((e for e in self.events(name)[after:] if condition(e)), None)
        return wait_until(look, what or f"event {name}\n{self.text()[-1500:]}")

    def status(self):
        result = self.project.run("status", "--format", "json")
        if result.returncode:
            raise AssertionError(result.stderr)
        return json.loads(result.stdout)

    def policy(self, name):
        return next((p for p in self.status()["policies"] if p["policy"] == name), None)

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self.log.close()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Case(unittest.TestCase):
    """A test with projects and daemons that are cleaned up whatever happens."""

    def project(self, **arguments):
        project = Project(**arguments)
        self.addCleanup(project.close)
        return project

    def daemon(self, project, *arguments, environment=None):
        daemon = Daemon(project, *arguments, environment=environment)
        self.addCleanup(daemon.kill)
        return daemon


def main():
    """Runs the file's tests; 77 (ctest's skip) when every one of them was skipped."""
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    for _, reason in result.skipped:
        print(reason, file=sys.stderr)
    sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
