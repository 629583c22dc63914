"""The operators' scripts, as an operator runs them: on real series, on the shipped policies, and on moto, also by a
user whom moto's IAM does not allow everything."""

import csv
import gzip
import json
import re
import subprocess
import unittest
import urllib.request
import xml.etree.ElementTree

import support

SCRIPTS = support.ROOT / "scripts"
MONTH_S = 30 * 86400


class ScriptCase(support.Case):
    def script(self, project, name, *arguments, environment=None, status=0):
        result = project.run("script", "--world", "sim", SCRIPTS / f"{name}.lua", *arguments, environment=environment)
        self.assertEqual(result.returncode, status, result.stderr + result.stdout)
        return result

    def setUp(self):
        self.dir = self.project()


class Usage(ScriptCase):
    def test_help_is_the_comment_that_a_script_begins_with(self):
        for name in ("find_anomalies", "fleet_report", "cost_of_metrics"):
            result = self.script(self.dir, name, "--help")
            self.assertIn(f"usage: moontide script {name}.lua", result.stdout)
            self.assertIn("Exit: 0", result.stdout)
            self.assertEqual(result.stderr, "")

    def test_wrong_usage_is_1_and_says_what(self):
        for name, words, said in (("find_anomalies", [], "a file, or --metric, is expected"),
                                  ("find_anomalies", ["a", "b"], "did not expect b"),
                                  ("find_anomalies", ["a", "--threshold", "x"], "--threshold is a number"),
                                  ("find_anomalies", ["--metric", "CPU"], "--metric is NAMESPACE/NAME"),
                                  ("find_anomalies", ["a", "--last", "soon"], "--last is a duration"),
                                  ("fleet_report", ["--frmat", "json"], "unknown option --frmat"),
                                  ("cost_of_metrics", ["--format", "xml"], "--format is one of text, json"),
                                  ("cost_of_metrics", ["--dir"], "a value is missing after --dir")):
            result = self.script(self.dir, name, *words, status=1)
            self.assertIn(said, result.stderr, words)
            self.assertIn("usage: moontide script", result.stderr, words)
            self.assertEqual(result.stdout, "", words)


class CostOfMetrics(ScriptCase):
    def cost(self, project):
        return json.loads(self.script(project, "cost_of_metrics", "--format", "json").stdout)

    def test_what_it_counts_is_what_a_tick_is_charged(self):
        ticked = self.dir.once("--world", "sim")["cost"]
        cost = self.cost(self.dir)
        self.assertEqual(cost["total"]["metrics_a_tick"], ticked["metrics"])
        self.assertGreater(ticked["metrics"], 0)

    def test_a_month_is_counted_by_hand(self):
        project = self.project(shipped=False, config="return { cost = { per_1000_metrics = 0.02 } }")
        # Six statistics of one metric are two; an expression of two metrics is two. Every 10 minutes.
        project.write("policies/a.lua", """return policy { name = "a", every = "10m", targets = { "x", "y" },
          metrics = function(t)
            local of = function(stat)
              return cloudwatch { namespace = "N", name = "M", stat = stat, period = "5m", dimensions = { T = t } }
            end
            return { a = of "p50", b = of "p90", c = of "p99", d = of "Average", e = of "Sum", f = of "Maximum",
                     g = cloudwatch { expression = "x / y", period = "1m", using = {
                       x = cloudwatch { namespace = "N", name = "X", stat = "Sum", period = "1m" },
                       y = cloudwatch { namespace = "N", name = "Y", stat = "Sum", period = "1m" } } } }
          end, evaluate = function() end }""")
        # One of the metrics of `a`, but each 5 minutes.
        project.write("policies/b.lua", """return policy { name = "b", every = "1m", targets = { "x" },
          metrics = function(t)
            return { a = cloudwatch { namespace = "N", name = "M", stat = "p50", period = "5m", dimensions = { T = t } } }
          end, evaluate = function() end }""")
        cost = self.cost(project)
        a, b = sorted(cost["policies"], key=lambda p: p["policy"])
        self.assertEqual(a["metrics_a_tick"], 2 * 2 + 2)  # both targets ask the same expression
        self.assertEqual(a["metrics_a_month"], 6 * MONTH_S / 600)
        self.assertEqual(a["calls_a_month"], 2 * MONTH_S / 600)  # periods do not share a call
        self.assertAlmostEqual(a["usd_a_month"], 6 * MONTH_S / 600 * 0.02 / 1000)
        self.assertEqual(b["metrics_a_month"], MONTH_S / 300)
        self.assertEqual(b["saving"]["every"], 900)
        self.assertAlmostEqual(b["saving"]["share"], 2 / 3)
        # p50 of x every 5 minutes takes the place of one of the six statistics: those that are left are one.
        self.assertEqual(cost["total"]["metrics_a_month"], (2 + 2 + 1) * MONTH_S / 600 + MONTH_S / 300)
        self.assertEqual(project.once("--world", "sim")["cost"]["metrics"], 6)

    def test_the_table_names_every_policy_and_those_without_known_targets(self):
        self.dir.write("policies/found.lua", """return policy { name = "found",
          targets = function() return aws.client("ecs"):list_clusters {} end, evaluate = function() end }""")
        out = self.script(self.dir, "cost_of_metrics").stdout
        for name in ("performance", "cache_settings", "ecs_scaling", "rds_scaling", "together"):
            self.assertRegex(out, rf"(?m)^{name} ")
        self.assertIn("found finds its targets at run time", out)
        self.assertRegex(out, r"every = 15m saves \$\d+\.\d\d \(67 %\)")

    def test_faults_of_policies_are_said_with_their_lines(self):
        self.dir.write("policies/bad.lua", "return policy {\n  evry = 1,\n}")
        result = self.script(self.dir, "cost_of_metrics", status=1)
        self.assertIn("policies/bad.lua:2: ", result.stderr)
        self.assertIn("the policies have faults", result.stderr)


class FindAnomalies(ScriptCase):
    def test_broken_lines_are_counted_and_named(self):
        rows = ["time,value", "2026-01-01T00:00:00Z,1", "soon,2", "2026-01-01 00:10:00,x", "1767226200,4", "1767226000,5",
                "single", ""] + [f"bad{i},1" for i in range(4)]
        self.dir.write("s.csv", "\n".join(rows))
        result = self.dir.run("script", "--world", "sim", SCRIPTS / "find_anomalies.lua", "s.csv")
        for said in ("8 lines could not be read", "line 3: 'soon' is no time", "line 4: 'x' is no number",
                     "line 6: its time goes back", "line 7: it has no two columns", "and 3 more"):
            self.assertIn(said, result.stderr)

    def test_files_that_cannot_be_had_are_1(self):
        packed = gzip.compress(b"".join(b"%d,%d\n" % (i * 300, i * i % 97) for i in range(50000)))
        (self.dir.path / "early.gz").write_bytes(packed[:len(packed) // 2])
        self.dir.write("empty.csv", "time,value\n")
        for file, said in (("none.csv", "No such file"), ("early.gz", "it ends early"), ("empty.csv", "no datapoints")):
            result = self.script(self.dir, "find_anomalies", file, status=1)
            self.assertIn(said, result.stderr)
            self.assertEqual(result.stdout, "")


class FindAnomaliesOfSeries(ScriptCase):
    """With the detector of `stats`."""

    SERIES = "rds_cpu_utilization_e47b3b"

    def setUp(self):
        super().setUp()
        self.csv = support.SHARED_DATA / "nab" / "realAWSCloudwatch" / f"{self.SERIES}.csv"
        if not self.csv.exists():
            self.skipTest(f"SKIPPED: real data is not there: {self.csv}")
        with open(self.csv, newline="") as file:
            self.rows = list(csv.DictReader(file))

    def found(self, *arguments):
        return json.loads(self.script(self.dir, "find_anomalies", *arguments, "--format", "json").stdout)

    def test_the_outburst_of_a_real_series_is_found(self):
        worst = max(self.rows, key=lambda row: float(row["value"]))
        found = self.found(self.csv)
        self.assertEqual(found["datapoints"], len(self.rows))
        when = worst["timestamp"].replace(" ", "T") + "Z"
        over = [a for a in found["anomalies"] if a["from"] <= when <= a["until"]]
        self.assertEqual([a["value"] for a in over], [float(worst["value"])])
        self.assertLess(len(found["anomalies"]), 12)
        self.assertTrue(all(a["likelihood"] >= 0.1 for a in found["anomalies"]))

    def test_the_likelihood_or_a_score_says_where_one_begins(self):
        few = self.found(self.csv, "--likelihood", "0.5")["anomalies"]
        self.assertTrue(few and all(a["likelihood"] >= 0.5 for a in few))
        self.assertLess(len(few), len(self.found(self.csv)["anomalies"]))
        by_score = self.found(self.csv, "--likelihood", "2", "--threshold", "0.9")["anomalies"]
        self.assertTrue(by_score and all(a["score"] >= 0.9 for a in by_score))

    def test_a_series_too_short_for_a_likelihood_goes_by_the_score(self):
        self.dir.write("s.csv", "".join(f"{i * 300},{90 if i == 150 else i % 7}\n" for i in range(160)))
        self.assertEqual([a["value"] for a in self.found("s.csv")["anomalies"]], [90])

    def test_packed_and_plain_are_the_same(self):
        (self.dir.path / f"{self.SERIES}.csv").write_bytes(self.csv.read_bytes())
        (self.dir.path / f"{self.SERIES}.csv.gz").write_bytes(gzip.compress(self.csv.read_bytes()))
        plain, packed = self.found(f"{self.SERIES}.csv"), self.found(f"{self.SERIES}.csv.gz")
        self.assertEqual(packed.pop("series"), plain.pop("series") + ".gz")
        self.assertEqual(packed, plain)

    def test_it_prints_a_table_and_draws_the_same(self):
        result = self.script(self.dir, "find_anomalies", self.csv, "--unit", "percent", "--svg", "out.svg")
        self.assertRegex(result.stdout, r"(?m)^from \(UTC\) +until +worst +expected +score +likelihood$")
        self.assertIn("X marked", result.stdout)
        root = xml.etree.ElementTree.parse(self.dir.path / "out.svg").getroot()
        self.assertTrue(any(len(c) for c in root.iter("{http://www.w3.org/2000/svg}circle")))


class FleetReport(ScriptCase):
    @classmethod
    def setUpClass(cls):
        support.need("moto")
        support.need("boto3")
        cls.port = support.free_port()
        server = support.moto(cls.port)
        server.__enter__()
        cls.addClassCleanup(server.__exit__, None, None, None)
        made = subprocess.run([str(support.VENV), str(support.ROOT / "tests/integration/put_fleet.py"),
                               f"http://127.0.0.1:{cls.port}"], check=True, capture_output=True, text=True,
                              env=support.clean_environment())
        cls.reader = json.loads(made.stdout)

    def report(self, *arguments, environment=None, status=0):
        result = self.dir.run("script", SCRIPTS / "fleet_report.lua", *arguments,
                              environment=environment or support.aws_environment(self.port, LC_ALL="C.UTF-8"))
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout

    def json(self, *arguments, **options):
        return json.loads(self.report("--format", "json", *arguments, **options))

    def test_every_resource_is_there_with_its_load_the_worst_first(self):
        report = self.json()
        names = {(r["kind"], r["name"]) for r in report["resources"]}
        self.assertEqual(names, {("ECS service", f"shop/worker{i}") for i in range(12)} |
                         {("ECS service", "shop/api"), ("RDS instance", "orders"), ("RDS instance", "small"),
                          ("cache cluster", "sessions")})
        self.assertEqual(report["problems"], [])
        ranks = [["high", "medium", "low", "none"].index(r["severity"]) for r in report["resources"]]
        self.assertEqual(ranks, sorted(ranks))
        by_name = {r["name"]: r for r in report["resources"]}
        self.assertAlmostEqual(by_name["shop/api"]["cpu"], 95, delta=1.5)
        self.assertAlmostEqual(by_name["sessions"]["memory"], 84, delta=1.5)
        self.assertNotIn("cpu", by_name["small"])
        self.assertIn("2 to 4", by_name["shop/api"]["size"])

    def test_findings_are_of_load_and_limits(self):
        findings = {r["name"]: [f["text"] for f in r["findings"]] for r in self.json()["resources"]}
        self.assertIn("it is at its most tasks (4), and busy", findings["shop/api"])
        self.assertIn("no task runs", findings["shop/api"])
        self.assertRegex(findings["orders"][0], r"5 % of its storage is free \(5 GiB\)")
        self.assertEqual(findings["small"], ["its storage does not grow by itself"])
        self.assertRegex(findings["sessions"][0], r"memory is at 8\d %")
        self.assertEqual(findings["shop/worker3"], [])

    def test_the_table_has_a_line_of_cpu_and_leaves_out_what_is_well(self):
        out = self.report()
        self.assertRegex(out, r"(?m)^high +ECS service +shop/api +[▁▂▃▄▅▆▇█]{18} +9\d % +4\d %")
        self.assertNotIn("worker", out)
        self.assertIn("16 resources: 2 high, 1 medium, 1 low, 12 without findings", out)
        self.assertIn("shop/worker11", self.report("--all"))
        columns = {line.index("RDS instance") for line in out.splitlines() if "RDS instance" in line}
        self.assertEqual(len(columns), 1)

    def test_regions_are_reported_together(self):
        report = self.json("--region", "eu-west-1", "--region", "us-east-1")
        self.assertEqual({r["region"] for r in report["resources"]}, {"us-east-1"})
        self.assertRegex(self.report("--region", "eu-west-1", "--region", "us-east-1"), r"RDS instance +us-east-1 +orders")

    def test_an_account_without_anything_is_no_error(self):
        self.assertIn("0 resources", self.report("--region", "eu-west-1"))


    def test_a_metric_is_looked_at_like_a_file(self):
        environment = support.aws_environment(self.port)
        for metric, said in (("AWS/ECS/CPUUtilization/ClusterName=shop/ServiceName=api", None),
                             ("AWS/ECS/CPUUtilization/ClusterName=shop/ServiceName=none", "no datapoint")):
            result = self.dir.run("script", SCRIPTS / "find_anomalies.lua", "--metric", metric, "--last", "3h", "--format",
                                  "json", environment=environment)
            if said:
                self.assertEqual(result.returncode, 1)
                self.assertIn(said, result.stderr)
            else:
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertGreater(json.loads(result.stdout)["datapoints"], 30)


class FleetReportDenied(FleetReport):
    """After moto has begun to check who may do what: no other test comes after it on this server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        request = urllib.request.Request(f"http://127.0.0.1:{cls.port}/moto-api/reset-auth", data=b"0", method="POST",
                                         headers={"Content-Type": "application/octet-stream"})
        urllib.request.urlopen(request).close()

    def environment(self, **keys):
        return support.aws_environment(self.port) | keys

    def test_what_is_denied_is_named_and_the_rest_reported(self):
        report = self.json(environment=self.environment(**self.reader))
        kinds = {r["kind"] for r in report["resources"]}
        self.assertEqual(kinds, {"ECS service", "cache cluster"})
        denied = [p for p in report["problems"] if p["denied"]]
        self.assertEqual([(p["what"], p["action"]) for p in denied], [("RDS instances", "rds:DescribeDBInstances")])
        out = self.report(environment=self.environment(**self.reader))
        self.assertIn("RDS instances: not allowed: rds:DescribeDBInstances", out)

    def test_when_nothing_can_be_read_it_is_1(self):
        out = self.report(environment=self.environment(AWS_ACCESS_KEY_ID="AKIAQQQQQQQQQQQQQQQQ"), status=1)
        self.assertIn("0 resources", out)
        self.assertEqual(len(re.findall(r"(?m)^  (ECS clusters|RDS instances|cache clusters): ", out)), 3)


# The tests of what is allowed are not run again where they are denied.
for inherited in [name for name in vars(FleetReport) if name.startswith("test_")]:
    setattr(FleetReportDenied, inherited, None)


class FleetReportOnMiniStack(support.Case):
    def test_a_service_that_is_not_there_is_named(self):
        support.need("ministack")
        port = support.free_port()
        with support.ministack(port):
            project = self.project()
            environment = support.aws_environment(port)
            made = project.run("eval", """aws.client("ecs"):create_cluster { clusterName = "c" }
              local rds = aws.client("rds")
              rds:create_db_instance { DBInstanceIdentifier = "d", DBInstanceClass = "db.t3.micro", Engine = "postgres",
                                       AllocatedStorage = 20, MasterUsername = "root", MasterUserPassword = "not-a-secret" }""",
                               environment=environment)
            self.assertEqual(made.returncode, 0, made.stderr)
            result = project.run("script", SCRIPTS / "fleet_report.lua", "--format", "json", environment=environment)
            self.assertEqual(result.returncode, 0, result.stderr)
            report = json.loads(result.stdout)
            self.assertEqual([r["name"] for r in report["resources"]], ["d"])
            self.assertEqual([p["what"] for p in report["problems"]], ["limits of ECS services"])


if __name__ == "__main__":
    support.main()
