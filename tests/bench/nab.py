#!/usr/bin/env python3
"""Scores moontide's anomaly detector, and others beside it, on the Numenta Anomaly Benchmark: every series and the totals.

    tests/bench/nab.py [DIRECTORY] [--results DIRECTORY DETECTOR]...

DIRECTORY: NAB's data (default: ../shared/data/nab, the real CloudWatch series) with windows.json in it or, as in NAB's
repository, labels/combined_windows.json beside it. --results reads a published detector's scores from NAB's directory
`results` and scores it on the same series, to compare with results/final_results.json there. Builds nothing: needs the
anomaly_tool of the preset bench, or of $MOONTIDE_BUILD. A score on some of the files is not comparable with published
totals, which are over all 58.
"""

import argparse
import calendar
import csv
import math
import os
import pathlib
import random
import subprocess
import sys

import nab_scoring

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("MOONTIDE_BUILD", ROOT / "build" / "bench")) / "tests" / "anomaly_tool"
DATA = ROOT.parent / "shared" / "data" / "nab"


def moontide(corpus, tool=TOOL):
    """The likelihood of each row, all series with the same settings, from one process."""
    rows = "#\n".join("".join(f"{calendar.timegm(t.timetuple())} {v!r}\n" for t, v in zip(s.times, s.values))
                      for s in corpus)
    done = subprocess.run([str(tool)], input=rows, capture_output=True, text=True, check=True)
    sys.stderr.write(done.stderr)
    return [[float(line.split()[1]) for line in part.splitlines()] for part in done.stdout.split("#\n")]


class Window:
    """Mean and deviation of the newest values; sums are taken from the first value, so that a constant has none."""

    SIZE, STEP = 6400, 100

    def __init__(self):
        self.values, self.waiting, self.origin, self.sum, self.squares = [], [], 0.0, 0.0, 0.0

    def add(self, value, sign=1):
        moved = value - self.origin
        self.sum += sign * moved
        self.squares += sign * moved * moved

    def take(self, value):
        if not self.values:
            self.origin = value
        if len(self.values) < self.SIZE:
            self.values.append(value)
            self.add(value)
            return
        self.waiting.append(value)
        if len(self.waiting) == self.STEP:
            for new, old in zip(self.waiting, self.values):
                self.add(new)
                self.add(old, -1)
            self.values = self.values[self.STEP:] + self.waiting
            self.waiting = []

    def tail(self, value):
        """P(more extreme on the value's side), normal."""
        count = len(self.values)
        mean = self.sum / count
        deviation = math.sqrt(max(self.squares / count - mean * mean, 0)) or 1e-6
        return 0.5 * math.erfc(abs(value - self.origin - mean) / deviation / math.sqrt(2))


def windowed_gaussian(corpus):
    """NAB's: 1 - the normal tail of a value over a window of 6400 that moves by 100."""
    scores = []
    for series in corpus:
        window, of_rows = Window(), []
        for value in series.values:
            of_rows.append(1 - window.tail(value) if window.values else 0.0)
            window.take(value)
        scores.append(of_rows)
    return scores


def at_random(corpus):
    generator = random.Random(42)
    return [[generator.random() for _ in series.values] for series in corpus]


def null(corpus):
    return [[0.5] * len(series.values) for series in corpus]


def perfect(corpus):
    """The first row of each window that counts; what is asked of the scorer is that nothing scores more."""
    scores = []
    for series in corpus:
        of_rows = [0.0] * len(series.values)
        for left, _ in series.windows:
            of_rows[max(left, nab_scoring.probation(len(of_rows)))] = 1.0
        scores.append(of_rows)
    return scores


def published(corpus, results, detector):
    scores = []
    for series in corpus:
        group, file = series.name.split("/")
        with open(pathlib.Path(results) / detector / group / f"{detector}_{file}", newline="") as rows:
            scores.append([float(row["anomaly_score"]) for row in csv.DictReader(rows)])
    return scores


def detections(series, of_rows, threshold):
    """(how many false positives, a letter for each window: found or missed)"""
    first = nab_scoring.probation(len(of_rows))
    rows = {i for i in range(first, len(of_rows)) if of_rows[i] >= threshold}
    found, inside = "", set()
    for left, right in series.windows:
        window = set(range(left, right + 1))
        inside |= window
        found += "+" if rows & window else "-"
    return len(rows - inside), found


def print_series(corpus, scores):
    total, threshold, raw = nab_scoring.score_corpus(corpus, scores, nab_scoring.STANDARD)
    print(f"moontide, standard profile, threshold {threshold:.6f} for all series")
    print(f"{'score':>8} {'false':>5}  {'windows':8} series")
    for series, of_rows, score in zip(corpus, scores, raw):
        false, found = detections(series, of_rows, threshold)
        print(f"{score:8.3f} {false:5d}  {found or 'none':8} {series.name}")
    print(f"{sum(raw):8.3f} of {nab_scoring.window_count(corpus)} windows: {total:.2f}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", default=DATA, type=pathlib.Path)
    parser.add_argument("--results", nargs=2, action="append", default=[], metavar=("DIRECTORY", "DETECTOR"))
    arguments = parser.parse_args()
    if not arguments.directory.exists():
        print(f"SKIPPED: the benchmark's data is not there: {arguments.directory}")
        return 77
    if not TOOL.exists():
        sys.exit(f"{TOOL} is not built: cmake --preset bench && cmake --build build/bench --target anomaly_tool")
    corpus = nab_scoring.read_corpus(arguments.directory)
    columns = [("moontide", moontide(corpus)), ("windowed Gaussian", windowed_gaussian(corpus)),
               ("random", at_random(corpus)), ("null", null(corpus)), ("perfect", perfect(corpus))]
    columns += [(name, published(corpus, results, name)) for results, name in arguments.results]
    print_series(corpus, columns[0][1])
    profiles = nab_scoring.PROFILES
    print(f"{'':22}" + "".join(f"{profile.name:>10}" for profile in profiles) + "  left out")
    for name, scores in columns:
        row = [nab_scoring.score_corpus(corpus, scores, profile)[0] for profile in profiles]
        row.append(nab_scoring.score_left_out(corpus, scores, nab_scoring.STANDARD))
        print(f"{name:22}" + "".join(f"{score:10.2f}" for score in row))
    print("\nleft out: standard, each series at the threshold that is best for all the others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
