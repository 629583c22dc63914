"""Decisions become changes, as an operator sees it: `run --once --mode act`, `plan`, `pause`, `journal` and `why` against
moto and MiniStack, whose writes a proxy counts."""

import contextlib
import json
import os
import sqlite3
import subprocess

import kinds_bench
import support

CPU = "ECSServiceAverageCPUUtilization"
TARGET = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
DENIED = (400, json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}))
THROTTLED = (400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}))
AT_ONCE = 'rails = { drift_hold = "0s", cooldown_in = 0, cooldown_out = 0, stabilization_in = 0, tolerance = 0, max_share = 1 }'
POLICY = """
return policy {
  name = "scaling", every = "%(every)s", %(more)s
  targets = { { name = "one" } },
  evaluate = function(t, m, memo) %(body)s end,
  checks = { holds = function() return %(holds)s end },
}
"""
TRACKING = """
    decide.ecs_autoscaling { cluster = "%s", service = "api", metric = "%s", target = 50, min = 2, max = 20,
                             scale_out_cooldown = 60, scale_in_cooldown = 300, disable_scale_in = false }
"""
COUNT = 'decide.ecs_desired_count { cluster = "%s", service = "%s", count = %s }\n'


class Act(support.Case):
    """A project with one policy, a proxy before the server that all tests of a class share."""

    module = server = None

    @classmethod
    def setUpClass(cls):
        support.need(cls.module)
        support.need("boto3")
        cls.port = support.free_port()
        server = cls.server(cls.port)
        server.__enter__()
        cls.addClassCleanup(server.__exit__, None, None, None)
        cls.boto_process = kinds_bench.Lines([support.VENV, kinds_bench.BOTO],
                                             support.aws_environment(cls.port, AWS_DEFAULT_REGION="us-east-1"))
        cls.addClassCleanup(cls.boto_process.close)

    def setUp(self):
        self.dir = self.project(shipped=False)
        self.configure()
        self.proxy = kinds_bench.Proxy(self.port)
        self.addCleanup(self.proxy.close)
        self.environment = support.aws_environment(self.proxy.port)
        self.state = self.dir.path / ".moontide"
        self.cluster = self.id().split(".")[-1].replace("_", "-")

    def configure(self, more=""):
        self.dir.write("moontide.lua", 'return { region = "us-east-1", settle = "0s", retry = { base = "1ms", cap = "2ms" }, '
                       + more + " }")

    def policy(self, body, more="", every="1s", holds="true", name="scaling"):
        text = POLICY % {"body": body, "more": more + "," if more else "", "every": every, "holds": holds}
        self.dir.write(f"policies/{name}.lua", text.replace('name = "scaling"', f'name = "{name}"'))

    def boto(self, service, operation, /, **params):
        answer = self.boto_process.ask({"service": service, "operation": operation, "params": params})
        self.assertNotIn("error", answer, (service, operation))
        return answer["answer"]

    def tick(self, *arguments, mode="act", status=0):
        """One tick; what was decided. self.writes: what it sent."""
        self.proxy.seen.clear()
        document = self.dir.once(*(("--mode", mode) if mode else ()), *arguments, environment=self.environment, status=status)
        self.errors = document["errors"]
        return [decision for target in document["targets"] for decision in target["decisions"]]

    def outcome(self, *arguments, **named):
        """Of the one decision of a tick: (outcome, reason)."""
        decisions = self.tick(*arguments, **named)
        self.assertEqual(len(decisions), 1, decisions)
        self.last = decisions[0]
        return self.last["outcome"], self.last["reason"]

    def writes(self):
        return self.proxy.writes()

    def good(self, *arguments, status=0):
        result = self.dir.run(*arguments, environment=self.environment)
        self.assertEqual(result.returncode, status, result.stderr + result.stdout)
        return result.stdout

    def why(self, resource):
        return self.good("why", resource)

    def journal(self, *arguments):
        return [json.loads(line) for line in self.good("journal", "--format", "json", *arguments).splitlines()]


class Ecs(Act):
    module, server = "moto", staticmethod(support.moto)

    def service(self, *names, count=2):
        self.boto("ecs", "create_cluster", clusterName=self.cluster)
        self.boto("ecs", "register_task_definition", family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 10}])
        for name in names:
            self.boto("ecs", "create_service", cluster=self.cluster, serviceName=name, taskDefinition="t", desiredCount=count)
        return f"service/{self.cluster}/{names[0]}"

    def count(self, name="api"):
        return self.boto("ecs", "describe_services", cluster=self.cluster, services=[name])["services"][0]["desiredCount"]

    def tracking(self, **more):
        self.policy(TRACKING % (self.cluster, CPU), **more)

    def drift_policy(self, **fields):
        policy = self.boto("application-autoscaling", "describe_scaling_policies", ServiceNamespace="ecs",
                           ResourceId=f"service/{self.cluster}/api")["ScalingPolicies"][0]
        self.boto("application-autoscaling", "put_scaling_policy", PolicyName=policy["PolicyName"],
                  PolicyType="TargetTrackingScaling", ResourceId=policy["ResourceId"], **TARGET,
                  TargetTrackingScalingPolicyConfiguration={**policy["TargetTrackingScalingPolicyConfiguration"], **fields})

    def drift_bounds(self, **bounds):
        self.boto("application-autoscaling", "register_scalable_target", ResourceId=f"service/{self.cluster}/api", **TARGET,
                  **bounds)


class FromNothing(Ecs):
    def test_to_the_wanted_state_and_a_second_tick_that_writes_nothing(self):
        resource = self.service("api", "web")
        self.policy(TRACKING % (self.cluster, CPU) + COUNT % (self.cluster, "web", 4))
        decisions = self.tick()
        self.assertEqual([d["outcome"] for d in decisions], ["applied", "applied"], decisions)
        self.assertEqual(sorted(self.writes()), ["PutScalingPolicy", "RegisterScalableTarget", "UpdateService"])
        self.assertEqual(self.count("web"), 4)
        decisions = self.tick()
        self.assertEqual([d["outcome"] for d in decisions], ["unchanged", "unchanged"])
        self.assertEqual(self.writes(), [])
        entries = self.journal("--resource", resource)
        self.assertEqual([e["what"] for e in entries], ["intent", "outcome"])
        self.assertEqual(len({e["id"] for e in entries}), 1)
        calls = [c for c in entries[1]["detail"]["calls"] if not c["operation"].split(":")[1].startswith("Describe")]
        self.assertEqual([c["operation"] for c in calls], ["application-autoscaling:RegisterScalableTarget",
                                                           "application-autoscaling:PutScalingPolicy"])
        text = self.why(resource)
        for call in calls:
            self.assertTrue(call["request_id"])
            self.assertIn(f"{call['operation']}, request id {call['request_id']}", text)
        self.assertIn("applied", text)

    def test_each_drifted_field_is_put_right_alone(self):
        self.service("api")
        self.tracking(more=AT_ONCE)
        self.assertEqual(self.outcome()[0], "applied")
        self.assertEqual(self.outcome()[0], "unchanged")
        memory = {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}
        drifts = [(self.drift_bounds, "MinCapacity", 3, "min"), (self.drift_bounds, "MaxCapacity", 18, "max"),
                  (self.drift_policy, "TargetValue", 70.0, "target"),
                  (self.drift_policy, "ScaleOutCooldown", 10, "scale_out_cooldown"),
                  (self.drift_policy, "ScaleInCooldown", 11, "scale_in_cooldown"),
                  (self.drift_policy, "DisableScaleIn", True, "disable_scale_in"),
                  (self.drift_policy, "PredefinedMetricSpecification", memory, "metric")]
        for drift, field, value, name in drifts:
            drift(**{field: value})
            self.assertEqual(self.outcome()[0], "applied", (field, self.last))
            self.assertEqual([change["field"] for change in self.last["changes"]], [name])
            self.assertEqual(self.writes(), ["RegisterScalableTarget" if drift == self.drift_bounds else "PutScalingPolicy"])
            self.assertEqual(self.outcome()[0], "unchanged", self.last)
            self.assertEqual(self.writes(), [])

    def test_drift_is_held_and_why_says_so(self):
        resource = self.service("api")
        self.tracking()
        self.assertEqual([self.outcome()[0], self.outcome()[0]], ["applied", "unchanged"])
        self.drift_bounds(MaxCapacity=30)
        for _ in range(2):
            self.assertEqual(self.outcome(), ("refused", "DRIFT"))
            self.assertEqual(self.writes(), [])
        self.assertIn("max is 30 (moontide had written 20)", self.last["text"])
        text = self.why(resource)
        for words in ("refused    DRIFT", "Drift:", "max was written as 20 and found as 30", "held until 20", "what to do"):
            self.assertIn(words, text)
        self.assertEqual(len(self.journal("--what", "drift")), 1)

    def test_a_decision_has_a_drift_hold_of_its_own(self):
        self.service("api")
        self.policy(COUNT.replace("}", ", rails = { drift_hold = 0, cooldown_out = 0, cooldown_in = 0, stabilization_in = 0 } }")
                    % (self.cluster, "api", 4))
        self.assertEqual([self.outcome()[0], self.outcome()[0]], ["applied", "unchanged"])
        self.boto("ecs", "update_service", cluster=self.cluster, service="api", desiredCount=2)
        self.assertEqual(self.outcome()[0], "applied", self.last)
        self.assertEqual(self.writes(), ["UpdateService"])


class Failures(Ecs):
    def test_rails_that_would_leave_min_above_max(self):
        """TOLERANCE takes the change of max away (10 %), and leaves that of min (16 %)."""
        self.service("api")
        self.tracking()
        self.assertEqual(self.outcome()[0], "applied")
        self.assertEqual(self.outcome()[0], "unchanged")  # which has seen it
        self.drift_bounds(MinCapacity=19, MaxCapacity=20)
        self.configure('rails = { drift_hold = "0s", max_share = 1 }')
        self.policy((TRACKING % (self.cluster, CPU)).replace("min = 2, max = 20", "min = 22, max = 22"))
        self.assertEqual(self.outcome(), ("refused", "NOT_FEASIBLE"))
        self.assertIn("min = 22 above max = 20", self.last["text"])
        self.assertEqual(self.writes(), [])

    def test_a_missing_cluster_and_a_missing_service(self):
        self.service("other")
        for cluster, words in (("nowhere", "the cluster nowhere does not exist"),
                               (self.cluster, f"the cluster {self.cluster} has no service api")):
            self.policy(COUNT % (cluster, "api", 3))
            self.assertEqual(self.outcome(), ("refused", "NOT_FEASIBLE"))
            self.assertIn(words, self.last["text"])
            self.assertEqual(self.writes(), [])
            self.assertIn(words, self.why(f"service/{cluster}/api"))

    def test_throttling_between_two_calls(self):
        resource = self.service("api")
        self.tracking()
        self.proxy.faults["PutScalingPolicy"] = THROTTLED
        self.assertEqual(self.outcome(status=1)[0], "failed")
        sent = self.writes()
        self.assertEqual(sent[0], "RegisterScalableTarget")
        self.assertEqual(set(sent[1:]), {"PutScalingPolicy"})
        self.assertIn("sent before that: application-autoscaling:RegisterScalableTarget", self.last["text"])
        self.assertEqual(self.journal("--what", "outcome")[-1]["detail"]["outcome"], "failed")
        self.proxy.faults.clear()
        self.assertEqual(self.outcome()[0], "applied", self.last)
        self.assertEqual(self.writes(), ["PutScalingPolicy"])
        self.assertEqual(self.outcome()[0], "unchanged")
        text = self.why(resource)
        self.assertIn("failed", text)
        self.assertIn("ThrottlingException", text)

    def test_what_is_not_allowed_is_not_asked_again_soon(self):
        resource = self.service("api")
        self.policy(COUNT % (self.cluster, "api", 3))
        self.proxy.faults["UpdateService"] = DENIED
        self.assertEqual(self.outcome(), ("refused", "NOT_ALLOWED"))
        self.assertIn(f"ecs:UpdateService on {resource}", self.last["text"])
        self.assertEqual(self.writes(), ["UpdateService"])
        self.proxy.faults.clear()
        self.assertIn("ecs:UpdateService", self.why(resource))
        self.proxy.faults["UpdateService"] = DENIED
        self.proxy.seen.clear()
        daemon = self.daemon(self.dir, "--mode", "act", environment=self.environment)
        daemon.wait_for("decision.refused")
        support.wait_until(lambda: daemon.status() and daemon.policy("scaling")["ticks"] >= 5, "some ticks")
        self.assertIn("asked again in 10 minutes", self.why(resource))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.writes(), ["UpdateService"])

    def test_contradictory_decisions(self):
        resource = self.service("api")
        self.tracking(name="first")
        self.policy(TRACKING.replace("target = 50", "target = 60") % (self.cluster, CPU), name="second")
        decisions = self.tick()
        self.assertEqual([(d["outcome"], d["reason"]) for d in decisions], [("refused", "CONFLICT")] * 2, decisions)
        self.assertEqual(self.writes(), [])
        self.assertIn("CONFLICT", self.why(resource))
        self.policy(COUNT % (self.cluster, "api", 3), name="first")  # of a capacity the largest wish wins
        self.policy(COUNT % (self.cluster, "api", 5), name="second")
        decisions = self.tick()
        self.assertEqual(sorted((d["outcome"], d["reason"]) for d in decisions), [("applied", ""), ("refused", "CONFLICT")])
        self.assertEqual(self.count(), 5)

    def test_two_contradictory_decisions_of_one_evaluation(self):
        self.service("api")
        self.policy(COUNT % (self.cluster, "api", 3) + COUNT % (self.cluster, "api", 5))
        self.tick()
        self.assertLessEqual(len(self.writes()), 1)


class ModesAndPlan(Ecs):
    def database(self):
        """What is in it; that a reader leaves an empty log beside it says nothing."""
        wal = self.state / "moontide.db-wal"
        return (self.state / "moontide.db").read_bytes(), wal.read_bytes() if wal.exists() else b""

    def plan(self, *arguments):
        self.proxy.seen.clear()
        result = self.dir.run("plan", *arguments, environment=self.environment)
        self.assertEqual(self.writes(), [])
        return result

    def test_plan_and_its_exit_codes(self):
        resource = self.service("api")
        self.policy(COUNT % (self.cluster, "api", 4))
        result = self.plan("--detailed-exitcode")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(resource, result.stdout)
        self.assertRegex(result.stdout, r"count +2 -> 4")
        self.assertIn("1 to change, 0 held back, 0 as wanted. Nothing was changed.", result.stdout)
        self.assertEqual(self.plan().returncode, 0)
        self.assertFalse((self.state / "moontide.db").exists())
        self.assertEqual(self.count(), 2)
        self.assertEqual(self.outcome()[0], "applied")
        before = self.database()
        self.assertEqual(self.plan("--detailed-exitcode").returncode, 0)
        self.assertEqual(json.loads(self.plan("--format", "json").stdout)["targets"][0]["decisions"][0]["outcome"], "unchanged")
        self.assertEqual(self.database(), before)
        self.policy("error('broken')")
        self.assertEqual(self.plan("--detailed-exitcode").returncode, 1)
        self.assertEqual(self.database(), before)

    def test_plan_says_what_the_rails_refuse(self):
        self.service("api")
        self.policy(COUNT % (self.cluster, "api", 9), more="rails = { max = 2 }")
        result = self.plan("--detailed-exitcode", "--mode", "act")
        self.assertEqual(result.returncode, 0)
        self.assertIn("AT_MAX", result.stdout)
        self.assertIn("0 to change, 1 held back", result.stdout)

    def test_nothing_is_carried_out_unless_it_is_said(self):
        self.service("api")
        body = COUNT % (self.cluster, "api", 3)
        for configured, policy, said, outcome in (
                ("", "", None, ("proposed", "MODE")), ("", "", "observe", ("refused", "MODE")),
                ('mode = "act"', "", "recommend", ("proposed", "MODE")),
                ('mode = "act"', 'mode = "observe"', None, ("refused", "MODE")),
                ("", 'mode = "act"', "observe", ("refused", "MODE")), ("", 'mode = "recommend"', "act", ("applied", ""))):
            self.configure(configured)
            self.policy(body, more=policy)
            found = self.outcome(mode=said)
            self.assertEqual(found[0], outcome[0], (configured, policy, said, self.last))
            self.assertEqual(self.writes(), ["UpdateService"] if outcome[0] == "applied" else [])

    def test_the_configuration_and_the_policy_can_say_act(self):
        self.service("api")
        self.configure('mode = "act"')
        self.policy(COUNT % (self.cluster, "api", 3))
        self.assertEqual(self.outcome(mode=None)[0], "applied")


class Pauses(Ecs):
    # Up and down between 3 and 4 with each evaluation.
    BODY = 'memo.n = (memo.n or 0) + 1 decide.ecs_desired_count { cluster = "%s", service = "api", count = 3 + memo.n %% 2 }'

    def start(self):
        self.resource = self.service("api")
        self.policy(self.BODY % self.cluster, more=AT_ONCE.replace("}", ", rate_in = { period = '1s', percent = 100 }, "
                                                                   "rate_out = { period = '1s', add = 9 } }"))
        self.running = self.daemon(self.dir, "--mode", "act", environment=self.environment)
        self.goes_on()

    def goes_on(self):
        before = len(self.writes())
        support.wait_until(lambda: len(self.writes()) >= before + 2, f"two changes\n{self.running.text()[-3000:]}")

    def ticks(self):
        return self.running.policy("scaling")["ticks"]

    def stands_still(self):
        support.wait_until(lambda: self.running.events("decision.refused")[-1:] and
                           self.running.events("decision.refused")[-1]["reason"] == "PAUSED", "a refusal")
        writes, ticks = len(self.writes()), self.ticks()
        support.wait_until(lambda: self.ticks() >= ticks + 3, "three ticks")
        self.assertEqual(len(self.writes()), writes)

    def test_pause_and_resume_between_ticks(self):
        self.start()
        self.assertIn("migration", self.good("pause", "--reason", "migration"))
        self.stands_still()
        self.assertIn("migration", self.why(self.resource))
        self.good("resume")
        self.goes_on()
        self.good("pause", self.resource, "--reason", "only this")
        self.stands_still()
        self.good("resume", self.resource)
        self.goes_on()
        self.assertEqual(self.running.stop(), 0)
        self.assertEqual([e["what"] for e in self.journal("--limit", "1000") if e["what"] in ("pause", "resume")],
                         ["pause", "resume"] * 2)

    def test_a_file_is_enough(self):
        self.start()
        (self.state / "PAUSED").touch()
        self.stands_still()
        self.assertEqual(self.running.stop(), 0)
        self.running = self.daemon(self.dir, "--mode", "act", environment=self.environment)  # it holds over a restart
        self.running.wait_for("analysis.completed")
        self.stands_still()
        (self.state / "PAUSED").unlink()
        self.goes_on()
        self.assertEqual(self.running.stop(), 0)


class Disks(Ecs):
    """Without an intent on disk nothing is sent."""

    BODY = Pauses.BODY

    def mount(self, size):
        self.state.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.state)], capture_output=True)
        if made.returncode:
            self.skipTest("SKIPPED: no file system can be mounted here (root?)")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.state)], check=True)

    def fill(self):
        with open(self.state / "filler", "wb", buffering=0) as file:
            for block in (65536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(block))

    def test_a_disk_that_fills_up(self):
        self.mount("4m")
        Pauses.start(self)
        self.fill()
        failed = self.running.wait_for("scaling.ecs.failed")
        self.assertIn("nothing was applied, as the journal could not be written", failed["error"])
        self.assertIn("no space left", failed["error"])
        writes, ticks = len(self.writes()), Pauses.ticks(self)
        support.wait_until(lambda: Pauses.ticks(self) >= ticks + 3, "three ticks")
        self.assertEqual(len(self.writes()), writes)
        (self.state / "filler").unlink()
        Pauses.goes_on(self)
        self.assertEqual(self.running.stop(), 0)

    goes_on = Pauses.goes_on

    def test_a_full_disk_and_a_read_only_one(self):
        self.mount("4m")
        self.service("api")
        self.policy(COUNT % (self.cluster, "api", 3))
        self.assertEqual(self.outcome(mode="recommend")[0], "proposed")
        if os.geteuid() == 0:
            subprocess.run(["mount", "-o", "remount,ro", str(self.state)], check=True)
            self.proxy.seen.clear()
            result = self.dir.run("run", "--once", "--mode", "act", environment=self.environment)
            self.assertEqual((result.returncode, self.writes()), (1, []))
            self.assertIn("Read-only file system", result.stderr)
            subprocess.run(["mount", "-o", "remount,rw", str(self.state)], check=True)
        self.fill()
        self.proxy.seen.clear()
        result = self.dir.run("run", "--once", "--mode", "act", environment=self.environment)
        self.assertEqual(self.writes(), [])
        self.assertIn("space", result.stderr + result.stdout)
        self.assertEqual(result.returncode, 1, result.stdout)
        (self.state / "filler").unlink()
        self.assertEqual(self.outcome()[0], "applied")

    def test_a_database_of_a_newer_version(self):
        self.service("api")
        self.policy(COUNT % (self.cluster, "api", 3))
        self.assertEqual(self.outcome(mode="recommend")[0], "proposed")
        with contextlib.closing(sqlite3.connect(self.state / "moontide.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        for command in (("run", "--once", "--mode", "act"), ("plan",), ("why", "x"), ("journal",)):
            result = self.dir.run(*command, environment=self.environment)
            self.assertEqual(result.returncode, 1, command)
            self.assertIn("newer", result.stderr, command)
        self.assertEqual(self.writes(), [])


class Managed(Act):
    module, server = "ministack", staticmethod(support.ministack)

    def group(self, name=None, family="redis7"):
        name = name or self.cluster.replace("test-", "g-")
        self.boto("elasticache", "create_cache_parameter_group", CacheParameterGroupName=name,
                  CacheParameterGroupFamily=family, Description="d")
        return name

    def parameters(self, group, **parameters):
        stated = ", ".join(f'["{name.replace("_", "-")}"] = "{value}"' for name, value in parameters.items())
        self.policy(f'decide.cache_parameters {{ group = "{group}", parameters = {{ {stated} }} }}')

    def test_an_instance_with_pending_values(self):
        name = self.cluster.replace("test-", "db-")
        self.boto("rds", "create_db_instance", DBInstanceIdentifier=name, DBInstanceClass="db.t3.medium", Engine="postgres",
                  AllocatedStorage=20, MasterUsername="root", MasterUserPassword="secret-secret")
        self.policy(f'decide.rds_instance {{ instance = "{name}", class = "db.t3.large", allocated_storage = 30 }}')
        self.assertEqual(self.outcome()[0], "applied", self.last)
        self.assertEqual(self.writes(), ["ModifyDBInstance"])
        pending = self.boto("rds", "describe_db_instances", DBInstanceIdentifier=name)["DBInstances"][0]["PendingModifiedValues"]
        self.assertEqual(pending["DBInstanceClass"], "db.t3.large")
        self.assertEqual(self.outcome()[0], "unchanged", self.last)
        self.assertEqual(self.writes(), [])
        self.policy('decide.rds_instance { instance = "nowhere", class = "db.t3.large" }')
        self.assertEqual(self.outcome(), ("refused", "NOT_FEASIBLE"))
        self.assertIn("there is no database instance nowhere", self.last["text"])

    def test_parameters_in_one_call(self):
        group = self.group()
        self.parameters(group, maxmemory_policy="allkeys-lru", timeout=30)
        self.assertEqual(self.outcome()[0], "applied", self.last)
        self.assertEqual(self.writes(), ["ModifyCacheParameterGroup"])
        self.assertEqual(self.outcome()[0], "unchanged", self.last)
        self.assertEqual(self.writes(), [])
        self.assertIn("maxmemory-policy", self.why(f"parameter-group/{group}"))

    def test_parameters_that_cannot_be(self):
        group = self.group(family="memcached1.6")
        for name, parameters, words in ((group, {"maxmemory_policy": "allkeys-lfu"}, "memcached1.6 has no parameter"),
                                        ("default.redis7", {"timeout": 3}, "cannot be modified"),
                                        ("nowhere", {"timeout": 3}, "there is no cache parameter group nowhere")):
            self.parameters(name, **parameters)
            self.assertEqual(self.outcome(), ("refused", "NOT_FEASIBLE"), self.last)
            self.assertIn(words, self.last["text"])
            self.assertEqual(self.writes(), [])


class Verified(support.Case):
    """In the simulated world, at speed: a change that does not do what it was for is put back."""

    def setUp(self):
        self.dir = self.project(shipped=False)

    def journal(self, *arguments):
        result = self.dir.run("journal", "--format", "json", *arguments)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def run_until_verified(self, on_failure):
        body = ('if not memo.said then memo.said = time.now() end if time.now() - memo.said < 120 then '
                'decide.ecs_desired_count { cluster = "gm-tool-prod", service = "api", count = 4, '
                f'verify = {{ within = "10m", check = "holds", on_failure = "{on_failure}" }} }} end')
        text = POLICY % {"body": body, "more": "", "every": "1m", "holds": "false"}
        self.dir.write("policies/scaling.lua", text)
        daemon = self.daemon(self.dir, "--world", "sim", "--speed", "600", "--mode", "act")
        daemon.wait_for("verification.failed")
        return daemon

    def test_revert(self):
        daemon = self.run_until_verified("revert")
        daemon.wait_for("scaling.ecs.configured", after=1)
        self.assertEqual(daemon.stop(), 0)
        entries = self.journal()
        whats = [e["what"] for e in entries if e["what"] in ("intent", "outcome", "verification")]
        self.assertEqual(whats[:5], ["intent", "outcome", "verification", "intent", "outcome"])
        intents = [e for e in entries if e["what"] == "intent"]
        self.assertEqual([(c["from"], c["to"]) for e in intents for c in e["detail"]["changes"]], [(2, 4), (4, 2)])
        self.assertTrue(intents[1]["detail"]["back"])
        why = self.dir.run("why", "service/gm-tool-prod/api").stdout
        for words in ("count 2 -> 4", "count 4 -> 2", "verified   failed", "check holds, then revert"):
            self.assertIn(words, why)

    def test_freeze_until_resumed(self):
        daemon = self.run_until_verified("freeze")
        self.assertEqual(daemon.stop(), 0)
        self.dir.write("policies/scaling.lua", POLICY % {
            "body": COUNT % ("gm-tool-prod", "api", 6), "more": AT_ONCE + ",", "every": "1m", "holds": "true"})
        decision = self.dir.once("--world", "sim", "--mode", "act")["targets"][0]["decisions"][0]
        self.assertEqual((decision["outcome"], decision["reason"]), ("refused", "FROZEN"), decision)
        daemon = self.daemon(self.dir, "--world", "sim", "--speed", "60", "--mode", "act")
        daemon.wait_for("decision.refused", lambda e: e["reason"] == "FROZEN")
        result = self.dir.run("resume", "service/gm-tool-prod/api")
        self.assertIn("no longer frozen: service/gm-tool-prod/api", result.stdout, result.stderr)
        daemon.wait_for("scaling.ecs.configured")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    support.main()
