#!/usr/bin/env python3
"""Scores moontide's anomaly detector on synthetic families of series together with NAB's CloudWatch series (nab.py).

    tests/bench/nab_families.py [SEED]...

One threshold for all, standard profile. A seed makes 246 series (default: 11, 12, 21 and 31, those of docs/stats.md); so that
neither outweighs the other, each CloudWatch series counts six times. Windows are NAB's: a tenth of the rows, shared by the
anomalies. Needs numpy, and what nab.py needs.
"""

import datetime
import sys

import nab
import nab_scoring
import numpy as np

TIMES = 6
START_S = 1388534400  # 2014-01-01
GAPS_S, GAP_SHARES = [300, 300, 300, 600, 600, 900, 1800, 7200], [.4, .2, .1, .1, .1, .05, .04, .01]


class Families:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.series = []
        known = [self.machine, self.ambient, self.shift, self.latency, self.demand,
                 lambda: self.keys(True), lambda: self.keys(False)]
        for _ in range(5 * TIMES):
            self.ordinary()
        for i in range(6 * TIMES):
            self.artificial(i)
        for _ in range(6 * TIMES):
            self.advertisement()
        for i in range(7 * TIMES):
            known[i % 7]()
        for i in range(7 * TIMES):
            self.traffic(i)
        for _ in range(10 * TIMES):
            self.tweets()

    # ---- parts ----

    def one(self, low, high):
        return self.random.uniform(low, high)

    def add(self, family, times_s, values, anomalies):
        rows, windows = len(values), []
        for at in sorted(anomalies):
            half = int(0.1 * rows / len(anomalies)) // 2
            left, right = max(0, at - half), min(rows - 1, at + half)
            if windows and left <= windows[-1][1]:
                windows[-1] = (windows[-1][0], right)
            else:
                windows.append((left, right))
        times = [datetime.datetime.fromtimestamp(int(t), datetime.timezone.utc) for t in times_s]
        self.series.append(nab_scoring.Series(family, times, [float(v) for v in values], windows))

    def places(self, rows, count, low=0.2, high=0.95, gap=0.1):
        while True:
            shares = np.sort(self.random.uniform(low, high, count))
            if count < 2 or np.min(np.diff(shares)) > gap:
                return [int(share * rows) for share in shares]

    def wander(self, rows, phi, deviation):
        """An autoregressive series of that deviation."""
        steps = self.random.normal(0, deviation * np.sqrt(1 - phi * phi), rows)
        at, out = self.random.normal(0, deviation), np.empty(rows)
        for i in range(rows):
            at = phi * at + steps[i]
            out[i] = at
        return out

    # ---- artificial days of 5 minutes ----

    def days(self, kind, rows, noise):
        i = np.arange(rows)
        phase = (i % 288) / 288
        values = {"square": np.where((phase > 9 / 24) & (phase < 18 / 24), 80., 20.),
                  "sine": 50 + 30 * np.sin(2 * np.pi * phase), "flat": np.full(rows, 45.),
                  "bumps": 20 + 60 * np.exp(-((phase - .5) / .15)**2)}[kind]
        return values + self.random.uniform(-noise, noise, rows) if noise else values

    def ordinary(self):
        rows = 4032
        kind = self.random.choice(["square", "sine", "flat", "bumps", "pulses"])
        noise = self.random.choice([0, 0, 2, 8])
        if kind == "pulses":
            values = (np.where((np.arange(rows) % self.random.integers(100, 400)) < 40, 80., 20.)
                      + self.random.uniform(-noise - .5, noise + .5, rows))
        else:
            values = self.days(str(kind), rows, noise)
        self.add("ordinary", START_S + 300 * np.arange(rows), values, [])

    def artificial(self, j):
        rows, kind = 4032, ["up", "down", "no jump", "flat", "noisier", "spikes"][j % 6]
        base, noise = self.random.choice(["square", "bumps", "sine"]), self.one(1, 8)
        values = self.days(str(base), rows, noise)
        day = int(self.random.integers(8, 13)) * 288
        left, right = day + 9 * 12, day + 18 * 12
        if kind == "up":
            values[left:right] += self.one(25, 70)
        elif kind == "down":
            values[left:right] -= self.one(60, 110)
        elif kind == "no jump":
            low = 50 if base == "sine" else 20
            values[left:right] = low + self.random.uniform(-noise, noise, right - left)
        elif kind == "flat":
            left -= 40
            values[left:right] = values[left]
        elif kind == "noisier":
            deviation = self.one(2, 5) * noise
            values[left:right + 60] += self.random.normal(0, deviation, right + 60 - left)
        else:
            values = 20 + self.random.uniform(-1, 1, rows)
            often = self.random.random(rows) < .03
            values[often] += self.random.uniform(5, 60, often.sum())
            oftener = np.zeros(rows, bool)
            oftener[left:right] = self.random.random(right - left) < .35
            values[oftener] += self.random.uniform(5, 60, oftener.sum())
        at = (left + right) // 2 if self.random.random() < .5 else left
        self.add("artificial", START_S + 300 * np.arange(rows), values, [at])

    # ---- hourly rates ----

    def advertisement(self):
        rows = int(self.random.integers(1500, 1650))
        i, mean, sigma, season = np.arange(rows), self.one(.05, 1), self.one(.2, .6), self.one(0, .4)
        values = mean * np.exp(self.wander(rows, self.one(.3, .9), sigma) + season * np.sin(2 * np.pi * (i % 24) / 24))
        noise = self.random.random(rows) < .004
        values[noise] *= self.random.uniform(1.5, 4, noise.sum())
        places = self.places(rows, int(self.random.integers(1, 5)))
        for at in places:
            kind = self.random.integers(0, 4)
            if kind <= 1:
                values[at] = mean * np.exp(self.one(2.5, 4.5) * max(sigma, .4)) + values.max() * self.one(0, .8)
            elif kind == 2:
                width = int(self.random.integers(3, 24))
                values[at:at + width] *= self.one(2, 4)
            else:
                width = int(self.random.integers(12, 40))
                values[at:at + width] *= self.one(.1, .4)
        self.add("advertisements", START_S + 3600 * i, values, places)

    # ---- what has a cause that is known ----

    def machine(self):
        rows = int(self.random.integers(18000, 23000))
        i = np.arange(rows)
        values = (85 + 8 * self.wander(rows, .999, 1) + 4 * self.wander(rows, .97, 1)
                  + self.random.normal(0, .6, rows) + 2 * np.sin(2 * np.pi * i / 288))
        places = self.places(rows, int(self.random.integers(2, 5)), gap=.08)
        for at in places:
            width, depth = int(self.random.integers(100, 500)), self.one(25, 70)
            j = np.arange(width)
            shape = np.minimum(1, np.minimum(j / self.one(2, 60), (width - j) / self.one(10, 80)))
            values[at:at + width] -= depth * shape[:len(values[at:at + width])]
        for at in self.random.integers(0, rows, 3):
            values[at:at + 60] -= self.one(5, 14)
        self.add("known", START_S + 300 * i, values, places)

    def ambient(self):
        rows = 7267
        i = np.arange(rows)
        values = (71 + 3 * self.wander(rows, .995, 1) + 1.2 * np.sin(2 * np.pi * i / 24) + self.wander(rows, .8, 1)
                  + self.random.normal(0, .4, rows))
        places = self.places(rows, 2)
        for at in places:
            width = int(self.random.integers(20, 90))
            height = self.random.choice([-1, 1]) * self.one(6, 12)
            shape = np.minimum(1, np.arange(width) / self.one(1, 20))
            values[at:at + width] += height * shape[:len(values[at:at + width])]
        self.add("known", START_S + 3600 * i, values, places)

    def shift(self):
        rows = 18050
        i = np.arange(rows)
        values = (35 + self.random.normal(0, 4, rows) + 6 * np.sin(2 * np.pi * i / 288)
                  + 3 * self.wander(rows, .99, 1))
        noise = self.random.random(rows) < .002
        values[noise] += self.random.uniform(10, 30, noise.sum())
        at = self.places(rows, 1, .5, .9)[0]
        values[at:at + int(self.random.integers(600, rows - at + 700))] += self.one(15, 40)
        self.add("known", START_S + 300 * i, np.clip(values, 0, 100), [at])

    def latency(self):
        rows = 4032
        values = 45 + 1.2 * self.wander(rows, .9, 1) + self.random.normal(0, 1, rows)
        places = self.places(rows, 3)
        for at in places:
            width = int(self.random.integers(1, 20))
            values[at:at + width] += self.random.choice([1, 1, -1]) * self.one(6, 40)
        noise = self.random.random(rows) < .001
        values[noise] += self.random.uniform(3, 15, noise.sum())
        self.add("known", START_S + 300 * np.arange(rows), values, places)

    def demand(self):
        rows = 10320
        i = np.arange(rows)
        phase, weekday = (i % 48) / 48, (i // 48) % 7
        day = 15000 + 8000 * np.sin(2 * np.pi * (phase - .35)) + 3500 * np.sin(4 * np.pi * (phase - .1))
        values = (day * (1 + .15 * np.sin(2 * np.pi * (weekday / 7 + .3 * phase))) + 1200 * self.wander(rows, .8, 1)
                  + self.random.normal(0, 400, rows))
        places = self.places(rows, 5, gap=.06)
        for at in places:
            end = min(rows, at + int(self.random.integers(20, 60)))
            values[at:end] *= self.one(.2, .65) if self.random.random() < .6 else self.one(1.15, 1.5)
        self.add("known", START_S + 1800 * i, np.maximum(values, 8), places)

    def keys(self, short):
        rows = 1882 if short else 5315
        times_s = START_S + (300 if self.random.random() < .5 else 3600) * np.arange(rows)
        if short:
            values = np.abs(.05 + .02 * self.wander(rows, .5, 1) + self.random.exponential(.01, rows))
        else:
            values = (np.where(self.random.random(rows) < .7, 0, self.random.exponential(.3, rows))
                      * np.exp(.5 * self.wander(rows, .95, 1)))
        places = self.places(rows, 2)
        for at in places:
            width = int(self.random.integers(2, 60))
            part = values[at:at + width]
            values[at:at + width] = (part * self.one(1.5, 4)
                                     + np.quantile(values, .99) * self.random.uniform(0, 1.5, len(part)))
        noise = self.random.random(rows) < .002
        values[noise] += np.quantile(values, .995) * self.random.uniform(.5, 1.2, noise.sum())
        self.add("known", times_s, values, places)

    # ---- sensors at irregular times ----

    def traffic(self, j):
        rows, kind = int(self.random.integers(1100, 2520)), ["occupancy", "speed", "travel"][j % 3]
        times_s = START_S + np.cumsum(self.random.choice(GAPS_S, rows, p=GAP_SHARES))
        hour, workday = (times_s % 86400) / 3600, ((times_s // 86400) % 7) < 5
        rush = (np.exp(-((hour - 8) / 1.5)**2) + np.exp(-((hour - 17) / 2)**2)) * np.where(workday, 1, .3)
        if kind == "occupancy":
            values = (2 + 6 * np.exp(-((hour - 14) / 6)**2)
                      + 10 * self.one(.3, 1.5) * rush * np.exp(.4 * self.wander(rows, .7, 1))
                      + np.abs(self.random.normal(0, 1.5, rows)))
        elif kind == "speed":
            values = np.clip(66 + 5 * self.wander(rows, .5, 1)
                             - 20 * self.one(.2, 1) * rush * np.exp(.4 * self.wander(rows, .6, 1)), 15, 90)
        else:
            values = (120 + 25 * self.random.standard_gamma(.8, rows)
                      + 250 * rush * self.one(.3, 1.5) * np.exp(.6 * self.wander(rows, .6, 1)))
        noise = self.random.random(rows) < .003
        values[noise] *= self.random.uniform(*((.5, .8) if kind == "speed" else (1.3, 2.2)), noise.sum())
        places = self.places(rows, int(self.random.integers(1, 4)))
        for at in places:
            width = int(self.random.integers(2, 30))
            part = values[at:at + width]
            if kind == "speed":
                values[at:at + width] = np.minimum(part, self.random.uniform(5, 30, len(part)))
            else:
                values[at:at + width] = (part * self.one(1.5, 2.5)
                                         + np.quantile(values, .98) * self.random.uniform(.5, 1.3, len(part)))
        self.add("traffic", times_s, values, places)

    # ---- counts in bursts ----

    def tweets(self):
        rows = 15850
        i, mean, season = np.arange(rows), np.exp(self.one(np.log(2), np.log(60))), self.one(.2, .9)
        rate = mean * np.exp(season * np.sin(2 * np.pi * (i / 288 - .6)) + .3 * self.wander(rows, .995, 1)
                             + self.one(.05, .4) * self.wander(rows, .7, 1))

        def burst(at, size, fade):
            j = np.arange(min(rows - at, int(8 * fade) + 1))
            rate[at:at + len(j)] += size * mean * np.exp(-j / fade)

        tail = self.one(1.2, 2.5)
        for at in self.random.integers(0, rows, self.random.poisson(rows * self.one(.002, .01))):
            burst(at, min(1 + self.random.pareto(tail), 8), self.one(.5, 6))
        places = self.places(rows, int(self.random.integers(2, 5)), .17, .95, .05)
        for at in places:
            burst(at, self.one(6, 40), self.one(1, 40))
        spread = self.one(.02, .3)
        values = self.random.poisson(rate * self.random.gamma(1 / spread, spread, rows))
        self.add("tweets", START_S + 300 * i, values, places)


def main():
    real = nab_scoring.read_corpus(nab.DATA)
    for seed in [int(argument) for argument in sys.argv[1:]] or [11, 12, 21, 31]:
        made = Families(seed).series
        corpus = real + made
        scores = nab.moontide(corpus)
        for i in range(TIMES - 1):
            corpus, scores = corpus + real, scores + scores[:len(real)]
        total, threshold, raw = nab_scoring.score_corpus(corpus, scores, nab_scoring.STANDARD)
        print(f"seed {seed}: {total:.2f} at {threshold:.4f};", end="")
        for family in dict.fromkeys(series.name for series in made):
            ours = [i for i, series in enumerate(corpus) if series.name == family]
            windows = sum(len(corpus[i].windows) for i in ours)
            score = sum(raw[i] for i in ours)
            print(f" {family} {nab_scoring.normalise(score, windows, nab_scoring.STANDARD) if windows else score:.1f}",
                  end="")
        print()


if __name__ == "__main__":
    main()
