"""Candidates beside the live policy, two versions of a policy over what was recorded, and the REPL at a recorded tick."""

import datetime
import json
import re
import unittest

import support

POLICY = """
return policy {{
  name = "web", every = "1m", targets = {{ {{ environment = "prod" }}, {{ environment = "staging" }} }},
  metrics = function(t)
    return {{ p99 = cloudwatch {{ namespace = "GMTool/API", name = "ResponseTime", stat = "p99", period = "1m",
                                 dimensions = {{ Environment = t.environment }} }} }}
  end,
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + {step}
    issue {{ type = "slow", severity = "{severity}", when = m.p99:above({above}),
            description = "p99 is over {above} ms, count " .. memo.count }}
    {more}
  end,
}}
"""


def policy(step=1, severity="high", above=0, more=""):
    return POLICY.format(step=step, severity=severity, above=above, more=more)


class Shadow(support.Case):
    def start(self, ticks=3):
        self.dir = self.project(shipped=False, config=f"return {{ reload = {{ shadow = {ticks} }} }}\n")
        self.dir.write("policies/web.lua", policy())
        # Without the gaps of ten minutes that the usual fleet's staging has: both targets say something at every tick.
        self.dir.write("fleet.json", json.dumps({"environments": ["prod", "staging"]}))
        self.moontide = self.daemon(self.dir, "--world", "sim:fleet.json", "--speed", "300")
        self.moontide.wait_for("analysis.completed")

    def journal(self):
        out = self.dir.run("journal", "--what", "policy", "--format", "json").stdout
        return [json.loads(line) for line in out.splitlines()]

    def test_a_save_runs_beside_the_live_version_and_is_promoted(self):
        self.start()
        self.dir.write("policies/web.lua", policy(severity="medium", step=10))
        self.moontide.wait_for("policy.shadowing")
        lines = [self.moontide.wait_for("policy.shadow", lambda e, t=t: e["target"] == f"environment={t}")
                 for t in ("prod", "staging")]
        self.assertTrue(all("severity high -> medium" in line["difference"] for line in lines))
        promoted = self.moontide.wait_for("policy.promoted")
        self.assertEqual((promoted["ticks"], promoted["differences"], promoted["distinct"]), (3, 6, 2))
        issues = support.wait_until(
            lambda: [i for t in self.moontide.policy("web")["targets"] for i in t["issues"] if i["severity"] == "medium"],
            "the new version to judge")
        # Beside the live one it counted for itself, from the same memo on; now it goes on with the live one's.
        live, own = map(int, re.findall(r"count (\d+)", lines[0]["difference"]))
        self.assertEqual(own, live + 9)
        count = int(issues[0]["description"].split("count ")[1])
        self.assertEqual((count - (live + 2)) % 10, 0)
        self.assertEqual(len(self.moontide.events("policy.shadow")), 2)
        self.assertIsNone(self.moontide.policy("web")["shadow"])
        states = [e["detail"]["state"] for e in self.journal()]
        self.assertEqual(states, ["shadowing", "difference", "difference", "promoted"])

    def test_what_differs_stands_in_the_status(self):
        self.start(ticks=10000)
        self.dir.write("policies/web.lua", policy(severity="medium"))
        self.moontide.wait_for("policy.shadow")
        shadow = support.wait_until(lambda: self.moontide.policy("web")["shadow"], "the candidate in status")
        self.assertEqual(shadow["ticks"], 10000)
        support.wait_until(lambda: self.moontide.policy("web")["shadow"]["distinct"] == 2, "both targets to differ")
        text = self.dir.run("status").stdout
        self.assertIn("candidate", text)
        self.assertIn("environment=prod: ~ issue slow: severity high -> medium", text)

    def test_a_candidate_that_throws_is_rejected(self):
        self.start()
        self.dir.write("policies/web.lua", policy(more="local x = nil + 1"))
        rejected = self.moontide.wait_for("policy.rejected")
        self.assertIn("policies/web.lua", rejected["file"])
        self.assertIn("attempt to perform arithmetic on a nil value", rejected["error"])
        self.assertIn("arithmetic", self.moontide.policy("web")["fault"])
        before = self.moontide.policy("web")["ticks"]
        support.wait_until(lambda: self.moontide.policy("web")["ticks"] > before + 1, "the last good one to go on")
        self.dir.write("policies/web.lua", policy())
        self.moontide.wait_for("policy.promoted")
        self.assertEqual(self.moontide.policy("web")["fault"], "")

    def test_reload_now_promotes_at_once(self):
        self.start(ticks=10000)
        self.dir.write("policies/web.lua", policy(severity="low"))
        self.moontide.wait_for("policy.shadowing")
        result = self.dir.run("reload", "--now")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 promoted", result.stdout)
        self.assertEqual(self.moontide.wait_for("policy.promoted")["reason"], "by hand")

    def test_a_policy_may_say_for_itself(self):
        self.start(ticks=10000)
        self.dir.write("policies/web.lua", policy().replace('name = "web",', 'name = "web", reload = { shadow = 0 },'))
        self.moontide.wait_for("policy.loaded", after=1)
        self.assertFalse(self.moontide.events("policy.shadowing"))

    def test_a_number_that_makes_no_sense_is_a_fault(self):
        for text, said in (("-1", "from 0 to 10000"), ('"five"', "whole number"), ("1.5", "from 0 to 10000")):
            dir = self.project(shipped=False, config=f"return {{ reload = {{ shadow = {text} }} }}\n")
            dir.write("policies/web.lua", policy())
            result = dir.run("check")
            self.assertEqual(result.returncode, 1)
            self.assertIn(said, result.stderr)


class Past(support.Case):
    """One recording for all: ten minutes and more of a simulated fleet, made by the daemon."""

    @classmethod
    def setUpClass(cls):
        cls.dir = support.Project(shipped=False, config="return { }\n")
        cls.addClassCleanup(cls.dir.close)
        cls.dir.write("policies/web.lua", policy(above=600))
        cls.dir.write("policies/other.lua", policy(above=600).replace('"web"', '"other"'))
        daemon = support.Daemon(cls.dir, "--world", "sim", "--speed", "600")
        cls.addClassCleanup(daemon.kill)
        daemon.wait_for("analysis.completed", lambda e: e["policy"] == "web" and e["tick"] >= 25)
        daemon.wait_for("analysis.completed", lambda e: e["policy"] == "other" and e["tick"] >= 25)
        daemon.stop()
        ticks = cls.dir.run("journal", "ticks", "--policy", "web", "--limit", "1000", "--format", "json")
        cls.ticks = [json.loads(line) for line in ticks.stdout.splitlines()]

    def diff(self, *arguments, status=0):
        result = self.dir.run("diff", *arguments)
        self.assertEqual(result.returncode, status, result.stderr + result.stdout)
        return result

    def document(self, *arguments, status=0):
        return json.loads(self.diff(*arguments, "--format", "json", status=status).stdout)

    def repl(self, *arguments, lines):
        return self.dir.run("repl", "--world", "sim", *arguments, stdin="\n".join(lines) + "\n")


class Diff(Past):
    def test_a_version_does_not_differ_from_itself(self):
        found = self.document("live", "policies/web.lua", "--exit-code")
        self.assertEqual(found["summary"]["differences"], 0)
        self.assertEqual(found["ticks"], len(self.ticks))
        self.assertEqual(found["targets"], 2)
        self.assertEqual(found["evaluations"], 2 * len(self.ticks))
        self.assertIn("no difference.", self.diff("live", "policies/web.lua").stdout)

    def test_an_edited_policy_differs_when_and_where_it_says_something_else(self):
        self.dir.write("edited.lua", policy(above=600, severity="low"))
        found = self.document("live", "edited.lua", "--exit-code", status=2)
        self.assertTrue(found["differences"])
        for difference in found["differences"]:
            self.assertIn("severity high -> low", difference["line"])
            self.assertEqual(difference["ticks"], sum(s["ticks"] for s in difference["spans"]))
        # The spans are the ticks in which the series was over the limit, which the REPL shows.
        mine = {t["tick"] for t in self.ticks}
        for target in ("environment=prod", "environment=staging"):  # which of them is slow is the hour's affair
            spans = [s for d in found["differences"] if d["target"] == target for s in d["spans"]]
            numbers = [n for s in spans for n in range(s["from_tick"], s["to_tick"] + 1)]
            out = self.repl("--tick", self.ticks[0]["tick"], "--policy", "web", lines=[
                "over = json.array {}", f"for _, at in ipairs(ticks()) do go(tostring(at.number), '{target}')",
                "if m.p99:above(600) then over[#over + 1] = at.number end end", "print('over', json.encode(over))"])
            self.assertEqual(out.returncode, 0, out.stderr)
            self.assertEqual([n for n in numbers if n in mine], json.loads(out.stdout.split("over\t")[1]), target)

    def test_text_says_when_it_began_and_ended(self):
        self.dir.write("edited.lua", policy(above=0, severity="high"))
        out = self.diff("live", "edited.lua", "--policy", "web").stdout
        self.assertRegex(out, r"(?m)^- web@[0-9a-f]{8} ")
        self.assertRegex(out, r"(?m)^\+ edited\.lua ")
        self.assertRegex(out, r"(?m)^environment=staging$")
        self.assertRegex(out, r"[0-9]+ ticks, [0-9]+ to [0-9]+")
        self.assertRegex(out, r"differences? on 2 targets")

    def test_each_version_has_a_memo_that_goes_its_own_way(self):
        # What it says depends on all ticks before: every third, every second.
        def every(n):
            more = f'issue {{ type = "count", key = tostring(memo.count), severity = "low", when = memo.count % {n} == 0 }}'
            return policy(above=1e9, more=more)
        self.dir.write("old.lua", every(3))
        self.dir.write("new.lua", every(2))
        found = self.document("old.lua", "new.lua", "--policy", "web")
        prod = {d["first"]["subject"]: d["first"]["difference"] for d in found["differences"] if d["target"] == "environment=prod"}
        wanted = {}
        for count in range(1, len(self.ticks) + 1):
            if (count % 3 == 0) != (count % 2 == 0):
                wanted[f"count/{count}"] = "removed" if count % 3 == 0 else "added"
        self.assertEqual(prod, wanted)

    def test_random_and_time_are_those_of_the_tick(self):
        more = ('issue { type = "r", severity = "low", when = math.random() < 0.5, description = tostring(time.now()) }')
        self.dir.write("random.lua", policy(more=more))
        self.assertEqual(self.document("random.lua", "random.lua")["summary"]["differences"], 0)
        self.dir.write("time.lua", policy(above=1e9, more='issue { type = "at", severity = "low", description = tostring(time.now()) }'))
        found = self.document("live", "time.lua", "--policy", "web")
        first = next(d for d in found["differences"] if d["first"]["subject"] == "at")
        at = float(re.search(r"low: ([0-9.e+]+)", first["line"]).group(1))
        self.assertAlmostEqual(at, self.epoch(found["from"]), places=2)

    def epoch(self, text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    def test_a_metric_that_was_not_recorded_is_said_once_and_answers_unknown(self):
        text = policy(above=600).replace("return { p99 =", 'return { p50 = cloudwatch { namespace = "GMTool/API", name = "ResponseTime", stat = "p50", period = "1m", dimensions = { Environment = t.environment } }, p99 =')
        self.dir.write("more.lua", text.replace("issue {", 'issue { type = "half", severity = "low", when = m.p50:above(1) }\n    issue {', 1))
        out = self.diff("live", "more.lua").stdout
        self.assertEqual(out.count("was not recorded"), 1)
        self.assertIn("p50 (GMTool/API ResponseTime p50 1m", out)
        found = self.document("live", "more.lua")
        self.assertEqual([u["key"] for u in found["new"]["unrecorded"]], ["p50"])
        self.assertIn("+ unknown p50: it was not asked for yet", [d["line"] for d in found["differences"]])
        self.assertIn("~ issue half: when false -> unknown", [d["line"] for d in found["differences"]])

    def test_a_version_that_throws_differs_by_its_error(self):
        self.dir.write("throws.lua", policy(more="if t.environment == 'prod' then error('no') end"))
        found = self.document("live", "throws.lua")
        lines = [d["line"] for d in found["differences"] if d["target"] == "environment=prod"]
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^\+ error: throws\.lua:[0-9]+: .*no$")

    def test_errors_of_both_versions_are_no_difference_but_said(self):
        self.dir.write("throws.lua", policy(more="error('always')"))
        found = self.document("throws.lua", "throws.lua")
        self.assertEqual((found["summary"]["differences"], found["both_failed"]), (0, 2 * len(self.ticks)))
        self.assertRegex(self.diff("throws.lua", "throws.lua").stdout, r"failed in both versions: throws\.lua:[0-9]+: .*always")

    def test_decisions_are_compared(self):
        decide = 'decide.ecs_desired_count {{ cluster = "c", service = t.environment, count = {} }}'
        self.dir.write("two.lua", policy(more=decide.format(2)))
        self.dir.write("three.lua", policy(more=decide.format(3)))
        found = self.document("two.lua", "three.lua")
        self.assertEqual([d["line"] for d in found["differences"]],
                         [f"~ decision ecs_desired_count service/c/{e}: count 2 -> 3" for e in ("prod", "staging")])
        self.assertEqual([d["ticks"] for d in found["differences"]], [len(self.ticks)] * 2)
        self.assertEqual([len(d["spans"]) for d in found["differences"]], [1, 1])

    def test_versions_are_named_by_file_hash_or_live(self):
        sha = self.ticks[0]["sha256"]
        self.assertEqual(self.document(sha[:8], "live", "--policy", "web")["summary"]["differences"], 0)
        self.assertEqual(self.document("live", sha)["new"]["sha256"], sha)
        for word, said in (("nothing.lua", "no such file"), ("0000", "0000"), ("live!", "no such file")):
            result = self.diff("live", word, "--policy", "web", status=1)
            self.assertIn(said, result.stderr)

    def test_since_counts_from_the_newest_tick(self):
        found = self.document("live", "live", "--policy", "web", "--since", "5m")
        self.assertTrue(4 <= found["ticks"] <= 7, found["ticks"])
        self.assertEqual(self.document("live", "live", "--policy", "web", "--since", "7d")["ticks"], len(self.ticks))
        self.assertIn("--since is a duration", self.diff("live", "live", "--since", "soon", status=1).stderr)

    def test_a_policy_that_is_not_recorded_names_those_that_are(self):
        result = self.diff("live", "live", "--policy", "nobody", status=1)
        self.assertIn("no tick of the policy nobody is recorded", result.stderr)
        self.assertIn("other", result.stderr)
        self.assertIn("web", result.stderr)
        result = self.diff("live", "live", status=1)
        self.assertIn("--policy NAME", result.stderr)

    def test_a_faulty_version_is_an_error_with_its_line(self):
        self.dir.write("faulty.lua", "return policy {\n  name = 'web',\n  evaluate = 3 +,\n}\n")
        self.assertIn("faulty.lua:3", self.diff("live", "faulty.lua", status=1).stderr)
        self.dir.write("metrics.lua", policy().replace("return { p99", "error('no metrics') return { p99"))
        self.assertIn("no metrics", self.diff("live", "metrics.lua", status=1).stderr)

    def test_a_project_without_a_recording_says_so(self):
        empty = self.project(shipped=False)
        empty.write("policies/web.lua", policy())
        for command in (["diff", "live", "live"], ["repl", "--tick", "1", "--world", "sim"]):
            result = empty.run(*command)
            self.assertEqual(result.returncode, 1)
            self.assertIn("nothing is recorded yet", result.stderr)


class Repl(Past):
    def middle(self):
        return self.ticks[len(self.ticks) // 2]

    def test_m_t_and_memo_are_as_they_were(self):
        number = self.middle()["tick"]
        fixture = json.loads(self.dir.run("journal", "export", "--tick", str(number), "--policy", "web").stdout)
        out = self.repl("--tick", number, "--policy", "web", "--target", "environment=staging", lines=[
            "print(json.encode({ t = t, memo = memo, tick = tick, values = (m.p99:values()), len = m.p99:len() }))"])
        self.assertEqual(out.returncode, 0, out.stderr)
        seen = json.loads(out.stdout)
        staging = next(t for t in fixture["targets"] if t["id"] == "environment=staging")
        self.assertEqual(seen["t"], staging["target"])
        self.assertEqual(seen["memo"], staging["memo"])
        self.assertEqual(seen["values"], [v for v in staging["series"]["p99"]["values"] if v is not None])
        self.assertEqual((seen["tick"]["number"], seen["tick"]["policy"]), (number, "web"))

    def test_an_edited_policy_is_run_on_the_tick_again(self):
        self.dir.write("edited.lua", policy(above=0, step=100, severity="low"))
        out = self.repl("--tick", self.middle()["tick"], "--policy", "web", lines=[
            "now = rerun('edited.lua')", "print(now.issues[1].severity, now.memo.count - memo.count, #now.differences)",
            "again = rerun('edited.lua')", "print(again.memo.count == now.memo.count)",
            "then_ = rerun()", "print(then_.memo.count - memo.count, #then_.differences)", "print(m.p99:last() > 0)"])
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertIn("low\t100\t1", out.stdout)
        self.assertIn("1\t0\n", out.stdout)
        self.assertRegex(out.stdout, r"edited\.lua on tick [0-9]+, environment=prod")
        self.assertIn("what differs from what was said then", out.stdout)
        self.assertEqual(out.stdout.count("true"), 2)

    def test_a_rerun_that_throws_shows_its_error(self):
        self.dir.write("throws.lua", policy(more="error('on purpose')"))
        out = self.repl("--tick", self.middle()["tick"], "--policy", "web", lines=["print(rerun('throws.lua').error)", "rerun('nofile.lua')"])
        self.assertIn("on purpose", out.stdout)
        self.assertIn("nofile.lua", out.stderr)

    def test_one_moves_from_tick_to_tick(self):
        numbers = [t["tick"] for t in self.ticks]
        out = self.repl("--tick", numbers[2], "--policy", "web", lines=[
            "next()", "print('at', tick.number)", "prev(3)", "print('at', tick.number)", f"go('{numbers[7]}')",
            "print('at', tick.number, m.p99:last() ~= nil)", "print('all', #ticks())", "next(1000000)", "print('at', tick.number)",
            "print(next({ 7 }))"])
        self.assertEqual(out.returncode, 0, out.stderr)
        at = [int(n) for n in re.findall(r"^at\t([0-9]+)", out.stdout, re.M)]
        self.assertEqual(at, [numbers[3], numbers[0], numbers[7], numbers[-1]])
        self.assertIn(f"all\t{len(numbers)}", out.stdout)
        self.assertIn("1\t7", out.stdout)

    def test_handles_of_a_tick_that_was_left_throw(self):
        out = self.repl("--tick", self.middle()["tick"], "--policy", "web", lines=["old = m.p99", "next()", "old:last()"])
        self.assertEqual(out.returncode, 1)
        self.assertIn("outside of its evaluation", out.stderr)

    def test_a_time_means_the_last_tick_by_then(self):
        middle = self.middle()
        out = self.repl("--tick", middle["at"], "--policy", "web", lines=["print(tick.number)"])
        self.assertEqual(out.stdout.strip(), str(middle["tick"]), out.stderr)

    def test_an_unknown_tick_names_the_nearest(self):
        last = self.ticks[-1]["tick"]
        result = self.repl("--tick", last + 1000, "--policy", "web", lines=[])
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"the nearest is {last} ", result.stderr)
        result = self.repl("--tick", "2001-01-01T00:00:00Z", "--policy", "web", lines=[])
        self.assertIn(f"the nearest tick is {self.ticks[0]['tick']} ", result.stderr)
        self.assertIn("is no tick", self.repl("--tick", "yesterday", "--policy", "web", lines=[]).stderr)

    def test_an_unknown_policy_or_target_names_those_there_are(self):
        number = self.middle()["tick"]
        self.assertIn("other", self.repl("--tick", number, "--policy", "nobody", lines=[]).stderr)
        self.assertIn("--policy NAME", self.repl("--tick", number, lines=[]).stderr)
        result = self.repl("--tick", number, "--policy", "web", "--target", "dev", lines=[])
        self.assertEqual(result.returncode, 1)
        self.assertIn("environment=prod, environment=staging", result.stderr)


del Past  # a base, and no test


if __name__ == "__main__":
    support.main()
