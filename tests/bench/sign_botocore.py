"""The requests of bench_sign.c, signed by botocore: medians of CPU nanoseconds. Runs where botocore is installed.
sign_botocore.py [BATCHES] prints one JSON line: { "post_1k", "post_64k", "get" }."""

import json
import statistics
import sys
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

BATCHES = int(sys.argv[1]) if len(sys.argv) > 1 else 31
BATCH_NS = 5_000_000
HOST = "https://monitoring.eu-west-1.amazonaws.com"
QUERY = ("Qualifier=LATEST&MaxItems=50&Marker=abcdef0123456789&FunctionVersion=ALL&"
         "zone=eu-west-1a&name=caf%C3%A9%20bar&tag=a%2Fb&Empty=&key=value&Key=Value")
JSON = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "GraniteServiceVersion20100801.GetMetricData"}
CASES = {
    "post_1k": ("POST", HOST + "/", JSON, bytes(97 + i % 26 for i in range(1024))),
    "post_64k": ("POST", HOST + "/", JSON, bytes(97 + i % 26 for i in range(65536))),
    "get": ("GET", f"{HOST}/2015-03-31/functions/my-function?{QUERY}", {}, b""),
}
signer = botocore.auth.SigV4Auth(
    botocore.credentials.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "monitoring", "eu-west-1")


def batch(case, rounds):
    method, url, headers, body = case
    before = time.process_time_ns()
    for _ in range(rounds):
        signer.add_auth(botocore.awsrequest.AWSRequest(method=method, url=url, headers=headers, data=body))
    return (time.process_time_ns() - before) / rounds


def measure(case):
    batch(case, 50)
    rounds = int(BATCH_NS / batch(case, 20)) + 1
    return statistics.median(batch(case, rounds) for _ in range(BATCHES))


print(json.dumps({name: measure(case) for name, case in CASES.items()}))
