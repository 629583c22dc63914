"""Candidates beside the live policy, two versions of a policy over what was recorded, and the REPL at a recorded tick."""

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
        self.moontide = self.daemon(self.dir, "--world", "sim", "--speed", "300")
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


if __name__ == "__main__":
    support.main()
