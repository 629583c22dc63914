#!/usr/bin/env python3
"""numpy beside bench_percentile: the same percentiles of as many lognormal values. np.partition and
np.sort are x86-simd-sort's where the CPU has AVX-512 or AVX2. CPU time, medians; the copy that
partition and sort work on is made outside of their time.

    build/venv/bin/python tests/bench/bench_percentile_numpy.py [BATCHES]"""

import statistics
import sys
import time

import numpy as np

PS = [50, 90, 99, 99.9]
BATCHES = int(sys.argv[1]) if len(sys.argv) > 1 else 15


def median_us(run, values, rounds):
    times = []
    for _ in range(BATCHES):
        spent = 0
        for _ in range(rounds):
            copy = values.copy()
            before = time.process_time_ns()
            run(copy)
            spent += time.process_time_ns() - before
        times.append(spent / rounds / 1000)
    return statistics.median(times)


print(f"numpy {np.__version__}")
for n in (1000, 1_000_000, 10_000_000):
    values = np.random.default_rng(42).lognormal(size=n)
    at = sorted({k for p in PS for k in (int((n - 1) * (p / 100)), int((n - 1) * (p / 100)) + 1)})
    for name, run in (("partition", lambda v: v.partition(at)), ("sort", lambda v: v.sort()),
                      ("percentile", lambda v: np.percentile(v, PS))):
        print(f"{n:9} np.{name:10} {median_us(run, values, max(1, 100_000 // n)):12.2f} us")
