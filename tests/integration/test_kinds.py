"""The decision kinds against servers that this project did not write: ECS and Application Auto Scaling of moto, RDS and
ElastiCache of MiniStack. From nothing to the wanted state, a second time without a write, each drifted field put right
alone; and what cannot be done is said before anything is sent."""

import json
import unittest

import kinds_bench
import support

CPU = "ECSServiceAverageCPUUtilization"
DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
DENIED = (400, json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}))
THROTTLED = (400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}))


def answer_of(operation, body):
    return (f"<{operation}Response><{operation}Result>{body}</{operation}Result><ResponseMetadata>"
            f"<RequestId>r-1</RequestId></ResponseMetadata></{operation}Response>")


def parameter(name, value, allowed, modifiable="true", change="immediate"):
    return (f"<Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue><AllowedValues>"
            f"{allowed}</AllowedValues><IsModifiable>{modifiable}</IsModifiable><ChangeType>{change}</ChangeType></Parameter>")


# What no server here gives: parameters with their allowed values, events of storage, classes that are not offered.
PARAMETERS = answer_of("DescribeCacheParameters", "<Parameters>" + "".join((
    parameter("reserved-memory-percent", "25", "0-100", change="requires-reboot"),
    parameter("maxmemory-policy", "noeviction", "volatile-lru,allkeys-lru"),
    parameter("databases", "16", "1-1200000", modifiable="false"))) + "</Parameters>")
CLUSTERS = answer_of("DescribeCacheClusters", "<CacheClusters>" + "".join(
    f"<CacheCluster><CacheClusterId>{name}</CacheClusterId>{more}<CacheParameterGroup><CacheParameterGroupName>{group}"
    "</CacheParameterGroupName><ParameterApplyStatus>in-sync</ParameterApplyStatus></CacheParameterGroup></CacheCluster>"
    for name, more, group in (("d", "", "GROUP"), ("other", "", "default.redis7"),
                              ("c-001", "<ReplicationGroupId>c</ReplicationGroupId>", "GROUP"))) + "</CacheClusters>")
STORAGE_CHANGED = answer_of("DescribeEvents", "<Events><Event><Message>Finished applying modification to allocated "
                            "storage.</Message><Date>2026-01-02T03:04:05Z</Date></Event></Events>")
NOT_OFFERED = answer_of("DescribeOrderableDBInstanceOptions",
                        "<OrderableDBInstanceOptions></OrderableDBInstanceOptions>")
OWN_KIND = """
return kind {
  name = "queue",
  doc = "How long a queue keeps its messages.",
  event = "scaling.sqs",
  resource = "queue/{queue}",
  fields = {
    { name = "queue", type = "string", required = true },
    { name = "retention", type = "duration" },
  },
  read = function(list, at)
    local sqs = at:client "sqs"
    each_batch(list, 1, nil, function(batch)
      local item = batch[1]
      local ok, found = pcall(function() return sqs:get_queue_url { QueueName = item.wanted.queue } end)
      if not ok then
        item.missing = "there is no queue " .. item.wanted.queue
        return
      end
      local answer = sqs:get_queue_attributes { QueueUrl = found.QueueUrl, AttributeNames = { "All" } }
      item.current = { url = found.QueueUrl, retention = tonumber(answer.Attributes.MessageRetentionPeriod) }
    end)
  end,
  apply = function(wanted, current, changes, at)
    at:client("sqs"):set_queue_attributes {
      QueueUrl = current.url,
      Attributes = { MessageRetentionPeriod = tostring(wanted.retention) },
    }
  end,
}
"""


def service_of(cluster, service, kind, **wanted):
    return (kind, f"service/{cluster}/{service}", {"cluster": cluster, "service": service, **wanted})


class OnMoto(kinds_bench.KindsCase):
    module, server = "moto", staticmethod(support.moto)

    def setUp(self):
        super().setUp()
        self.boto("ecs", "register_task_definition", family="t",
                  containerDefinitions=[{"name": "c", "image": "i", "memory": 10}])

    def service(self, name="api", count=2):
        """A service in a cluster of this test's own."""
        cluster = self.id().split(".")[-1]
        self.boto("ecs", "create_cluster", clusterName=cluster)
        self.boto("ecs", "create_service", cluster=cluster, serviceName=name, taskDefinition="t", desiredCount=count)
        return cluster

    def tracking(self, cluster, **more):
        wanted = dict(metric=CPU, target=50, min=2, max=20, scale_out_cooldown=60, scale_in_cooldown=300)
        return service_of(cluster, "api", "ecs_autoscaling", **{**wanted, **more})

    def target(self, cluster):
        answer = self.boto("application-autoscaling", "describe_scalable_targets", ServiceNamespace="ecs",
                           ResourceIds=[f"service/{cluster}/api"])
        return answer["ScalableTargets"][0]

    def policy(self, cluster):
        answer = self.boto("application-autoscaling", "describe_scaling_policies", ServiceNamespace="ecs",
                           ResourceId=f"service/{cluster}/api")
        self.assertEqual([p["PolicyName"] for p in answer["ScalingPolicies"]], ["api-target-tracking"])
        return answer["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"]

    def test_autoscaling_from_nothing_to_wanted_and_again(self):
        cluster = self.service()
        answer = self.applied(self.tracking(cluster), ["RegisterScalableTarget", "PutScalingPolicy"])
        self.assertEqual(answer["direction"], "none")
        target, policy = self.target(cluster), self.policy(cluster)
        self.assertEqual((target["MinCapacity"], target["MaxCapacity"]), (2, 20))
        self.assertEqual(policy["PredefinedMetricSpecification"], {"PredefinedMetricType": CPU})
        self.assertEqual((policy["TargetValue"], policy["ScaleOutCooldown"], policy["ScaleInCooldown"]), (50, 60, 300))
        self.applied(self.tracking(cluster), [])
        self.assertEqual(len(self.proxy.seen), 3)

    def test_each_drifted_bound_is_put_right_alone(self):
        cluster = self.service()
        self.ask("apply", self.tracking(cluster))
        for bound, drifted, direction in (("MinCapacity", 3, "in"), ("MaxCapacity", 15, "out")):
            self.boto("application-autoscaling", "register_scalable_target", ResourceId=f"service/{cluster}/api",
                      **DIMENSION, **{bound: drifted})
            answer = self.applied(self.tracking(cluster), ["RegisterScalableTarget"])
            self.assertEqual((len(answer["changes"]), answer["direction"]), (1, direction))
            sent = json.loads(next(body for name, body in self.proxy.seen if name == "RegisterScalableTarget"))
            self.assertEqual({"MinCapacity", "MaxCapacity"} & set(sent), {bound})
            self.applied(self.tracking(cluster), [])
        self.assertEqual(self.target(cluster)["MaxCapacity"], 20)

    def test_each_drifted_field_of_the_policy_is_put_right(self):
        cluster = self.service()
        self.ask("apply", self.tracking(cluster, disable_scale_in=False))
        memory = {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}
        for field, drifted in (("TargetValue", 70.0), ("ScaleOutCooldown", 10), ("ScaleInCooldown", 11),
                               ("DisableScaleIn", True), ("PredefinedMetricSpecification", memory)):
            self.boto("application-autoscaling", "put_scaling_policy", PolicyName="api-target-tracking",
                      PolicyType="TargetTrackingScaling", ResourceId=f"service/{cluster}/api", **DIMENSION,
                      TargetTrackingScalingPolicyConfiguration={**self.policy(cluster), field: drifted})
            answer = self.applied(self.tracking(cluster, disable_scale_in=False), ["PutScalingPolicy"])
            self.assertEqual(len(answer["changes"]), 1, answer)
            self.assertNotEqual(self.policy(cluster)[field], drifted)
            self.applied(self.tracking(cluster, disable_scale_in=False), [])

    def test_what_a_decision_does_not_state_stays(self):
        cluster = self.service()
        self.ask("apply", self.tracking(cluster, disable_scale_in=True))
        subject = service_of(cluster, "api", "ecs_autoscaling", metric=CPU, target=40, min=2, max=20)
        self.applied(subject, ["PutScalingPolicy"])
        policy = self.policy(cluster)
        self.assertEqual((policy["TargetValue"], policy["ScaleOutCooldown"], policy["ScaleInCooldown"],
                          policy["DisableScaleIn"]), (40, 60, 300, True))

    def test_a_customized_metric(self):
        cluster = self.service()
        metric = {"MetricName": "Depth", "Namespace": "App", "Statistic": "Average",
                  "Dimensions": [{"Name": "Queue", "Value": "q"}]}
        subject = service_of(cluster, "api", "ecs_autoscaling", customized=metric, target=100, min=1, max=4)
        self.applied(subject, ["RegisterScalableTarget", "PutScalingPolicy"])
        self.assertEqual(self.policy(cluster)["CustomizedMetricSpecification"], metric)
        self.applied(subject, [])

    def test_autoscaling_that_cannot_be(self):
        cluster = self.service()
        self.infeasible(self.tracking("nowhere"), "the cluster nowhere does not exist")
        self.infeasible(service_of(cluster, "web", "ecs_autoscaling", metric=CPU, target=1, min=1, max=2),
                        f"the cluster {cluster} has no service web")
        self.infeasible(self.tracking(cluster, min=5, max=2), "min 5 is more than max 2")
        self.infeasible(self.tracking(cluster, metric="ECSServiceAverageCPUUtilisation"), f"did you mean '{CPU}'?")
        self.infeasible(self.tracking(cluster, metric="ALBRequestCountPerTarget"), "needs a resource_label")
        self.infeasible(self.tracking(cluster, customized={"MetricName": "x"}), "both a metric and a customized")
        self.infeasible(service_of(cluster, "api", "ecs_autoscaling", target=1, min=1, max=2), "neither a metric")
        label = "app/a/1234567890123456/targetgroup/b/1234567890123456"
        self.assertNotIn("infeasible", self.ask("check", self.tracking(
            cluster, metric="ALBRequestCountPerTarget", resource_label=label))[0])
        self.assertNotIn("infeasible", self.ask("check", self.tracking(cluster, metric=CPU + "HighResolution"))[0])

    def test_throttling_between_two_calls_says_which_was_made(self):
        cluster = self.service()
        self.proxy.faults["PutScalingPolicy"] = THROTTLED
        applied = self.ask("apply", self.tracking(cluster))[0]["applied"]
        self.assertEqual((applied["code"], applied["unsent"]), ("ERR_THROTTLED", False))
        self.assertIn("sent before that: application-autoscaling:RegisterScalableTarget (request ", applied["text"])
        first, second = applied["calls"]
        self.assertEqual((first["operation"], second["operation"]),
                         ("application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy"))
        self.assertTrue(first["request_id"])
        self.assertEqual(second["request_id"], "fault-1")
        self.proxy.faults.clear()
        self.applied(self.tracking(cluster), ["PutScalingPolicy"])

    def test_what_was_denied_names_action_and_resource(self):
        cluster = self.service()
        subject = service_of(cluster, "api", "ecs_desired_count", count=4)
        self.proxy.faults["UpdateService"] = DENIED
        applied = self.ask("apply", subject)[0]["applied"]
        self.assertEqual((applied["code"], applied["unsent"]), ("ERR_DENIED", True))
        self.assertIn(f"access denied: ecs:UpdateService on service/{cluster}/api", applied["text"])
        self.proxy.faults = {"DescribeServices": DENIED}
        answer = self.ask("apply", subject)[0]
        self.assertEqual(answer["code"], "ERR_DENIED")
        self.assertIn(f"ecs:DescribeServices on service/{cluster}/api", answer["problem"])
        self.proxy.faults = {"DescribeScalingPolicies": DENIED}
        answer = self.ask("apply", subject)[0]
        self.assertEqual(answer["check_code"], "ERR_DENIED")
        self.assertIn("application-autoscaling:DescribeScalingPolicies", answer["check_text"])

    def test_an_answer_that_never_came_may_have_had_an_effect(self):
        cluster = self.service()
        self.proxy.faults["UpdateService"] = "close"
        applied = self.ask("apply", service_of(cluster, "api", "ecs_desired_count", count=4))[0]["applied"]
        self.assertNotEqual(applied["code"], "OK")
        self.assertFalse(applied["unsent"])
        self.assertEqual(applied["calls"][-1], {"operation": "ecs:UpdateService", "request_id": ""})

    def test_desired_count(self):
        cluster = self.service()
        subject = service_of(cluster, "api", "ecs_desired_count", count=3, min=1, max=9)
        answer = self.applied(subject, ["UpdateService"])
        self.assertEqual((answer["changes"], answer["direction"]),
                         ([{"field": "count", "from": 2, "to": 3}], "out"))
        self.applied(subject, [])
        self.assertEqual([name for name, _ in self.proxy.seen], ["DescribeServices"])
        self.boto("ecs", "update_service", cluster=cluster, service="api", desiredCount=7)
        self.assertEqual(self.applied(subject, ["UpdateService"])["direction"], "in")
        self.infeasible(service_of("nowhere", "api", "ecs_desired_count", count=1), "the cluster nowhere does not exist")
        self.infeasible(service_of(cluster, "web", "ecs_desired_count", count=1), "has no service web")

    def test_desired_count_does_not_fight_target_tracking(self):
        cluster = self.service()
        self.ask("apply", self.tracking(cluster))
        self.infeasible(service_of(cluster, "api", "ecs_desired_count", count=9), "api-target-tracking")

    def test_a_second_deployment_is_busy(self):
        cluster = self.service()
        other = {"id": "ecs-svc/2", "status": "ACTIVE", "rolloutState": "COMPLETED"}
        answer = self.boto("ecs", "describe_services", cluster=cluster, services=["api"])
        service = {key: answer["services"][0][key] for key in ("serviceName", "status", "desiredCount")}
        service["deployments"] = [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}, other]
        self.proxy.faults["DescribeServices"] = (200, json.dumps({"services": [service], "failures": []}))
        answer = self.ask("apply", service_of(cluster, "api", "ecs_desired_count", count=9))[0]
        self.assertIn("deployment", answer["busy"])
        self.assertEqual(self.proxy.writes(), [])

    def test_many_services_are_read_ten_at_a_time(self):
        cluster = self.service("s0")
        for i in range(1, 25):
            self.boto("ecs", "create_service", cluster=cluster, serviceName=f"s{i}", taskDefinition="t", desiredCount=i)
        subjects = [service_of(cluster, f"s{i}", "ecs_desired_count", count=1) for i in range(26)]
        answers = self.ask("read", *subjects, service_of("nowhere", "x", "ecs_desired_count", count=1), subjects[0])
        self.assertEqual([a["current"]["count"] for a in answers[:25]], [2, *range(1, 25)])
        self.assertIn("has no service s25", answers[25]["problem"])
        self.assertIn("nowhere does not exist", answers[26]["problem"])
        self.assertEqual(answers[27], answers[0])
        self.assertEqual(len(self.proxy.seen), 4)

    def test_call_is_made_where_allow_names_it(self):
        wanted = {"service": "sqs", "operation": "CreateQueue", "params": {"QueueName": "made"}}
        answer = self.applied(("call", "sqs:CreateQueue/1", wanted), ["CreateQueue"])
        self.assertIn("cannot be read", answer["notes"][0])
        self.assertIn("made", self.boto("sqs", "get_queue_url", QueueName="made")["QueueUrl"])
        self.infeasible(("call", "sqs:DeleteQueue/1", {"service": "sqs", "operation": "DeleteQueue"}),
                        "does not name sqs:DeleteQueue")
        self.infeasible(("call", "sqs:CreateQueue/1", {**wanted, "params": {"QueueNam": "x"}}), "QueueNam")
        self.proxy.faults["CreateQueue"] = (500, "{}")
        applied = self.ask("apply", ("call", "sqs:CreateQueue/2", wanted))[0]["applied"]
        self.assertEqual((applied["code"], applied["unsent"]), ("ERR_SERVER", False))
        self.assertEqual(self.proxy.writes(), ["CreateQueue"])

    def test_other_regions_and_accounts(self):
        cluster = self.service()
        subject = service_of(cluster, "api", "ecs_desired_count", count=3)
        answers = self.ask("read", subject, (*subject, {"region": "eu-central-1"}), (*subject, {"account": "other"}),
                           (*subject, {"account": "othr"}))
        self.assertEqual(answers[0]["current"]["count"], 2)
        for answer in answers[1:3]:
            self.assertEqual(answer["problem"], f"the cluster {cluster} does not exist")
        self.assertIn("did you mean 'other'?", answers[3]["problem"])
        self.assertEqual(sorted(name for name, _ in self.proxy.seen), ["AssumeRole", *3 * ["DescribeServices"]])

    def test_a_kind_of_the_operators_own(self):
        self.lab.write("policies/lib/kind_queue.lua", OWN_KIND)
        self.boto("sqs", "create_queue", QueueName="own")
        subject = ("queue", "queue/own", {"queue": "own", "retention": 3600})
        self.applied(subject, ["SetQueueAttributes"])
        self.applied(subject, [])
        self.infeasible(("queue", "queue/none", {"queue": "none", "retention": 60}), "there is no queue none")

    def test_a_fault_in_a_kind_has_its_place(self):
        self.lab.write("policies/lib/kind_queue.lua", OWN_KIND.replace("local item = batch[1]", "local item = batc[1]"))
        answer = self.ask("read", ("queue", "queue/q", {"queue": "q"}))[0]
        self.assertEqual(answer["code"], "ERR_LUA")
        self.assertRegex(answer["problem"], r"policies/lib/kind_queue\.lua:\d+: .*batc")
        self.lab.write("policies/lib/kind_other.lua", OWN_KIND)
        self.assertIn("named 'queue'", self.ask("read", ("other", "x", {}))[0]["problem"])
        self.assertIn("no decision kind 'nonsense'", self.ask("read", ("nonsense", "x", {}))[0]["problem"])


class OnMiniStack(kinds_bench.KindsCase):
    module, server = "ministack", staticmethod(support.ministack)

    def instance(self, **more):
        name = self.id().split(".")[-1].replace("_", "-")[-50:].strip("-")
        self.boto("rds", "create_db_instance", DBInstanceIdentifier=name, Engine="postgres",
                  DBInstanceClass="db.t3.micro", AllocatedStorage=20, MasterUsername="admin",
                  MasterUserPassword="not-a-secret", **more)
        support.wait_until(lambda: self.database(name)["DBInstanceStatus"] == "available", f"{name} to be available")
        self.addCleanup(self.boto, "rds", "delete_db_instance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        return name

    def database(self, name):
        return self.boto("rds", "describe_db_instances", DBInstanceIdentifier=name)["DBInstances"][0]

    def wish(self, name, **wanted):
        return ("rds_instance", f"db/{name}", {"instance": name, **wanted})

    def group(self, family="redis7"):
        name = self.id().split(".")[-1].replace("_", "-")
        self.boto("elasticache", "create_cache_parameter_group", CacheParameterGroupName=name,
                  CacheParameterGroupFamily=family, Description="test")
        self.addCleanup(self.boto, "elasticache", "delete_cache_parameter_group", CacheParameterGroupName=name)
        return name

    def parameters(self, name, **parameters):
        values = {key.replace("_", "-"): value for key, value in parameters.items()}
        return ("cache_parameters", f"parameter-group/{name}", {"group": name, "parameters": values})

    def test_a_class_waits_for_the_window_and_counts_as_there(self):
        name = self.instance()
        wish = self.wish(name, **{"class": "db.t3.medium"})
        answer = self.applied(wish, ["ModifyDBInstance"])
        self.assertIn("ApplyImmediately=false", self.proxy.seen[-1][1])
        self.assertIn("downtime in the maintenance window", answer["notes"][0])
        self.assertEqual(self.database(name)["DBInstanceClass"], "db.t3.micro")
        current = self.applied(wish, [])["current"]
        self.assertEqual((current["class"], current["pending"]),
                         ("db.t3.medium", {"DBInstanceClass": "db.t3.medium"}))
        busy = self.ask("apply", self.wish(name, **{"class": "db.t3.large"}))[0]
        self.assertIn("a change of class to db.t3.medium is pending", busy["busy"])
        self.infeasible(self.wish(name, allocated_storage=30, apply_immediately=True),
                        "apply what is pending too, with downtime: DBInstanceClass")

    def test_a_class_now(self):
        name = self.instance()
        wish = self.wish(name, **{"class": "db.t3.small"}, apply_immediately=True)
        answer = self.applied(wish, ["ModifyDBInstance"])
        self.assertIn("downtime now", answer["notes"][0])
        self.assertEqual(self.database(name)["DBInstanceClass"], "db.t3.small")
        self.applied(wish, [])

    def test_storage_grows_by_a_tenth_and_never_shrinks(self):
        name = self.instance()
        self.infeasible(self.wish(name, allocated_storage=21), "to 22 GiB or more")
        self.infeasible(self.wish(name, allocated_storage=19), "never shrinks")
        wish = self.wish(name, allocated_storage=22, apply_immediately=True)
        answer = self.applied(wish, ["ModifyDBInstance"])
        self.assertEqual((answer["direction"], self.database(name)["AllocatedStorage"]), ("out", 22))
        self.assertNotIn("DBInstanceClass", self.proxy.seen[-1][1])
        self.applied(wish, [])

    def test_storage_autoscaling(self):
        name = self.instance()
        self.infeasible(self.wish(name, max_allocated_storage=21), "of 22 GiB or more")
        self.infeasible(self.wish(name, autoscale_storage=True), "of 22 GiB or more")
        self.infeasible(self.wish(name, autoscale_storage=False, max_allocated_storage=40), "max_allocated_storage = 20")
        on = self.wish(name, autoscale_storage=True, max_allocated_storage=100)
        self.applied(on, ["ModifyDBInstance"])
        self.assertEqual(self.database(name)["MaxAllocatedStorage"], 100)
        self.assertNotIn("&AllocatedStorage", self.proxy.seen[-1][1])
        self.applied(on, [])
        self.boto("rds", "modify_db_instance", DBInstanceIdentifier=name, MaxAllocatedStorage=50)
        self.assertEqual(len(self.applied(on, ["ModifyDBInstance"])["changes"]), 1)
        off = self.wish(name, autoscale_storage=False)
        self.applied(off, ["ModifyDBInstance"])
        self.assertIn("MaxAllocatedStorage=20", self.proxy.seen[-1][1])
        self.assertNotIn("MaxAllocatedStorage", self.database(name))
        self.applied(off, [])

    def test_instances_that_cannot_be(self):
        name = self.instance()
        self.infeasible(self.wish("nowhere", allocated_storage=30), "there is no database instance nowhere")
        self.proxy.faults["DescribeOrderableDBInstanceOptions"] = (200, NOT_OFFERED)
        self.infeasible(self.wish(name, **{"class": "db.zz.tiny"}), "db.zz.tiny is not offered for postgres")
        self.proxy.faults.clear()
        answers = self.ask("read", self.wish(name), self.wish("nowhere"), self.wish("neither"))
        self.assertEqual([a.get("problem") for a in answers],
                         [None, "there is no database instance nowhere", "there is no database instance neither"])
        self.assertEqual(len(self.proxy.seen), 1)

    def test_storage_is_locked_after_a_change(self):
        name = self.instance()
        self.proxy.faults["DescribeEvents"] = (200, STORAGE_CHANGED)
        answer = self.ask("apply", self.wish(name, allocated_storage=30))[0]
        self.assertIn("storage was changed in the last 6 h (2026-01-02T03:04:05Z)", answer["busy"])
        self.assertEqual(self.proxy.writes(), [])
        self.proxy.faults["DescribeEvents"] = (403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
        answer = self.ask("check", self.wish(name, allocated_storage=30))[0]
        self.assertNotIn("busy", answer)
        self.assertIn("could not be read", answer["notes"][-1])

    def test_parameters_from_nothing_to_wanted_and_again(self):
        name = self.group()
        wish = self.parameters(name, maxmemory_policy="allkeys-lru", timeout=30)
        answer = self.applied(wish, ["ModifyCacheParameterGroup"])
        self.assertEqual({change["field"] for change in answer["changes"]},
                         {"parameters.maxmemory-policy", "parameters.timeout"})
        self.applied(wish, [])
        self.boto("elasticache", "modify_cache_parameter_group", CacheParameterGroupName=name, ParameterNameValues=[
            {"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}])
        answer = self.applied(wish, ["ModifyCacheParameterGroup"])
        self.assertEqual(answer["changes"], [{"field": "parameters.maxmemory-policy", "from": "noeviction",
                                              "to": "allkeys-lru"}])
        self.assertNotIn("timeout", self.proxy.seen[-1][1])
        self.applied(wish, [])

    def test_parameters_that_cannot_be(self):
        name = self.group()
        self.infeasible(self.parameters("nowhere", timeout=1), "there is no cache parameter group nowhere")
        self.infeasible(self.parameters(name, maxmemory_percent=5), "redis7 has no parameter maxmemory-percent")
        self.infeasible(self.parameters(name, maxmemory_polic="x"), "did you mean 'maxmemory-policy'?")
        self.proxy.faults["DescribeCacheParameters"] = (200, PARAMETERS)
        self.infeasible(self.parameters(name, reserved_memory_percent=101), "allowed is 0-100")
        self.infeasible(self.parameters(name, maxmemory_policy="random"), "allowed is volatile-lru,allkeys-lru")
        self.infeasible(self.parameters(name, databases=17), "cannot be modified")
        self.infeasible(self.parameters(name, max_item_size=1), "has no parameter max-item-size")

    def test_what_a_change_of_parameters_reaches(self):
        name = self.group()
        self.proxy.faults["DescribeCacheParameters"] = (200, PARAMETERS)
        self.proxy.faults["DescribeCacheClusters"] = (200, CLUSTERS.replace("GROUP", name))
        answer = self.ask("check", self.parameters(name, reserved_memory_percent=50))[0]
        self.assertEqual(answer["notes"], ["reaches the cache clusters c-001 (c), d",
                                           "reserved-memory-percent takes effect only when the clusters are rebooted"])
        self.proxy.faults["DescribeCacheClusters"] = (200, CLUSTERS.replace("GROUP", name).replace("in-sync", "applying"))
        self.assertIn("being applied to", self.ask("check", self.parameters(name, reserved_memory_percent=50))[0]["busy"])

    def test_groups_of_aws_are_not_touched(self):
        answer = self.ask("apply", self.parameters("default.redis7", maxmemory_policy="allkeys-random"))[0]
        self.assertIn("cannot be modified", answer["infeasible"])
        self.assertEqual(self.proxy.writes(), [])

    def test_more_than_twenty_parameters_are_several_calls(self):
        name = self.group()
        names = [f"p{i:02}" for i in range(45)]
        found = "".join(f"<Parameter><ParameterName>{n}</ParameterName><ParameterValue>0</ParameterValue>"
                        "<IsModifiable>true</IsModifiable></Parameter>" for n in names)
        self.proxy.faults["DescribeCacheParameters"] = (200, answer_of("DescribeCacheParameters",
                                                                       f"<Parameters>{found}</Parameters>"))
        wish = self.parameters(name, **{n: 1 for n in names})
        self.proxy.faults["ModifyCacheParameterGroup"] = (200, answer_of("ModifyCacheParameterGroup", ""))
        answer = self.ask("apply", wish)[0]
        self.assertEqual(answer["applied"]["code"], "OK", answer)
        sent = [body for operation, body in self.proxy.seen if operation == "ModifyCacheParameterGroup"]
        self.assertEqual([body.count("ParameterName=") for body in sent], [20, 20, 5])


if __name__ == "__main__":
    support.main()
