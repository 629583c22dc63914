"""Real series through moto's CloudWatch, which speaks Query and JSON but no rpc-v2-cbor: the fallback, and basic
statistics against what this test computes itself. moto has no percentiles, and forgets the namespace where there are
dimensions: so the metrics have names of their own."""

import json
import math

import nab
import support

CPU, DISK, REQUESTS = "ec2_cpu_utilization_5f5533", "ec2_disk_write_bytes_1ef3de", "elb_request_count_8c0756"
STATISTICS = {"Average": nab.mean, "Sum": math.fsum, "Minimum": min, "Maximum": max, "SampleCount": len}
METRICS = (("Moto/Host", "Cpu", CPU), ("Moto/Host", "DiskWrites", DISK), ("Moto/Edge", "Requests", REQUESTS))
ENVIRONMENTS = {"prod": 0, "staging": 300}  # of each, which part of the series

# Each series' values go out as JSON in an issue, so that the test sees what the policy saw.
POLICY = """
local statistics = { "Average", "Sum", "Minimum", "Maximum", "SampleCount" }
return policy {
  name = "basics", every = "1m",
  targets = { { environment = "prod" }, { environment = "staging" } },
  metrics = function(t)
    local declared = { silent = cloudwatch { namespace = "Moto/Host", name = "Nobody", stat = "Sum", period = "5m" } }
    for _, what in ipairs { { "Moto/Host", "Cpu" }, { "Moto/Host", "DiskWrites" }, { "Moto/Edge", "Requests" } } do
      for _, stat in ipairs(statistics) do
        declared[what[2] .. stat] = cloudwatch { namespace = what[1], name = what[2], stat = stat, period = "5m",
                                                 dimensions = { Environment = t.environment }, window = "1h" }
      end
    end
    return declared
  end,
  evaluate = function(t, m)
    for name, series in pairs(m) do
      if name ~= "silent" then
        issue { type = name, severity = "low", description = json.encode { values = series:values(), mean = series:mean() } }
      end
    end
    issue { type = "busy", severity = "high", when = m.CpuMaximum:above(%(limit).17g), clear = m.CpuMaximum:below(0) }
    issue { type = "silent", severity = "high", when = m.silent:above(0) }
  end,
}
"""


class BasicStatisticsOnRealSeries(support.Case):
    @classmethod
    def setUpClass(cls):
        support.need("moto")
        support.need("boto3")
        cls.port = support.free_port()
        server = support.moto(cls.port)
        server.__enter__()
        cls.addClassCleanup(server.__exit__, None, None, None)
        cls.fleet = nab.Fleet()
        for environment, skip in ENVIRONMENTS.items():
            for namespace, name, source in METRICS:
                cls.fleet.add(namespace, name, environment, source, skip=skip)
        cls.fleet.write(cls.port)

    def setUp(self):
        self.environment = support.aws_environment(self.port)
        self.dir = self.project(shipped=False)
        # Between the two environments' newest maxima: one is busy, the other is not.
        self.maxima = {e: max(self.newest("Cpu", e)) for e in ENVIRONMENTS}
        self.dir.write("policies/basics.lua", POLICY % {"limit": sum(self.maxima.values()) / 2})

    def newest(self, name, environment):
        return next(periods for (_, n, e), periods in self.fleet.metrics.items() if (n, e) == (name, environment))[-1]

    def behind(self):
        """How many periods have begun since the data was written: those are empty now."""
        return (nab.last_period_start() - self.fleet.newest) // nab.PERIOD_S

    def once(self):
        """A tick's document, and how far the data lies behind it."""
        while True:  # again when the five minutes turned meanwhile
            behind = self.behind()
            document = self.dir.once(environment=self.environment, status=0)
            if self.behind() == behind:
                return document, behind

    def test_every_basic_statistic_is_what_python_computes(self):
        document, behind = self.once()
        self.assertEqual(document["errors"], [])
        targets = {t["target"]: t for t in document["targets"]}
        self.assertEqual(len(targets), len(ENVIRONMENTS))
        for environment in ENVIRONMENTS:
            saw = {i["type"]: i["description"] for i in targets[f"environment={environment}"]["issues"]}
            for _, name, _ in METRICS:
                periods = next(p for (_, n, e), p in self.fleet.metrics.items() if (n, e) == (name, environment))
                for stat, compute in STATISTICS.items():
                    expected = [compute(values) for values in periods[behind:]]
                    got = json.loads(saw[name + stat])
                    self.assertEqual(len(got["values"]), len(expected), (environment, name, stat))
                    for value, computed in zip(got["values"], expected):
                        self.assertTrue(math.isclose(value, computed, rel_tol=1e-9), (environment, name, stat, value, computed))
                    self.assertTrue(math.isclose(got["mean"], nab.mean(expected), rel_tol=1e-9), (environment, name, stat))

    def test_status_and_issues_follow_from_the_data(self):
        document, _ = self.once()
        self.assertNotEqual(*self.maxima.values())
        busiest = max(self.maxima, key=self.maxima.get)
        for target in document["targets"]:
            environment = target["target"].removeprefix("environment=")
            types = [i["type"] for i in target["issues"]]
            self.assertEqual("busy" in types, environment == busiest)
            self.assertEqual(target["status"], "critical" if environment == busiest else "unknown")
            self.assertNotIn("silent", types)  # no datapoint is never zero
            self.assertEqual([u["metric"] for u in target["unknown"]], ["silent"])

    def test_the_fallback_is_remembered(self):
        self.dir.write("moontide.lua", 'return { settle = "0s" }')
        # A short period, so that each tick asks.
        self.dir.write("policies/basics.lua", """
            return policy {
              name = "often", every = "1s", targets = { { name = "one" } },
              metrics = function() return { x = cloudwatch { namespace = "Moto/Host", name = "Cpu", stat = "Sum", period = "1s" } } end,
              evaluate = function(t, m) m.x:last() end,
            }""")
        daemon = self.daemon(self.dir, environment=self.environment)
        asked = lambda: len([e for e in daemon.events("metrics.collected") if e["calls"]])
        support.wait_until(lambda: asked() >= 3, "three ticks that ask")
        self.assertEqual(daemon.stop(), 0)
        protocols = [e["protocol"] for e in daemon.events("cloudwatch.protocol")]
        self.assertEqual(protocols, ["json"])
        self.assertFalse(daemon.events("metrics.failed"))

    def test_percentiles_that_moto_lacks_are_an_error_and_not_healthy(self):
        self.dir.write("moontide.lua", 'return { retry = { base = "10ms" } }')
        self.dir.write("policies/basics.lua", """
            return policy {
              name = "percentile", targets = { { name = "one" } },
              metrics = function()
                return { p99 = cloudwatch { namespace = "Moto/Host", name = "Cpu", stat = "p99", period = "5m",
                                            dimensions = { Environment = "prod" }, window = "1h" } }
              end,
              evaluate = function(t, m) issue { type = "slow", severity = "high", when = m.p99:above(0) } end,
            }""")
        document = self.dir.once(environment=self.environment, status=1)
        self.assertRegex(document["errors"][0]["message"], "500")
        self.assertEqual([t["status"] for t in document["targets"]], ["unknown"])
        self.assertEqual(document["targets"][0]["issues"], [])

    def test_a_script_has_the_same_values(self):
        newest = self.fleet.newest + nab.PERIOD_S
        self.dir.write("fetch.lua", f"""
            local function cpu(environment)
              return cloudwatch {{ namespace = "Moto/Host", name = "Cpu", stat = "Average", period = "5m",
                                   dimensions = {{ Environment = environment }} }}
            end
            local got = cloudwatch.fetch({{ prod = cpu "prod", staging = cpu "staging" }},
                                         {{ start_time = {newest - 3600}, end_time = {newest} }})
            print(json.encode {{ prod = got.prod.values, staging = got.staging.values }})""")
        result = self.dir.run("script", "fetch.lua", environment=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        got = json.loads(result.stdout)
        for environment in ENVIRONMENTS:
            expected = [nab.mean(values) for values in self.fleet.periods("Moto/Host", "Cpu", environment)]
            self.assertEqual(len(got[environment]), len(expected))
            for value, computed in zip(got[environment], expected):
                self.assertTrue(math.isclose(value, computed, rel_tol=1e-9))


if __name__ == "__main__":
    support.main()
