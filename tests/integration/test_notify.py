"""What the daemon tells systemd (sd_notify's protocol), received by a socket of this test; and the unit itself."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import support

POLICY = 'return policy { name = "one", evaluate = function() end }'


class Listener:
    """The socket of NOTIFY_SOCKET; every datagram with the time when it came."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.messages = []

    def wait_for(self, wanted, count=1):
        """Receives until that line came `count` times; gives all messages up to there."""
        end = time.monotonic() + support.DEADLINE_S
        while sum(wanted in lines for _, lines in self.messages) < count:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                text = self.socket.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"no {wanted} but {self.messages}") from None
            self.messages.append((time.monotonic(), text.split("\n")))
        return self.messages

    def lines(self):
        return [line for _, lines in self.messages for line in lines]


class Notify(support.Case):
    def start(self, abstract=False, policies=True, **environment):
        self.dir = self.project(shipped=False)
        if policies:
            self.dir.write("policies/one.lua", POLICY)
        else:
            self.dir.policies.rmdir()
        address = f"@moontide-test-{os.getpid()}" if abstract else str(self.dir.path / "notify")
        listener = Listener(address)
        self.addCleanup(listener.socket.close)
        self.moontide = self.daemon(self.dir, "--world", "sim", environment=support.clean_environment(
            NOTIFY_SOCKET=address, **environment))
        return listener

    def test_ready_comes_once_and_after_the_first_load(self):
        listener = self.start()
        listener.wait_for("READY=1")
        self.assertTrue(self.moontide.events("policy.loaded"))
        self.assertTrue(self.dir.run("status").returncode == 0)
        self.assertEqual(self.moontide.stop(), 0)
        listener.wait_for("STOPPING=1")
        self.assertEqual([line for line in listener.lines() if "=" in line], ["READY=1", "STOPPING=1"])

    def test_an_abstract_socket_hears_the_same(self):
        listener = self.start(abstract=True)
        listener.wait_for("READY=1")

    def test_the_watchdog_is_fed_at_half_its_time(self):
        watchdog_s = 1.0
        listener = self.start(WATCHDOG_USEC=int(watchdog_s * 1e6))
        messages = listener.wait_for("WATCHDOG=1", 4)
        times = [at for at, lines in messages if "WATCHDOG=1" in lines]
        for before, after in zip(times, times[1:]):
            self.assertLess(after - before, watchdog_s)
        self.assertGreater(times[-1] - times[0], 0.9 * 3 * watchdog_s / 2)

    def test_the_watchdog_of_another_process_is_left_alone(self):
        listener = self.start(WATCHDOG_USEC=1000, WATCHDOG_PID=1)
        listener.wait_for("READY=1")
        self.moontide.stop()
        listener.wait_for("STOPPING=1")
        self.assertNotIn("WATCHDOG=1", listener.lines())

    def test_a_reload_is_announced_and_ended(self):
        listener = self.start()
        listener.wait_for("READY=1")
        began_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.dir.write("policies/bad.lua", "return policy {")  # a fault ends a reload too
        self.moontide.process.send_signal(signal.SIGHUP)
        listener.wait_for("READY=1", 2)
        lines = listener.lines()
        self.assertLess(lines.index("RELOADING=1"), len(lines) - 1 - lines[::-1].index("READY=1"))
        at = [int(line.split("=")[1]) for line in lines if line.startswith("MONOTONIC_USEC=")]
        self.assertEqual(len(at), 1)
        self.assertGreaterEqual(at[0], began_usec)

    def test_a_daemon_that_cannot_start_is_never_ready(self):
        listener = self.start(policies=False)
        self.assertEqual(self.moontide.process.wait(support.DEADLINE_S), 1)
        listener.wait_for("STOPPING=1")
        self.assertNotIn("READY=1", listener.lines())

    def test_a_listener_that_is_gone_is_no_error(self):
        listener = self.start()
        listener.wait_for("READY=1")
        listener.socket.close()
        self.moontide.process.send_signal(signal.SIGHUP)
        self.moontide.wait_for("daemon.reloaded")
        self.assertEqual(self.moontide.stop(), 0)


class Unit(support.Case):
    EXPOSURE_MAX = 2.0  # of 10; systemd calls up to 4 "OK"

    def setUp(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("SKIPPED: systemd-analyze is not here (Debian package systemd)")
        unit = (support.BUILD / "moontide.service").read_text()
        self.unit = self.project(shipped=False).path / "moontide.service"
        # the program is not installed where the unit will find it
        self.unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={support.MOONTIDE}", unit))

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments, str(self.unit)], capture_output=True, text=True,
                              timeout=support.DEADLINE_S)

    def test_the_unit_is_valid(self):
        result = self.analyze("verify", "--man=no")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_the_unit_is_hardened(self):
        result = self.analyze("security", "--offline=true", "--no-pager")
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
        self.assertIsNotNone(exposure, result.stdout + result.stderr)
        self.assertLessEqual(float(exposure.group(1)), self.EXPOSURE_MAX, result.stdout)


if __name__ == "__main__":
    support.main()
