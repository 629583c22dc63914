"""Runs in build/venv: what services.lua read, read again by boto3 from the same server; prints what differs.

    compare_reads.py PORT < lines"""

import json
import sys

import boto3
from parse_answers import plain, same

# What each answer has anew: moto's databases can be restored up to now.
MOVING = {"LatestRestorableTime"}


def still(value):
    if isinstance(value, dict):
        return {key: still(item) for key, item in value.items() if key not in MOVING}
    return [still(item) for item in value] if isinstance(value, list) else value


def main():
    session = boto3.Session("test", "test", region_name="us-east-1")
    for line in sys.stdin:
        read = json.loads(line)
        client = session.client(read["service"], endpoint_url=f"http://127.0.0.1:{sys.argv[1]}")
        theirs = plain(getattr(client, read["operation"])(**read.get("params", {})))
        if not same(still(theirs), still(read["result"])):
            print(json.dumps({"read": read, "theirs": theirs}))


if __name__ == "__main__":
    main()
