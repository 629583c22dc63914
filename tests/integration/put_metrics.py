"""Runs in build/venv: writes metrics that come as JSON on standard input to a CloudWatch at an endpoint.
[{"namespace", "name", "environment", "time", "values": [...]}, ...]"""

import datetime
import json
import sys

import boto3

client = boto3.client("cloudwatch", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="test",
                      aws_secret_access_key="test")
by_namespace = {}
for item in json.load(sys.stdin):
    when = datetime.datetime.fromtimestamp(item["time"], datetime.timezone.utc)
    for value in item["values"]:
        by_namespace.setdefault(item["namespace"], []).append({
            "MetricName": item["name"], "Timestamp": when, "Value": value,
            "Dimensions": [{"Name": "Environment", "Value": item["environment"]}]})
for namespace, data in by_namespace.items():
    for i in range(0, len(data), 500):
        client.put_metric_data(Namespace=namespace, MetricData=data[i:i + 500])
