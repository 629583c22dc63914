"""The shipped scaling policies in the simulated world: checked, planned, ticked once, and carried out for some hundred
simulated hours with bursts, in which the CPU target follows the p99 budget, storage grows and cache settings come and go."""

import datetime
import json

import support

NAMES = ("ecs_scaling", "rds_scaling", "cache_settings")
SPEED = 7200  # two hours in a second
HOURS = 100
# A burst of four hours every two days, of prod and staging a day apart; and of one database as much as is free is little.
FLEET = {"environments": ["prod", "staging"], "burst": {"every": "2d", "for": "4h"}, "resources": [
    {"kind": "rds_instance", "resource": "db/gm-tool-prod", "current": {
        "allocated_storage": 650, "autoscale_storage": False, "class": "db.r6g.large", "engine": "mysql",
        "engine_version": "8.0.35", "max_allocated_storage": 650, "status": "available", "window": "sun:05:00-sun:06:00"}}]}
USUAL = {"maxmemory-policy": "volatile-lru", "reserved-memory-percent": "25"}
PRESSED = {"maxmemory-policy": "allkeys-lfu", "reserved-memory-percent": "20"}


class Shipped(support.Case):
    def setUp(self):
        self.dir = self.project()
        self.dir.write("fleet.json", json.dumps(FLEET))

    def decisions(self, document, policy):
        return [d for t in document["targets"] if t["policy"] == policy for d in t["decisions"]]

    def test_check(self):
        result = self.dir.run("check")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)

    def test_each_language(self):
        self.dir.write("moontide.lua", 'return { language = "ko" }')
        self.assertEqual(self.dir.run("check").returncode, 0)
        issues = [i for t in self.dir.once("--world", "sim:fleet.json", status=0)["targets"] if t["policy"] == "rds_scaling"
                  for i in t["issues"]]
        self.assertTrue(any("스토리지" in issue["description"] for issue in issues), issues)

    def test_plan_names_fields_and_costs(self):
        result = self.dir.run("plan", "--world", "sim:fleet.json", "--detailed-exitcode")
        self.assertEqual(result.returncode, 2, result.stderr)
        for words in ("ecs_autoscaling service/gm-tool-prod/api", "(none) -> 20", "rds_instance db/gm-tool-prod",
                      "allocated_storage  650 -> 780", "Nothing was changed"):
            self.assertIn(words, result.stdout)
        self.assertFalse((self.dir.path / ".moontide" / "moontide.db").exists())
        document = json.loads(self.dir.run("plan", "--world", "sim:fleet.json", "--format", "json").stdout)
        self.assertEqual(document["errors"], [])
        self.assertEqual({d["outcome"] for name in NAMES for d in self.decisions(document, name)}, {"proposed", "unchanged"})

    def test_one_tick_by_default_changes_nothing_and_with_act_what_the_rails_let(self):
        document = self.dir.once("--world", "sim:fleet.json", status=0)
        outcomes = {d["outcome"] for name in NAMES for d in self.decisions(document, name)}
        self.assertLessEqual(outcomes, {"proposed", "unchanged", "refused"})
        document = self.dir.once("--world", "sim:fleet.json", "--mode", "act", status=0)
        self.assertEqual(sorted((d["outcome"], d["reason"]) for d in self.decisions(document, "ecs_scaling")),
                         [("applied", ""), ("refused", "BLAST_RADIUS")])  # a quarter of the targets, and at least one
        grown = self.decisions(document, "rds_scaling")
        self.assertEqual([(d["outcome"], d["changes"]) for d in grown],
                         [("applied", [{"field": "allocated_storage", "from": 650, "to": 780}])])
        self.assertEqual({d["outcome"] for d in self.decisions(document, "cache_settings")}, {"unchanged"})


class Weekend(support.Case):
    """One daemon, left alone for HOURS."""

    def setUp(self):
        self.dir = self.project()
        self.dir.write("fleet.json", json.dumps(FLEET))
        self.world = ("--world", "sim:fleet.json")
        # In this fleet p99 is some 500 ms when it is calm and 2,400 ms in a burst.
        policy = (self.dir.policies / "ecs_scaling.lua").read_text()
        self.assertIn("p99_budget_ms = 1000,", policy)
        self.dir.write("policies/ecs_scaling.lua", policy.replace("p99_budget_ms = 1000,", "p99_budget_ms = 2000,"))

    @staticmethod
    def time(event):
        return datetime.datetime.fromisoformat(event["at"].replace("Z", "+00:00"))

    def changes(self, what, resource):
        """Of each change that was applied, in order: {field: (from, to)}."""
        result = self.dir.run("journal", "--format", "json", "--limit", "100000", "--resource", resource)
        entries = [json.loads(line) for line in result.stdout.splitlines()]
        applied = {e["id"] for e in entries if e["what"] == "outcome" and e["detail"]["outcome"] == "applied"}
        self.assertEqual(applied, {e["id"] for e in entries if e["what"] == "intent"}, what)
        return [{c["field"]: (c["from"], c["to"]) for c in e["detail"]["changes"]} for e in entries if e["what"] == "intent"]

    def has_come_back(self, daemon, environment):
        """The cache's settings went and came, which takes a burst and a day without one."""
        events = [e for e in daemon.events("cache.configured") if e["resource"] == f"parameter-group/gm-tool-{environment}-params"]
        return len(events) >= 2

    def test_bursts_come_and_go(self):
        daemon = self.daemon(self.dir, *self.world, "--speed", SPEED, "--mode", "act")
        first = self.time(daemon.wait_for("daemon.started"))

        def done():
            self.assertIsNone(daemon.process.poll(), daemon.text()[-2000:])
            last = daemon.events()[-1:]
            return last and (self.time(last[0]) - first).total_seconds() >= HOURS * 3600 and any(
                self.has_come_back(daemon, environment) for environment in FLEET["environments"])
        support.wait_until(done, f"{HOURS} h and a cache that is calm again", 240)
        targets = {target["target"]: target for target in daemon.policy("rds_scaling")["targets"]}
        self.storage_issue = [i for i in targets["environment=prod"]["issues"] if i["type"] == "db_storage"]
        self.assertEqual(daemon.stop(), 0)
        errors = [e for e in daemon.events() if e.get("level") == "error" and e["event"] != "verification.failed"]
        self.assertEqual(errors, [])
        self.targets_follow_the_budget()
        self.storage_has_grown_to_its_limit(daemon)
        self.caches_went_and_came()

    def targets_follow_the_budget(self):
        for environment in FLEET["environments"]:
            changes = self.changes("target", f"service/gm-tool-{environment}/api")
            targets = [c["target"][1] for c in changes if "target" in c]
            self.assertLessEqual(max(targets), 70)
            self.assertGreaterEqual(min(targets), 40)
            self.assertTrue(all(abs(b - a) == 5 for a, b in zip(targets, targets[1:])), targets)
            down = targets.index(min(targets))
            self.assertLess(targets[down], 60, targets)  # a burst of four hours
            self.assertGreater(max(targets[down:]), targets[down], targets)  # and the calm after it
            self.assertEqual([set(c) for c in changes[1:]], [{"target"}] * (len(changes) - 1))

    def storage_has_grown_to_its_limit(self, daemon):
        grown = [c["allocated_storage"] for c in self.changes("storage", "db/gm-tool-prod")]
        self.assertEqual(grown, [(650, 780), (780, 936), (936, 1000)])
        self.assertEqual([e["severity"] for e in daemon.events("issue.raised") if e["type"] == "db_storage"], ["medium"])
        self.assertEqual([i["severity"] for i in self.storage_issue], ["high"])  # it cannot grow any more
        why = self.dir.run("why", "db/gm-tool-prod", "--since", "30d").stdout
        for words in ("allocated_storage 650 -> 780", "allocated_storage 936 -> 1000", "issue      db_storage"):
            self.assertIn(words, why)

    def caches_went_and_came(self):
        for environment in FLEET["environments"]:
            state, names = dict(USUAL), {f"parameters.{name}" for name in USUAL}
            for change in self.changes("cache", f"parameter-group/gm-tool-{environment}-params"):
                self.assertEqual(set(change), names)
                for field, (before, after) in change.items():
                    name = field.split(".", 1)[1]
                    self.assertEqual(before, state[name])
                    state[name] = after
                self.assertIn(state, (USUAL, PRESSED))


if __name__ == "__main__":
    support.main()
