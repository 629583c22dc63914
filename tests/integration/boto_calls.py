"""Calls of boto3 for tests that run without it: a line { "service", "operation", "params" } of standard input is a
line { "answer" } or { "error" } of standard output."""

import json
import sys

import boto3

clients = {}
for line in sys.stdin:
    call = json.loads(line)
    try:
        client = clients.setdefault(call["service"], boto3.client(call["service"]))
        answer = {"answer": getattr(client, call["operation"])(**call["params"])}
    except Exception as failure:
        answer = {"error": str(failure)}
    print(json.dumps(answer, default=str), flush=True)
