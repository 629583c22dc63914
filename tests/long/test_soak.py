"""Runs that would show a leak: a simulated weekend, and a thousand saves of a policy within a minute; and minutes of
idling in real time. Resident memory is what the daemon says of itself (`moontide status`). Meant for a release build:
sanitizers keep what was freed.

MOONTIDE_SOAK_SECONDS: how long the weekend takes in real time (300). MOONTIDE_IDLE_SECONDS: of idling (300)."""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import support  # noqa: E402
import test_idle  # noqa: E402

WEEKEND_S = 2.5 * 86400
EVERY_S = {"1m": 60, "5m": 300}  # of the shipped policies and of the busy one
SECONDS = float(os.environ.get("MOONTIDE_SOAK_SECONDS", 300))
IDLE_SECONDS = float(os.environ.get("MOONTIDE_IDLE_SECONDS", 300))
# The allocator's own unrest. A leak of 100 bytes a tick would be 360 kB in the 3,600 ticks of a weekend for each of
# the two policies; one evaluation's leftovers are some kilobytes.
GROWTH_BYTES_MAX = 512 << 10

# Everything that changes from tick to tick: a memo that grows and is cut, alerts that come and go, decisions that are
# journaled, a module that is loaded.
BUSY = """
local word = require "lib.word"
return policy {
  name = "busy", every = "1m", targets = { { name = "one" }, { name = "two" }, { name = "three" } },
  metrics = function(t)
    return { x = cloudwatch { namespace = "GMTool/API", name = "ResponseTime", stat = "p90", period = "1m",
                              dimensions = { Environment = "prod" }, window = "3h" } }
  end,
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    memo.seen = memo.seen or {}
    memo.seen[#memo.seen + 1] = { at = memo.count, text = string.rep(word.text, memo.count % 50) }
    if #memo.seen > 100 then memo.seen = {} end
    issue { type = "odd_" .. memo.count % 7, severity = "medium", when = memo.count % 3 == 0, pending = "2m",
            description = "count " .. memo.count .. ", mean " .. tostring(m.x:mean()) }
    recommend { type = "r", action = "do " .. memo.count, impact = "low", effort = "low" }
    decide.ecs_desired_count { cluster = "gm-tool-prod", service = "api", count = 2 + memo.count % 5 }
  end,
}
"""

COUNTER = """
return policy {{
  name = "counter", every = "1m", targets = {{ {{ name = "one" }} }},
  evaluate = function(t, m, memo) issue {{ type = "{type}", severity = "low", description = "d" }} end,
}}
"""


def highest(samples):
    return max(resident for _, resident in samples)


class Soak(support.Case):
    def setUp(self):
        if "asan" in str(support.BUILD):
            self.skipTest("the sanitizers' quarantine keeps what was freed")

    def test_a_weekend_grows_no_memory(self):
        project = self.project()
        project.write("policies/lib/word.lua", 'return { text = "words " }')
        project.write("policies/busy.lua", BUSY)
        speed = WEEKEND_S / SECONDS
        daemon = self.daemon(project, "--world", "sim", "--speed", f"{speed:g}", "--log-level", "warn")
        support.wait_until(lambda: (project.path / ".moontide/control.sock").exists(), "the control socket")
        begin, samples = time.monotonic(), []
        while time.monotonic() < begin + SECONDS:
            status = daemon.status()
            samples.append((time.monotonic() - begin, status["resident_bytes"]))
            time.sleep(SECONDS / 300)
        # Warm is what has seen each window and each state of the policies: a quarter of the way.
        quarter = [s for s in samples if SECONDS * 0.25 <= s[0] < SECONDS * 0.5]
        last = [s for s in samples if s[0] >= SECONDS * 0.75]
        grown = highest(last) - highest(quarter)
        ticks = {p["policy"]: (p["ticks"], p["skipped"], p["failed"]) for p in status["policies"]}
        print(f"weekend: {SECONDS:g} s at speed {speed:g}, ticks (skipped, failed) {ticks}, cpu {status['cpu_ms']} ms, "
              f"resident {highest(samples[:3])} -> {highest(quarter)} -> {highest(last)} bytes: grown {grown}, "
              f"database {(project.path / '.moontide/moontide.db').stat().st_size} bytes", file=sys.stderr)
        every_s = {p["policy"]: EVERY_S[p["every"]] for p in status["policies"]}
        for name, (count, _, failed) in ticks.items():
            # ticks are skipped, and said to be, when the machine is too slow for that speed
            self.assertGreater(count, WEEKEND_S / every_s[name] / 2, f"{name} hardly ran")
            self.assertEqual(failed, 0, f"ticks of {name} failed")
        self.assertLess(grown, GROWTH_BYTES_MAX)
        self.assertEqual(daemon.stop(), 0)

    def test_a_thousand_saves_in_a_minute_leak_nothing(self):
        saves, seconds = 1000, 60
        project = self.project(shipped=False)
        project.write("policies/counter.lua", COUNTER.format(type="first"))
        daemon = self.daemon(project, "--world", "sim", "--speed", "60", "--log-level", "warn")
        support.wait_until(lambda: (project.path / ".moontide/control.sock").exists(), "the control socket")

        def live(name):
            policy = daemon.policy("counter")
            return policy and any(i["type"] == name for t in policy["targets"] for i in t["issues"])
        begin, warm = time.monotonic(), None
        for i in range(saves):
            project.write("policies/counter.lua", COUNTER.format(type=f"save_{i}"))
            time.sleep(max(0, begin + (i + 1) * seconds / saves - time.monotonic()))
            if i == saves // 4:
                warm = daemon.status()["resident_bytes"]
        took = time.monotonic() - begin
        support.wait_until(lambda: live(f"save_{saves - 1}"), "the last save to be live")
        last = daemon.status()["resident_bytes"]
        print(f"{saves} saves in {took:.1f} s: resident {warm} -> {last} bytes", file=sys.stderr)
        self.assertLess(last - warm, GROWTH_BYTES_MAX)
        self.assertEqual(daemon.stop(), 0)

    def test_minutes_at_one_tick_each_cost_less_than_a_thousandth_of_a_core(self):
        daemon = self.daemon(self.project(), "--world", "sim")
        daemon.wait_for("analysis.completed")
        process = test_idle.Process(daemon.process.pid)
        cpu_ms, switches, ticks = process.cpu_ms(), process.voluntary_switches(), len(daemon.events("analysis.completed"))
        time.sleep(IDLE_SECONDS)  # the stretch that is measured
        share = (process.cpu_ms() - cpu_ms) / 1000 / IDLE_SECONDS
        print(f"{IDLE_SECONDS:g} s of idling: {process.cpu_ms() - cpu_ms:.2f} ms of CPU, {share:.5%} of a core, "
              f"{process.voluntary_switches() - switches} voluntary switches, "
              f"{len(daemon.events('analysis.completed')) - ticks} ticks", file=sys.stderr)
        self.assertLess(share, 0.001)


if __name__ == "__main__":
    support.main()
