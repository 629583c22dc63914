"""How the Numenta Anomaly Benchmark scores a detector, re-implemented from its definition.

Source: A. Lavin and S. Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark"
(2015), section III, and NAB's README. A detector gives each row of a series a score; rows at or above one threshold,
the same for the whole corpus, are detections. A labelled window counts its best placed detection, false positives add
up, and the total is normalised between the null detector (0) and the perfect one (100).
"""

import bisect
import csv
import datetime
import json
import math
import pathlib
from dataclasses import dataclass

PROBATION_SHARE, PROBATION_ROWS_MAX = 0.15, 750


@dataclass(frozen=True)
class Profile:
    name: str
    tp: float
    fp: float
    fn: float


STANDARD = Profile("standard", 1.0, 0.11, 1.0)
PROFILES = (STANDARD, Profile("low FP", 1.0, 0.22, 1.0), Profile("low FN", 1.0, 0.11, 2.0))


@dataclass(frozen=True)
class Series:
    name: str
    times: list  # datetime of each row
    values: list
    windows: list  # (first row, last row) of each labelled window


def position_score(y):
    """The scaled sigmoid: near 1 at the left edge of a window (y = -1), 0 at its right edge, -1 far behind it."""
    return -1.0 if y > 3 else 2 / (1 + math.exp(5 * y)) - 1


def probation(rows):
    return min(math.floor(PROBATION_SHARE * rows), PROBATION_ROWS_MAX)


def place_rows(rows, windows):
    """(window or None, score) of each row: what a detection there is worth before the profile's weights."""
    places, begin, best = [], 0, position_score(-1)
    for k, (left, right) in enumerate(windows):
        places += [(None, behind(i, windows[k - 1] if k else None)) for i in range(begin, left)]
        width = right - left + 1
        places += [(k, position_score(-(right - i + 1) / width) / best) for i in range(left, right + 1)]
        begin = right + 1
    places += [(None, behind(i, windows[-1] if windows else None)) for i in range(begin, rows)]
    return places


def behind(row, window):
    if window is None:
        return -1.0
    left, right = window
    return position_score((row - right) / (right - left)) if right > left else -1.0


class Steps:
    """The raw score of one series as a function of the threshold: thresholds descend, scores[i] holds from
    thresholds[i] down to the next."""

    def __init__(self, series, anomaly_scores, profile):
        places = place_rows(len(series.values), series.windows)
        first = probation(len(places))
        order = sorted(range(first, len(places)), key=lambda i: -anomaly_scores[i])
        counted = {place[0] for place in places[first:]} - {None}
        best = dict.fromkeys(counted, -profile.fn)
        total = -profile.fn * len(best)
        self.nothing, self.thresholds, self.scores = total, [], []
        for i in order:
            window, worth = places[i]
            if window is None:
                total += profile.fp * worth
            elif profile.tp * worth > best[window]:
                total += profile.tp * worth - best[window]
                best[window] = profile.tp * worth
            if self.thresholds and self.thresholds[-1] == anomaly_scores[i]:
                self.scores[-1] = total
            else:
                self.thresholds.append(anomaly_scores[i])
                self.scores.append(total)

    def at(self, threshold):
        passed = bisect.bisect_right(self.thresholds, -threshold, key=lambda t: -t)
        return self.scores[passed - 1] if passed else self.nothing


def best_threshold(steps):
    """(threshold, raw score) that is best for all series together, of all distinct scores; above 1 detects nothing."""
    changes = []
    for one in steps:
        before = one.nothing
        for threshold, score in zip(one.thresholds, one.scores):
            if score != before:
                changes.append((threshold, score - before))
            before = score
    changes.sort(key=lambda change: -change[0])
    total = sum(one.nothing for one in steps)
    best = (1.1, total)
    for i, (threshold, change) in enumerate(changes):
        total += change
        last_of_its_kind = i + 1 == len(changes) or changes[i + 1][0] != threshold
        if last_of_its_kind and total > best[1] + 1e-12:
            best = (threshold, total)
    return best


def normalise(raw, windows, profile):
    """0 for the detector that finds nothing, 100 for the perfect one."""
    return 100 * (raw + windows * profile.fn) / (windows * (profile.tp + profile.fn))


def window_count(corpus):
    return sum(len(series.windows) for series in corpus)


def score_corpus(corpus, scores, profile):
    """(normalised score, threshold, raw score of each series) of a detector's scores of each series' rows."""
    steps = [Steps(series, of_rows, profile) for series, of_rows in zip(corpus, scores)]
    threshold, raw = best_threshold(steps)
    return normalise(raw, window_count(corpus), profile), threshold, [one.at(threshold) for one in steps]


def score_left_out(corpus, scores, profile):
    """The normalised score when each series is scored at the threshold that is best for all the others."""
    steps = [Steps(series, of_rows, profile) for series, of_rows in zip(corpus, scores)]
    raw = sum(one.at(best_threshold(steps[:i] + steps[i + 1:])[0]) for i, one in enumerate(steps))
    return normalise(raw, window_count(corpus), profile)


# ---- reading a corpus ----

def parse_time(text):
    return datetime.datetime.fromisoformat(text.strip()).replace(tzinfo=None)


def read_series(path, name, labels):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    times = [parse_time(row["timestamp"]) for row in rows]
    windows = [(times.index(parse_time(left)), times.index(parse_time(right))) for left, right in labels]
    return Series(name, times, [float(row["value"]) for row in rows], windows)


def read_corpus(directory):
    """The series below a directory whose windows.json (or ../labels/combined_windows.json, as NAB keeps it) names
    them."""
    directory = pathlib.Path(directory)
    places = (directory / "windows.json", directory.parent / "labels" / "combined_windows.json")
    labels_file = next((place for place in places if place.exists()), None)
    if labels_file is None:
        raise FileNotFoundError(f"no windows.json in {directory}")
    labels = json.loads(labels_file.read_text())
    return [read_series(directory / name, name, labels[name]) for name in sorted(labels)]
