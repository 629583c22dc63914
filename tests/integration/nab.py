"""Real CloudWatch series (Numenta Anomaly Benchmark) as GMTool metrics rebased to now, and what a person would
compute from them by hand: the expectations of the tests, in Python, from the same numbers."""

import csv
import json
import subprocess
import time
import unittest

import support

PERIOD_S = 300
SAMPLES = 10  # datapoints of the real series that make one period's values, so that percentiles mean something
PERIODS = 12


def series(name):
    path = support.SHARED_DATA / "nab" / "realAWSCloudwatch" / f"{name}.csv"
    if not path.exists():
        raise unittest.SkipTest(f"SKIPPED: real data is not there: {path}")
    with open(path, newline="") as file:
        return [float(row["value"]) for row in csv.DictReader(file)]


def last_period_start(settle_s=60):
    """Start of the newest whole period that has settled."""
    return (int(time.time()) - settle_s) // PERIOD_S * PERIOD_S - PERIOD_S


def percentile(values, p):
    """Linear interpolation between closest ranks (numpy's default, Hyndman and Fan's type 7)."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * p / 100
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def mean(values):
    return sum(values) / len(values)


class Fleet:
    """Values of (namespace, metric, environment) by period, oldest first."""

    def __init__(self):
        self.metrics = {}
        self.newest = last_period_start()

    def add(self, namespace, name, environment, source, scale=1.0, offset=0.0, skip=0, samples=SAMPLES):
        values = [v * scale + offset for v in series(source)[skip:skip + PERIODS * samples]]
        self.metrics[namespace, name, environment] = [values[i:i + samples] for i in range(0, len(values), samples)]

    def periods(self, namespace, name, environment):
        return self.metrics[namespace, name, environment]

    def write(self, port):
        items = []
        for (namespace, name, environment), periods in self.metrics.items():
            for i, values in enumerate(periods):
                items.append({"namespace": namespace, "name": name, "environment": environment,
                              "time": self.newest - (len(periods) - 1 - i) * PERIOD_S + 10, "values": values})
        subprocess.run([str(support.VENV), str(support.ROOT / "tests/integration/put_metrics.py"),
                        f"http://127.0.0.1:{port}"], input=json.dumps(items), text=True, check=True,
                       env=support.clean_environment(), timeout=120)
