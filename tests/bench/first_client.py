"""The first client of a service by boto3, in a process of its own each time: median CPU milliseconds, imports left out.

    first_client.py SERVICE ROUNDS
"""

import json
import statistics
import subprocess
import sys

ONE = """
import sys, time, boto3
begin = time.process_time()
boto3.client(sys.argv[1], region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
print((time.process_time() - begin) * 1000)
"""


def main():
    service, rounds = sys.argv[1], int(sys.argv[2])
    times = [float(subprocess.run([sys.executable, "-c", ONE, service], check=True, capture_output=True, text=True).stdout)
             for _ in range(rounds)]
    print(json.dumps({"ms": statistics.median(times)}))


if __name__ == "__main__":
    main()
