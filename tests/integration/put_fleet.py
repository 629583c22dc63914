"""Runs in build/venv: makes the fleet that test_scripts.py has reported, on a moto server whose URL is the argument.
With "--deny-rds" a user as well who may not read databases, whose keys it prints."""

import datetime
import json
import sys

import boto3

url = sys.argv[1]
now = datetime.datetime.now(datetime.timezone.utc)


def client(service):
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test")


def put(namespace, name, value, **dimensions):
    named = [{"Name": k, "Value": v} for k, v in dimensions.items()]
    data = [{"MetricName": name, "Dimensions": named, "Value": value + (i % 5),
             "Timestamp": now - datetime.timedelta(minutes=5 * i + 7)} for i in range(36)]
    client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def services():
    ecs, scaling = client("ecs"), client("application-autoscaling")
    ecs.create_cluster(clusterName="shop")
    ecs.create_cluster(clusterName="empty")
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "app", "image": "app", "memory": 64}])
    for i in range(12):
        ecs.create_service(cluster="shop", serviceName=f"worker{i}", taskDefinition="web", desiredCount=0)
    ecs.create_service(cluster="shop", serviceName="api", taskDefinition="web", desiredCount=4)
    scaling.register_scalable_target(ServiceNamespace="ecs", ResourceId="service/shop/api", MinCapacity=2,
                                     MaxCapacity=4, ScalableDimension="ecs:service:DesiredCount")
    put("AWS/ECS", "CPUUtilization", 93, ClusterName="shop", ServiceName="api")
    put("AWS/ECS", "MemoryUtilization", 41, ClusterName="shop", ServiceName="api")


def databases():
    rds = client("rds")
    for name, most in (("orders", 200), ("small", None)):
        rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.r6g.large", Engine="postgres",
                               AllocatedStorage=100, MasterUsername="root", MasterUserPassword="not-a-secret",
                               **({"MaxAllocatedStorage": most} if most else {}))
    put("AWS/RDS", "CPUUtilization", 30, DBInstanceIdentifier="orders")
    put("AWS/RDS", "FreeStorageSpace", 5 * 2**30, DBInstanceIdentifier="orders")


def caches():
    client("elasticache").create_cache_cluster(CacheClusterId="sessions", CacheNodeType="cache.t3.micro",
                                               Engine="redis", NumCacheNodes=1)
    put("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", 82, CacheClusterId="sessions")


def user_without_databases():
    iam = client("iam")
    iam.create_user(UserName="reader")
    allowed = ["ecs:*", "application-autoscaling:*", "elasticache:*", "cloudwatch:*"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
    iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


services()
databases()
caches()
print(json.dumps(user_without_databases()))
