"""What ticks see is recorded: by the daemon on a simulated fleet, through kill -9 and restarts, read beside it by other
processes, within its size, and never a reason not to run."""

import datetime
import json
import pathlib
import sqlite3
import stat

import support

POLICY = """
return policy {
  name = "counter", every = "1m", targets = { { name = "one" }, { name = "two" } },
  metrics = function(t)
    return { p99 = cloudwatch { namespace = "GMTool/API", name = "ResponseTime", stat = "p99", period = "5m",
                                dimensions = { Environment = "prod" } } }
  end,
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    issue { type = "counted", severity = "low",
            description = ("%s %d: %d of %s"):format(t.name, memo.count, m.p99:len(), tostring(m.p99:last())) }
  end,
}
"""

# Each tick another memo, of text that does not compress well.
LARGE = """
local function noise(n, seed)
  local out = {}
  for i = 1, n do
    seed = (seed * 1103515245 + 12345) % 2147483648
    out[i] = string.char(48 + seed // 65536 % 75)
  end
  return table.concat(out)
end
return policy {
  name = "large", every = "1s", targets = { { name = "one" } },
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    memo.noise = noise(20000, memo.count)
  end,
}
"""


class Base(support.Case):
    def start(self, policy=POLICY, config=None):
        self.dir = self.project(shipped=False, config=config)
        self.dir.write("policies/policy.lua", policy)
        self.file = self.dir.path / ".moontide" / "recording.db"
        return self.dir

    def good(self, *arguments):
        result = self.dir.run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result.stdout

    def refused(self, *arguments):
        result = self.dir.run(*arguments)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(result.stdout, "")
        return result.stderr

    def ticks(self, *arguments):
        text = self.good("journal", "ticks", "--format", "json", "--limit", "100000", *arguments)
        return [json.loads(line) for line in text.splitlines()]

    def export(self, tick, *arguments):
        return json.loads(self.good("journal", "export", "--tick", str(tick), *arguments))

    def recorded(self, count):
        """The recorded ticks, once there are so many."""
        def enough():
            found = self.ticks() if self.file.exists() else []
            return found if len(found) >= count else None
        return support.wait_until(enough, f"{count} recorded ticks")


class Daemon(Base):
    def test_each_tick_is_recorded_as_it_was_seen(self):
        self.start()
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed", after=7)
        ticks = self.recorded(7)
        self.assertEqual([t["tick"] for t in ticks], list(range(1, len(ticks) + 1)))
        self.assertEqual({t["policy"] for t in ticks}, {"counter"})
        self.assertEqual({t["world"] for t in ticks}, {"sim"})
        self.assertEqual([t["whole"] for t in ticks[:3]], [True, False, False])
        for number in (1, 4, 7):
            tick = self.export(number)
            self.assertEqual(tick["tick"], number)
            self.assertEqual(tick["at"], ticks[number - 1]["at"])
            self.assertEqual([t["id"] for t in tick["targets"]], ["name=one", "name=two"])
            for target in tick["targets"]:
                self.assertEqual(target["memo"], None if number == 1 else {"count": number - 1})
                series = target["series"]["p99"]
                self.assertEqual(series["metric"], {"namespace": "GMTool/API", "name": "ResponseTime", "stat": "p99",
                                                    "period": 300, "dimensions": {"Environment": "prod"}})
                self.assertEqual((series["period"], len(series["values"]), series["state"]), (300, 12, "ready"))
                self.assertEqual(series["start"] % 300, 0)
                self.assertTrue(all(isinstance(v, (int, float)) for v in series["values"]), series)
        status = moontide.status()["recording"]
        self.assertGreaterEqual(status["written"], 7)
        self.assertEqual((status["lost"], status["fault"], status["moved_to"]), (0, "", ""))
        self.assertIn("recording:", self.good("status"))
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(moontide.stop(), 0)

    @staticmethod
    def last_period(tick):
        """The number of the newest period that is settled at this tick."""
        return int(datetime.datetime.fromisoformat(tick["at"]).timestamp() - 60) // 300

    def test_what_the_policy_said_is_what_its_recorded_series_say(self):
        self.start()
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed", after=11)
        said = moontide.events("issue.raised")[0]["description"]
        first, eleventh = self.export(1), self.export(11)
        series = first["targets"][0]["series"]["p99"]["values"]
        self.assertEqual(said, f"one 1: {len(series)} of {float(series[-1])}")
        later = eleventh["targets"][0]["series"]["p99"]
        moved = (later["start"] - first["targets"][0]["series"]["p99"]["start"]) // 300
        self.assertEqual(moved, self.last_period(eleventh) - self.last_period(first))
        self.assertEqual(later["values"][:12 - moved - 2], series[moved:10])

    def test_an_exported_tick_is_a_fixture_of_a_policy_test(self):
        self.start()
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed", after=4)
        said = next(e["description"] for e in moontide.events("issue.raised") if e["target"] == "name=one")
        self.assertEqual(moontide.stop(), 0)
        self.dir.write("policies/tests/fixtures/tick.json", self.good("journal", "export", "--tick", "1"))
        self.dir.write("policies/tests/counter_test.lua", f"""
it("says of the recorded tick what it said then", function()
  local r = run("counter", fixture "tick.json")
  expect(r.targets[1].issues[1].description).to_be {json.dumps(said)}
end)
""")
        self.assertIn("1 passed, 0 failed", self.good("test"))
        self.dir.write("policies/policy.lua", POLICY.replace(" + 1", " + 2"))
        edited = self.dir.run("test")
        self.assertEqual(edited.returncode, 2)
        self.assertIn("0 passed, 1 failed", edited.stdout)

    def test_the_number_of_a_tick_is_in_the_log(self):
        self.start()
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed", after=2)
        self.assertEqual([e["tick"] for e in moontide.events("analysis.completed")][:3], [1, 2, 3])

    def test_killed_at_any_time_it_stays_readable_and_numbers_go_on(self):
        self.start()
        last = 0
        for round in range(4):
            moontide = self.daemon(self.dir, "--world", "sim", "--speed", "120")
            moontide.wait_for("analysis.completed", after=3 + round * 2)
            moontide.kill()
            done = [e["tick"] for e in moontide.events("analysis.completed")]
            ticks = [t["tick"] for t in self.ticks()]
            mine = [t for t in ticks if t > last]
            self.assertEqual(mine[0], last + 1)
            self.assertEqual(mine, list(range(last + 1, last + 1 + len(mine))))
            # Two ticks a second: no tick waits for the recorder's thread, so it needs its time between them.
            self.assertGreaterEqual(mine[-1], done[-1] - 1, "more than the last tick is missing")
            self.assertTrue(next(t for t in self.ticks() if t["tick"] == mine[0])["whole"])
            for tick in (ticks[0], mine[0], mine[-1]):
                self.assertEqual(len(self.export(tick)["targets"]), 2)
            last = mine[-1]
        with sqlite3.connect(self.file) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")

    def test_a_policy_that_is_edited_keeps_both_sources(self):
        self.start()
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed")
        self.dir.write("policies/policy.lua", POLICY.replace('"low"', '"medium"'))
        moontide.wait_for("policy.loaded", after=1)
        done = len(moontide.events("analysis.completed"))
        moontide.wait_for("analysis.completed", after=done + 1)
        moontide.stop()
        ticks = self.ticks()
        versions = list(dict.fromkeys(t["sha256"] for t in ticks))
        self.assertEqual(len(versions), 2)
        self.assertTrue(next(t for t in ticks if t["sha256"] == versions[1])["whole"])
        with sqlite3.connect(self.file) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM source WHERE text IS NOT NULL").fetchone()[0], 2)


class Retention(Base):
    def test_by_size_the_oldest_go_and_what_is_left_can_be_read(self):
        self.start(policy=LARGE, config='return { record = { size = "1MiB" } }')
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "100")
        moontide.wait_for("analysis.completed", after=150)

        def fits():
            oldest = self.ticks()[0]["tick"]
            return oldest > 1 and self.file.stat().st_size <= 1.2 * 1024 * 1024
        support.wait_until(fits, "the oldest ticks to go")
        ticks = self.ticks()
        self.assertTrue(ticks[0]["whole"])
        self.assertGreater(len(ticks), 10)
        moontide.stop()
        ticks = self.ticks()
        self.assertEqual(self.export(ticks[0]["tick"])["targets"][0]["memo"]["count"], ticks[0]["tick"] - 1)
        self.assertEqual(self.export(ticks[-1]["tick"])["targets"][0]["memo"]["count"], ticks[-1]["tick"] - 1)
        self.assertIn("there are ticks", self.refused("journal", "export", "--tick", "1"))


class Off(Base):
    def test_record_false_writes_nothing(self):
        self.start(config="return { record = false }")
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed", after=2)
        self.assertIsNone(moontide.status()["recording"])
        self.assertNotIn("tick", moontide.events("analysis.completed")[0])
        moontide.stop()
        self.assertFalse(self.file.exists())
        self.assertIn("record = false", self.refused("journal", "ticks"))

    def test_a_plan_writes_nothing(self):
        self.start()
        self.good("plan", "--world", "sim")
        self.assertFalse(self.file.exists())
        self.assertIn("nothing is recorded yet", self.refused("journal", "export", "--tick", "1"))


class Once(Base):
    def test_each_run_is_a_tick_of_its_own(self):
        self.start()
        for _ in range(3):
            self.dir.once("--world", "sim", status=0)
        ticks = self.ticks()
        self.assertEqual([(t["tick"], t["whole"]) for t in ticks], [(1, True), (2, True), (3, True)])
        self.assertEqual([self.export(n)["targets"][0]["memo"] for n in (1, 2, 3)], [None, {"count": 1}, {"count": 2}])

    def test_what_collect_returned_is_in_it(self):
        self.start(policy="""
return policy {
  name = "extra", every = "1m", targets = { { name = "one" } },
  collect = function(t) return { answer = { 1, 2.5, "x" }, of = t.name } end,
  evaluate = function(t, m) end,
}""")
        self.dir.once("--world", "sim", status=0)
        self.assertEqual(self.export(1)["targets"][0]["extra"], {"answer": [1, 2.5, "x"], "of": "one"})


class Export(Base):
    def test_a_tick_is_found_by_its_time(self):
        self.start()
        for _ in range(2):
            self.dir.once("--world", "sim", status=0)
        first, second = self.ticks()
        self.assertEqual(self.export(first["at"])["tick"], 1)
        self.assertEqual(self.export(second["at"])["tick"], 2)
        self.assertEqual(self.export("2999-01-01")["tick"], 2)
        self.assertIn("is not recorded: there are ticks 1 (", self.refused("journal", "export", "--tick", "2001-01-01"))

    def test_errors_name_what_there_is(self):
        self.start()
        self.dir.write("policies/other.lua", POLICY.replace('"counter"', '"other"'))
        self.dir.once("--world", "sim", status=0)
        self.assertIn("there are ticks 1 (", self.refused("journal", "export", "--tick", "7"))
        self.assertIn("to 1 (", self.refused("journal", "export", "--tick", "7"))
        error = self.refused("journal", "export", "--tick", "1")
        self.assertIn("2 policies", error)
        self.assertIn("counter", error)
        self.assertIn("other", error)
        self.assertEqual(self.export(1, "--policy", "other")["policy"], "other")
        self.assertIn("no tick of policy none", self.refused("journal", "export", "--tick", "1", "--policy", "none"))
        self.assertIn("world aws", self.refused("journal", "export", "--tick", "1", "--world", "aws"))
        self.assertIn("neither the number", self.refused("journal", "export", "--tick", "x"))
        self.assertIn("--tick", self.refused("journal", "export"))


class Damage(Base):
    def test_a_damaged_file_is_moved_aside(self):
        self.start()
        self.file.parent.mkdir(mode=0o700)
        self.file.write_bytes(b"no database at all " * 1000)
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        said = moontide.wait_for("record.damaged")
        moved = pathlib.Path(said["moved_to"])
        self.assertTrue((self.dir.path / moved).read_bytes().startswith(b"no database at all"))
        self.recorded(2)
        self.assertIn("recording.db.damaged-", moontide.status()["recording"]["moved_to"])
        self.assertEqual(moontide.stop(), 0)

    def test_a_file_that_cannot_be_written_is_said_once_and_holds_nothing_up(self):
        self.start()
        self.file.mkdir(parents=True, mode=0o700)
        moontide = self.daemon(self.dir, "--world", "sim", "--speed", "600")
        moontide.wait_for("analysis.completed", after=4)
        self.assertEqual(len(moontide.events("record.failed")), 1)
        self.assertIn("recording.db", moontide.events("record.failed")[0]["error"])
        self.assertIn("recording.db", moontide.status()["recording"]["fault"])
        self.assertIn("recording fails", self.good("status"))
        self.assertEqual(moontide.policy("counter")["failed"], 0)
        self.assertEqual(moontide.stop(), 0)


if __name__ == "__main__":
    support.main()
