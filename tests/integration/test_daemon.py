"""The daemon on a simulated fleet: hot reload in every way that editors save, signals, and what survives."""

import os
import shutil
import signal
import time
import unittest

import support

COUNTER = """
return policy {{
  name = "{name}", every = "1m", targets = {{ {{ name = "one" }} }},
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    issue {{ type = "{type}", severity = "low", description = "count " .. memo.count }}
  end,
}}
"""


def counter(name="counter", type="counted"):
    return COUNTER.format(name=name, type=type)


class Reload(support.Case):
    def setUp(self):
        self.dir = self.project(shipped=False)
        self.dir.write("policies/counter.lua", counter())
        self.moontide = self.daemon(self.dir, "--world", "sim", "--speed", "60")
        self.moontide.wait_for("analysis.completed")

    def issue_type(self, policy="counter"):
        found = self.moontide.policy(policy)
        issues = [i for t in found["targets"] for i in t["issues"]] if found else []
        return issues[-1]["type"] if issues else None

    def live(self, type, policy="counter"):
        support.wait_until(lambda: self.issue_type(policy) == type, f"{policy} to raise {type}")

    def test_a_save_by_rename_is_live(self):
        self.dir.write("policies/counter.lua", counter(type="renamed"))
        self.live("renamed")

    def test_a_save_in_place_is_live(self):
        (self.dir.policies / "counter.lua").write_text(counter(type="in_place"))
        self.live("in_place")

    def test_a_save_that_deletes_first_is_live_and_keeps_the_memo(self):
        path = self.dir.policies / "counter.lua"
        path.unlink()
        path.write_text(counter(type="again"))
        self.live("again")
        self.assertFalse(self.moontide.events("policy.removed"))

    def test_a_half_written_file_leaves_the_last_good_one(self):
        text = counter(type="whole")
        path = self.dir.policies / "counter.lua"
        path.write_text(text[:60])
        self.moontide.wait_for("policy.rejected")
        self.assertEqual(self.issue_type(), "counted")
        path.write_text(text)
        self.live("whole")

    def test_a_fault_stands_with_file_and_line_until_it_is_mended(self):
        self.dir.write("policies/counter.lua", "return policy {\n  name = 'counter',\n  evaluate = 3 +,\n}\n")
        event = self.moontide.wait_for("policy.rejected")
        self.assertEqual((event["file"], event["line"]), ("policies/counter.lua", 3))
        fault = support.wait_until(lambda: self.moontide.policy("counter")["fault"], "the fault in status")
        self.assertIn("policies/counter.lua:3", fault)
        before = self.moontide.policy("counter")["ticks"]
        support.wait_until(lambda: self.moontide.policy("counter")["ticks"] > before + 1, "the last good one to go on")
        self.dir.write("policies/counter.lua", counter(type="mended"))
        self.live("mended")
        support.wait_until(lambda: not self.moontide.policy("counter")["fault"], "the fault to go")

    def test_new_deleted_and_renamed_files(self):
        self.dir.write("policies/second.lua", counter("second", "new"))
        self.live("new", "second")
        (self.dir.policies / "second.lua").rename(self.dir.policies / "third.lua")
        support.wait_until(lambda: (self.moontide.policy("second") or {}).get("file") == "policies/third.lua",
                           "the renamed file to carry the policy")
        (self.dir.policies / "third.lua").unlink()
        support.wait_until(lambda: self.moontide.policy("second") is None, "the deleted policy to be gone")
        self.assertIsNotNone(self.moontide.policy("counter"))

    def test_a_changed_module_reloads_only_who_uses_it(self):
        self.dir.write("policies/lib/word.lua", "return { type = 'first' }")
        self.dir.write("policies/user.lua", 'local word = require "lib.word"\n' +
                       counter("user", "x").replace('"x"', "word.type"))
        self.live("first", "user")
        loads = len([e for e in self.moontide.events("policy.loaded") if e["policy"] == "counter"])
        self.dir.write("policies/lib/word.lua", "return { type = 'second' }")
        self.live("second", "user")
        self.assertEqual(len([e for e in self.moontide.events("policy.loaded") if e["policy"] == "counter"]), loads)

    def test_a_directory_that_is_removed_and_made_again(self):
        shutil.rmtree(self.dir.policies)
        self.moontide.wait_for("policy.scan_failed")
        self.assertEqual(self.issue_type(), "counted")  # the last good ones go on
        self.dir.write("policies/counter.lua", counter(type="back"))
        self.live("back")

    def test_two_files_of_one_name_are_refused_until_one_goes(self):
        self.dir.write("policies/twin.lua", counter(type="twin"))
        event = self.moontide.wait_for("policy.rejected")
        self.assertIn("counter", event["error"])
        (self.dir.policies / "counter.lua").unlink()
        self.live("twin")

    def test_a_thousand_saves_leak_nothing_and_the_last_one_wins(self):
        saves = 1000
        self.dir.write("policies/counter.lua", counter(type="warm"))
        self.live("warm")
        before = self.moontide.status()["resident_bytes"]
        for i in range(saves):
            self.dir.write("policies/counter.lua", counter(type=f"save_{i}"))
            time.sleep(0.002)  # a person's pace times a thousand; not a wait for anything
        self.live(f"save_{saves - 1}")
        grown = self.moontide.status()["resident_bytes"] - before
        if "asan" not in str(support.BUILD):  # its quarantine keeps what was freed
            self.assertLess(grown, 8 << 20)

    def test_memo_survives_reload_and_restart(self):
        support.wait_until(lambda: self.moontide.policy("counter")["ticks"] >= 3, "three ticks")
        self.dir.write("policies/counter.lua", counter() + "-- edited\n")
        self.moontide.wait_for("policy.loaded", after=1)
        self.assertEqual(self.moontide.stop(), 0)
        again = self.daemon(self.dir, "--world", "sim", "--speed", "60")
        again.wait_for("analysis.completed")
        issue = again.policy("counter")["targets"][0]["issues"][0]
        self.assertGreater(int(issue["description"].split()[1]), 3)

    def test_reload_by_command_and_by_signal(self):
        result = self.dir.run("reload", "--format", "json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.moontide.process.send_signal(signal.SIGHUP)
        self.moontide.wait_for("daemon.reloaded", after=1)

    def test_reload_by_command_tells_the_faults(self):
        self.dir.write("policies/bad.lua", "return policy { nmae = 'x' }")
        result = self.dir.run("reload")
        self.assertEqual(result.returncode, 1)
        self.assertIn("policies/bad.lua:1", result.stderr)
        self.assertIn("name", result.stderr)


class Ends(support.Case):
    def test_sigterm_and_sigint_end_it_with_0_within_five_seconds(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon(self.project(), "--world", "sim", "--speed", "60")
            daemon.wait_for("analysis.completed")
            begin = time.monotonic()
            self.assertEqual(daemon.stop(sig), 0)
            self.assertLess(time.monotonic() - begin, 5)

    def test_sigterm_ends_ten_thousand_targets_that_use_their_whole_budget(self):
        project = self.project(shipped=False)
        project.write("policies/heavy.lua", """
            local list = {}
            for i = 1, 10000 do list[i] = { name = "t" .. i } end
            return policy { name = "heavy", targets = list, evaluate = function() while true do end end }""")
        daemon = self.daemon(project, "--world", "sim")
        support.wait_until(lambda: os.path.exists(project.path / ".moontide/control.sock"), "the control socket")
        self.assertEqual(daemon.status()["world"], "sim")  # the loop still turns
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_sigkill_is_followed_by_a_clean_start(self):
        project = self.project(shipped=False)
        project.write("policies/counter.lua", counter())
        last = 0
        for _ in range(5):
            daemon = self.daemon(project, "--world", "sim", "--speed", "600")
            support.wait_until(lambda: daemon.process.poll() is not None or len(daemon.events("analysis.completed")) > 3,
                               "a few ticks")
            issue = daemon.policy("counter")["targets"][0]["issues"][0]
            count = int(issue["description"].split()[1])
            self.assertGreaterEqual(count, last)
            last = count
            daemon.kill()

    def test_a_second_daemon_is_refused_and_told_whose_it_is(self):
        project = self.project()
        daemon = self.daemon(project, "--world", "sim")
        daemon.wait_for("daemon.started")
        result = project.run("run", "--world", "sim", timeout=20)
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(daemon.process.pid), result.stderr)


class Watching(support.Case):
    def test_prod_goes_from_healthy_to_critical_and_back_within_a_minute(self):
        daemon = self.daemon(self.project(), "--world", "sim", "--speed", "60")
        begin = time.monotonic()
        seen = []

        def status():
            policy = daemon.policy("performance") if daemon.events("daemon.started") else None
            for t in policy["targets"] if policy else []:
                if t["target"] == "environment=prod" and (not seen or seen[-1] != t["status"]):
                    seen.append(t["status"])
            text = " ".join(seen)
            return "healthy critical" in text and text.rstrip().endswith(("healthy", "warning")) and "critical " in text
        support.wait_until(status, f"healthy -> critical -> back: {seen}", 90)
        self.assertLess(time.monotonic() - begin, 75)


if __name__ == "__main__":
    support.main()
