"""The shipped policies on real series through MiniStack's CloudWatch (rpc-v2-cbor, percentiles by linear
interpolation), against what this test computes itself."""

import json
import unittest

import nab
import support

LATENCY, RATIO = "ec2_cpu_utilization_5f5533", "ec2_cpu_utilization_53ea38"


def fleet():
    f = nab.Fleet()
    # prod: CPU percents as milliseconds of latency, times 30: well above the thresholds.
    f.add("GMTool/API", "ResponseTime", "prod", LATENCY, scale=30)
    f.add("GMTool/Database", "QueryTime", "prod", LATENCY, scale=15)
    f.add("GMTool/Cache", "HitRate", "prod", RATIO, scale=0.1, offset=0.4)
    # staging: the same shapes, below the thresholds; its cache reports nothing.
    f.add("GMTool/API", "ResponseTime", "staging", LATENCY, scale=3)
    f.add("GMTool/Database", "QueryTime", "staging", LATENCY, scale=2)
    for environment in ("prod", "staging"):
        f.add("GMTool/API", "ErrorRate", environment, RATIO, scale=0.01)
        f.add("GMTool/API", "RequestCount", environment, LATENCY, scale=100)
        f.add("GMTool/Database", "ConnectionCount", environment, LATENCY)
    return f


class ShippedPoliciesOnRealSeries(support.Case):
    @classmethod
    def setUpClass(cls):
        support.need("ministack")
        cls.port = support.free_port()
        cls.server = support.ministack(cls.port)
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.fleet = fleet()
        cls.fleet.write(cls.port)

    def setUp(self):
        self.environment = support.aws_environment(self.port)
        if nab.last_period_start() != self.fleet.newest:  # the five minutes turned since the data was written
            self.fleet.newest = nab.last_period_start()
            self.fleet.write(self.port)

    def expected_issues(self, environment):
        newest = {}
        for (namespace, name, of), periods in self.fleet.metrics.items():
            if of == environment:
                newest[namespace, name] = periods[-1]
        issues = {}
        if nab.percentile(newest["GMTool/API", "ResponseTime"], 99) > 1000:
            issues["api_latency"] = "high"
        if nab.percentile(newest["GMTool/Database", "QueryTime"], 90) > 500:
            issues["db_latency"] = "medium"
        rates = newest.get(("GMTool/Cache", "HitRate"))
        if rates and nab.mean(rates) < 0.8:
            issues["cache_miss"] = "low"
        return issues

    def test_once_finds_the_issues_that_the_data_has(self):
        project = self.project()
        document = project.once(environment=self.environment, status=0)
        self.assertEqual(document["errors"], [])
        targets = {t["target"]: t for t in document["targets"] if t["policy"] == "performance"}
        for environment, status in (("prod", "critical"), ("staging", "unknown")):
            target = targets[f"environment={environment}"]
            found = {i["type"]: i["severity"] for i in target["issues"]}
            self.assertEqual(found, self.expected_issues(environment), environment)
            self.assertEqual(target["status"], status)
        self.assertTrue(targets["environment=prod"]["recommendations"])

    def test_a_missing_hit_rate_is_unknown_and_not_a_cache_miss(self):
        document = self.project().once(environment=self.environment, status=0)
        staging = next(t for t in document["targets"]
                       if t["policy"] == "performance" and t["target"] == "environment=staging")
        self.assertNotIn("cache_miss", [i["type"] for i in staging["issues"]])
        self.assertTrue(any("hit" in u["metric"] for u in staging["unknown"]), staging["unknown"])

    def test_collect_gives_the_values_that_python_computes(self):
        project = self.project()
        end = self.fleet.newest + nab.PERIOD_S
        project.write("collect.lua", f"""
            local performance = require "lib.performance"
            print(json.encode(performance.collect("prod", {end - 3600}, {end})))""")
        result = project.run("script", "collect.lua", environment=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        got = json.loads(result.stdout)
        times = self.fleet.periods("GMTool/API", "ResponseTime", "prod")[-1]
        for p in (50, 90, 99):
            self.assertAlmostEqual(got["api"]["response_time"][f"p{p}"], nab.percentile(times, p), places=6)
        queries = self.fleet.periods("GMTool/Database", "QueryTime", "prod")[-1]
        self.assertAlmostEqual(got["database"]["query_time"]["p90"], nab.percentile(queries, 90), places=6)
        rates = self.fleet.periods("GMTool/Cache", "HitRate", "prod")[-1]
        self.assertAlmostEqual(got["cache"]["hit_rate"], nab.mean(rates), places=6)
        self.assertNotIn("deadlock_count", got["database"])  # nobody reported any: absent, never zero

    def test_the_daemon_sees_the_same(self):
        project = self.project()
        daemon = self.daemon(project, environment=self.environment)
        daemon.wait_for("analysis.completed", lambda event: event["policy"] == "performance")
        targets = {t["target"]: t for t in daemon.policy("performance")["targets"]}
        for environment in ("prod", "staging"):
            found = {i["type"]: i["severity"] for i in targets[f"environment={environment}"]["issues"]}
            self.assertEqual(found, self.expected_issues(environment))
        self.assertEqual(daemon.stop(), 0)

    def test_korean_texts_by_configuration(self):
        project = self.project(config='return { language = "ko" }')
        document = project.once(environment=self.environment, status=0)
        prod = next(t for t in document["targets"] if t["target"] == "environment=prod")
        text = "".join(i["description"] + i["recommendation"] for i in prod["issues"])
        self.assertTrue(any("\uac00" <= c <= "\ud7a3" for c in text), text)


if __name__ == "__main__":
    support.main()
