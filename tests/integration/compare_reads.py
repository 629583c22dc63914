"""Runs in build/venv: what services.lua read, read again by boto3 from the same server. Prints a line for each line that
comes in: empty when boto3 read the same, else what differs; one process answers for all scenes, as boto3 takes a second
to load.

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
        equal = same(still(theirs), still(read["result"]))
        print("" if equal else json.dumps({"read": read, "theirs": theirs}), flush=True)


if __name__ == "__main__":
    main()
