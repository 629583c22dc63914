"""Trends of `stats` beside those of scipy and statsmodels, on random series and on real ones (Numenta Anomaly Benchmark):
lines, decompositions, Holt-Winters, with gaps and irregular times. MOONTIDE_SEED picks other random series."""

import json
import math
import os
import subprocess
import sys
import unittest
import warnings

import nab
import support

if __name__ == "__main__" and support.VENV.exists() and os.path.realpath(sys.prefix) != os.path.realpath(support.VENV.parents[1]):
    os.execv(support.VENV, [str(support.VENV), *sys.argv])  # the peers live there

SEED = int(os.environ.get("MOONTIDE_SEED", "1"))
REAL = ("ec2_cpu_utilization_5f5533", "ec2_cpu_utilization_825cc2", "ec2_network_in_5abac7", "elb_request_count_8c0756",
        "rds_cpu_utilization_cc0c53", "rds_cpu_utilization_e47b3b", "grok_asg_anomaly")
np = pandas = theilslopes = linregress = student = ETSModel = ExponentialSmoothing = seasonal_decompose = None


def setUpModule():
    global np, pandas, theilslopes, linregress, student, ETSModel, ExponentialSmoothing, seasonal_decompose
    for module in ("scipy", "statsmodels"):
        support.need(module)
    import numpy as np
    import pandas
    from scipy.stats import linregress, theilslopes, t as student
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel
    from statsmodels.tsa.holtwinters import ExponentialSmoothing
    from statsmodels.tsa.seasonal import seasonal_decompose
    warnings.simplefilter("ignore")


def plain(value):
    """As JSON has it: NaN is null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        return [plain(v) for v in (value.tolist() if hasattr(value, "tolist") else value)]
    return None if isinstance(value, float) and math.isnan(value) else value


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        script = support.ROOT / "tests/integration/trends.lua"
        cls.program = subprocess.Popen([str(support.MOONTIDE), "script", str(script)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, env=support.clean_environment())

    @classmethod
    def tearDownClass(cls):
        cls.program.stdin.close()
        cls.program.stdout.close()
        cls.program.wait()

    def setUp(self):
        self.random = np.random.default_rng(SEED)

    def ask(self, name, *arguments):
        self.program.stdin.write(json.dumps([name, plain(arguments)]) + "\n")
        self.program.stdin.flush()
        return json.loads(self.program.stdout.readline())

    def one(self, name, *arguments):
        answers = self.ask(name, *arguments)
        self.assertIsInstance(answers, list, f"{name}: {answers} (seed {SEED})")
        return answers[0]

    def near(self, got, wanted, within, what=""):
        """Of numbers or lists, relative to the largest wanted; NaN where NaN is wanted."""
        got = np.array([math.nan if v is None else v for v in np.atleast_1d(got)], dtype=float)
        wanted = np.atleast_1d(np.asarray(wanted, dtype=float))
        self.assertEqual(len(got), len(wanted), what)
        self.assertEqual(np.isnan(got).tolist(), np.isnan(wanted).tolist(), f"{what} (seed {SEED})")
        scale = np.nanmax(np.abs(wanted)) if not np.isnan(wanted).all() else 0
        error = np.nanmax(np.abs(got - wanted)) if scale else np.nansum(np.abs(got))
        self.assertLessEqual(error, within * scale if scale else within, f"{what} (seed {SEED})")


def hourly(name, days=14):
    """Means of an hour of a real series of five minutes."""
    values = np.array(nab.series(name))
    return values[:len(values) // 12 * 12].reshape(-1, 12).mean(axis=1)[:24 * days]


class Lines(Case):
    def series(self):
        for n in (3, 5, 10, 50, 199, 201, 1000, 3000):
            irregular = np.sort(self.random.uniform(1.7e9, 1.7e9 + 60 * n, n))
            even = 1.7e9 + 60.0 * np.arange(n)
            noise = self.random.normal(size=n)
            yield f"{n} irregular", irregular, 5 * noise + 0.01 * (irregular - 1.7e9)
            yield f"{n} of heavy tails", even, self.random.standard_cauchy(n)
            yield f"{n} of whole numbers", even, np.round(noise)
            yield f"{n} of equal times", np.floor(even / 180) * 180, np.round(10 * noise)
        for name in REAL:
            values = np.array(nab.series(name)[:2500])
            yield name, 1.7e9 + 300.0 * np.arange(len(values)), values

    def test_theil_sen_is_that_of_scipy(self):
        for what, times, values in self.series():
            if times[0] == times[-1]:
                continue
            line = self.one("line", values, {"times": times, "method": "theil-sen", "confidence": 0.9})
            slope, intercept, low, high = theilslopes(values, times - times[0], alpha=0.9, method="joint")
            scale = max(abs(low), abs(high))
            for name, got, wanted in (("slope", line["slope"], slope), ("low", line["low"], low),
                                      ("high", line["high"], high)):
                self.assertAlmostEqual(got, wanted, delta=1e-10 * scale, msg=f"{what}: {name} (seed {SEED})")
            self.assertAlmostEqual(line["intercept"], intercept, delta=1e-8 * (abs(intercept) + np.std(values)), msg=what)

    def test_least_squares_is_that_of_scipy(self):
        for what, times, values in self.series():
            if times[0] == times[-1]:
                continue
            line = self.one("line", values, {"times": times, "confidence": 0.99})
            peer = linregress(times - times[0], values)
            width = student.ppf(0.995, len(values) - 2) * peer.stderr
            self.near(line["slope"], peer.slope, 1e-9, what)
            self.near([line["low"], line["high"]], [peer.slope - width, peer.slope + width], 1e-9, what)
            self.near(line["error"], peer.stderr, 1e-9, what)
            self.assertAlmostEqual(line["intercept"], peer.intercept, delta=1e-8 * (np.abs(values).max() + 1), msg=what)
            if np.ptp(values) > 0:
                self.assertAlmostEqual(line["r2"], peer.rvalue ** 2, delta=1e-10, msg=what)

    def test_gaps_are_left_out(self):
        for what, times, values in self.series():
            if len(values) < 50:
                continue
            gone = self.random.uniform(size=len(values)) < 0.3
            holes = np.where(gone, math.nan, values)
            for method in ("theil-sen", "least-squares"):
                got = self.one("line", holes, {"times": times, "method": method})
                wanted = self.one("line", values[~gone], {"times": times[~gone], "method": method})
                self.assertEqual({**got, "start": 0}, {**wanted, "start": 0}, what)

    def test_a_hundred_thousand_datapoints_agree_with_a_known_slope(self):
        n = 100800
        values = 3e-4 * np.arange(n) + self.random.standard_t(2, n)
        line = self.one("line", values, {"method": "theil-sen"})
        self.assertLess(line["low"], 3e-4)
        self.assertGreater(line["high"], 3e-4)
        self.assertAlmostEqual(line["slope"], 3e-4, delta=1e-6)


class Seasons(Case):
    def test_decomposition_is_that_of_statsmodels(self):
        series = [(f"random {n}/{m}", m, 50 + 0.1 * np.arange(n) + 10 * np.sin(2 * np.pi * np.arange(n) / m)
                   + self.random.normal(size=n)) for n, m in ((48, 24), (60, 7), (100, 12), (2000, 288), (9, 3))]
        series += [(name, 24, hourly(name) + 1) for name in REAL]
        for what, period, values in series:
            for model in ("additive", "multiplicative"):
                got = self.one("seasons", values, {"period": period, "model": model})
                peer = seasonal_decompose(values, model=model, period=period)
                for name, wanted in (("trend", peer.trend), ("seasonal", peer.seasonal), ("remainder", peer.resid)):
                    self.near(got[name], wanted, 1e-10, f"{what} {model} {name}")

    def test_the_season_is_found(self):
        for step, n, slots in ((300, 2016, 288), (3600, 24 * 30, 24), (60, 600, 60)):
            times = 1.7e9 + step * np.arange(n)
            values = 20 * np.sin(2 * np.pi * np.arange(n) / slots) + self.random.normal(size=n) * 5 + 0.01 * np.arange(n)
            keep = self.random.uniform(size=n) < 0.9
            jitter = self.random.uniform(-0.3, 0.3, n) * step
            got = self.one("seasons", values[keep], {"times": (times + jitter)[keep], "step": step})
            self.assertEqual(got["period"], slots)
            self.assertGreater(got["strength"], 0.8)

    def test_noise_has_none(self):
        found = sum(self.one("seasons", self.random.normal(size=500)) is not None for _ in range(50))
        self.assertLessEqual(found, 2, f"seed {SEED}")


class HoltWinters(Case):
    def series(self):
        for n, m in ((60, 12), (120, 24), (300, 24), (100, 7), (200, 1), (40, 1)):
            time = np.arange(n)
            wave = 10 * np.sin(2 * np.pi * time / m) + 5 * np.cos(4 * np.pi * time / m) if m > 1 else 0
            yield f"drift {n}/{m}", m, 100 + 0.5 * time + wave + 2 * self.random.normal(size=n)
            yield f"walk {n}/{m}", m, 100 + np.cumsum(self.random.normal(size=n)) + wave + self.random.normal(size=n)
        for name in REAL:
            yield name, 24, hourly(name, 10)

    def model(self, values, season, **options):
        return self.one("holt_winters", values, {"season": season if season > 1 else False, **options})

    @staticmethod
    def settings(season, damped):
        return {"trend": "add", "damped_trend": damped, "seasonal": "add" if season > 1 else None,
                "seasonal_periods": season if season > 1 else None}

    @staticmethod
    def beginning(first, season):
        known = {"initialization_method": "known", "initial_level": first["level"], "initial_trend": first["trend"]}
        return {**known, **({"initial_seasonal": first["seasonal"]} if season > 1 else {})}

    def test_the_filter_is_that_of_statsmodels(self):
        for what, season, values in self.series():
            for damped in (True, False):
                given = {"alpha": 0.3, "beta": 0.2, "gamma": 0.15, **({"phi": 0.9} if damped else {})}
                got = self.model(values, season, damped=damped, ahead=season + 10, **given)
                peer = ExponentialSmoothing(values, **self.settings(season, damped),
                                            **self.beginning(got["first"], season)).fit(
                    smoothing_level=0.3, smoothing_trend=0.2, smoothing_seasonal=0.15 if season > 1 else None,
                    damping_trend=0.9 if damped else None, optimized=False)
                self.near(got["sse"], peer.sse, 1e-9, what)
                # theirs forgets what the newest error says about the season, m slots ahead; the test of intervals
                # compares with their ETSModel, which does not
                ahead = season - 1 if season > 1 else 10
                self.near(got["expected"][:ahead], peer.forecast(ahead), 1e-9, what)

    def test_the_fit_is_no_worse_than_that_of_statsmodels(self):
        worst = 0
        for what, season, values in self.series():
            for damped in (True, False):
                got = self.model(values, season, damped=damped)
                peer = ExponentialSmoothing(values, **self.settings(season, damped),
                                            initialization_method="estimated").fit()
                worst = max(worst, got["sse"] / peer.sse)
                self.assertLess(got["sse"], 1.01 * peer.sse, f"{what}, damped {damped} (seed {SEED})")
        print(f"seed {SEED}: the worst fit has {worst:.4f} of statsmodels' sum of squares")

    def test_the_intervals_are_those_of_the_state_space_model(self):
        for what, season, values in self.series():
            if season == 1:
                continue
            got = self.model(values, season, ahead=2 * season, level=0.9, alpha=0.3, beta=0.2, gamma=0.1, phi=0.9)
            peer = ETSModel(pandas.Series(values), error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=season,
                            **self.beginning(got["first"], season))
            fitted = peer.smooth([0.3, 0.06, 0.1, 0.9])
            ahead = fitted.get_prediction(start=len(values), end=len(values) + 2 * season - 1)
            bounds = ahead.pred_int(alpha=0.1)
            # theirs has the variance of all errors, ours that of the degrees of freedom
            scale = got["sigma"] / math.sqrt(got["sse"] / len(values))
            expected = np.array(got["expected"])
            self.near(got["expected"], ahead.predicted_mean, 1e-9, what)
            self.near((np.array(got["high"]) - expected) / scale, np.asarray(bounds)[:, 1] - np.asarray(ahead.predicted_mean),
                      1e-6, what)

    def test_gaps_and_irregular_times_change_little(self):
        n, day = 24 * 21, 24
        time = np.arange(n)
        values = 100 + 20 * np.sin(2 * np.pi * time / day) + self.random.normal(size=n)
        truth = 100 + 20 * np.sin(2 * np.pi * (n + np.arange(day)) / day)
        keep = self.random.uniform(size=n) < 0.8
        keep[[0, -1]] = True
        keep[200:230] = False
        times = 1.7e9 + 3600 * time + self.random.uniform(-600, 600, n)
        got = self.one("holt_winters", values[keep], {"times": times[keep], "step": "1h", "season": "auto", "ahead": "1d"})
        self.assertEqual(got["season"], day)
        self.assertLess(np.abs(np.array(got["expected"]) - truth).max(), 4)
        self.assertGreater(np.mean((np.array(got["low"]) < truth) & (truth < np.array(got["high"]))), 0.9)


class BadInput(Case):
    QUESTIONS = (("slope",), ("line",), ("line", {"method": "theil-sen"}), ("rate",), ("change",), ("seasons",),
                 ("seasons", {"period": 4}), ("holt_winters",), ("forecast", 5), ("forecast", {"ahead": 5}),
                 ("time_to", 9), ("ewma", 5))

    def test_without_datapoints_the_answer_is_nil(self):
        for values in ([], [None] * 40, [math.inf, -math.inf] * 20, [7]):
            for name, *rest in self.QUESTIONS:
                if values == [7] and name == "ewma":
                    continue
                # json has no infinity: 1e400 is one in Lua
                text = json.dumps([name, [plain(values), *rest]]).replace("Infinity", "1e400")
                self.program.stdin.write(text + "\n")
                self.program.stdin.flush()
                answers = json.loads(self.program.stdout.readline())
                self.assertIsInstance(answers, list, f"{name} {values[:3]}: {answers}")
                self.assertIsNone(answers[0], f"{name} {values[:3]}")

    def test_constants_two_points_and_huge_values_answer_or_are_nil(self):
        for values in ([5] * 40, [1, 2], [1e308, -1e308] * 20, [1e-320, 2e-320] * 20, [0] * 39 + [1e300]):
            for name, *rest in self.QUESTIONS:
                answers = self.ask(name, values, *rest)
                self.assertIsInstance(answers, list, f"{name} {values[:3]}: {answers}")

    def test_times_that_go_back_and_wrong_options_are_refused(self):
        for arguments, part in ((("line", [1, 2, 3], [1, 3, 2]), "goes back"),
                                (("line", [1, 2, 3], [1, 3]), "3 values but 2 times"),
                                (("line", [1, 2], {"methode": "x"}), "did you mean 'method'"),
                                (("line", [1, 2], {"method": "x"}), "least-squares, theil-sen"),
                                (("line", [1, 2], {"confidence": 95}), "confidence must be a number"),
                                (("seasons", [1, 2], {"period": 1}), "period must be"),
                                (("seasons", [1, 2], {"times": [0, 1e9], "step": 1}), "more than 100800 slots"),
                                (("forecast", [1, 2], {"season": 2}), "ahead is missing"),
                                (("forecast", [1, 2]), "table expected"),
                                (("forecast", list(range(20)), {"ahead": "10y"}), "ahead"),
                                (("holt_winters", [1, 2], {"alpha": 0.8, "gamma": 0.4}), "at most 1 together"),
                                (("time_to", [1, 2], 5, {"direction": "left"}), "up, down")):
            answers = self.ask(*arguments)
            self.assertIsInstance(answers, dict, arguments)
            self.assertIn(part, answers["error"], arguments)


if __name__ == "__main__":
    support.main()
