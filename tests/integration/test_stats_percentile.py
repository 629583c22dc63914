"""Percentiles against numpy.percentile: every method, every vector level that the CPU has, on random
and adversarial arrays of 1 to 10^7 values. Equality is to the bit of the value (0.0 and -0.0 are
equal). Where numpy makes NaN of an infinity or of a span beyond the largest double, while the answer
is known, the answer is what is checked."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import BUILD, VENV

try:
    import numpy as np
except ImportError:
    if VENV.exists() and pathlib.Path(sys.executable) != VENV:
        os.execv(VENV, [str(VENV), *sys.argv])
    print("numpy is not installed: skipped")
    sys.exit(77)

TOOL = BUILD / "tests" / "percentile_tool"
METHODS = ("linear", "lower", "higher", "nearest", "hazen", "weibull", "median_unbiased")
LEVELS = ("portable", "avx2", "avx512")
PS = [0, 0.1, 1, 5, 25, 33.3, 50, 66.6, 75, 90, 95, 99, 99.9, 99.99, 100]
SEED = 20240229
NOT_HERE = 77


def organ_pipe(n):
    return np.minimum(np.arange(n), n - 1 - np.arange(n)).astype(float)


def median_of_three_killer(n):
    """D. R. Musser's sequence (Software: Practice and Experience 27, 1997)."""
    k = n // 2
    odd = np.arange(1, 2 * k + 1, dtype=float)
    first = np.where(np.arange(1, k + 1) % 2 == 1, np.arange(1, k + 1), k + np.arange(0, k))
    return np.concatenate([first, odd[1::2], np.zeros(n - 2 * k)])


def arrays(rng, n):
    yield "normal", rng.normal(size=n)
    yield "lognormal", rng.lognormal(size=n)
    yield "sorted", np.sort(rng.normal(size=n))
    yield "reversed", np.sort(rng.normal(size=n))[::-1]
    yield "constant", np.full(n, 7.25)
    yield "two values", rng.integers(0, 2, size=n).astype(float)
    yield "few values", rng.integers(0, 10, size=n).astype(float)
    yield "organ pipe", organ_pipe(n)
    yield "killer of median of three", median_of_three_killer(n)
    yield "denormal", rng.integers(-1000, 1000, size=n) * 5e-324
    yield "zeros of both signs", np.where(rng.integers(0, 2, size=n) == 0, 0.0, -0.0)
    yield "mostly one value", np.where(rng.random(n) < 0.9, 1.0, rng.normal(size=n))
    yield "wide", np.sign(rng.normal(size=n)) * 10.0 ** rng.uniform(-300, 300, size=n)
    yield "sawtooth", (np.arange(n) % 64).astype(float)


def infinite_arrays(rng, n):
    values = rng.normal(size=n)
    values[rng.random(n) < 0.2] = np.inf
    yield "infinities above", values
    values = rng.normal(size=n)
    values[rng.random(n) < 0.2] = -np.inf
    yield "infinities below", values


class Percentiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.directory.name) / "values"
        print(f"seed {SEED}, numpy {np.__version__}")

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def ours(self, level, method, values, ps, counts=None):
        values.astype("=f8").tofile(self.path)
        file = str(self.path)
        if counts is not None:
            counts.astype("=f8").tofile(file + ".counts")
            file += ":" + file + ".counts"
        run = subprocess.run([TOOL, level, method, file, *map(repr, ps)], capture_output=True, text=True)
        if run.returncode == NOT_HERE:
            return None
        self.assertEqual(run.returncode, 0, run.stderr)
        return np.array([float.fromhex(x) for x in run.stdout.split()])

    def compare(self, name, values, levels=LEVELS, methods=METHODS, ps=PS, wanted=None):
        for method in methods:
            with np.errstate(invalid="ignore", over="ignore"):
                numpys = np.percentile(values, ps, method=method) if wanted is None else wanted(method)
            for level in levels:
                got = self.ours(level, method, values, ps)
                if got is None:
                    continue
                same = got == numpys
                self.assertTrue(same.all(), f"{name}, n={len(values)}, {method}, {level}: "
                                f"p{[p for p, s in zip(ps, same) if not s]} {got[~same]} {numpys[~same]}")

    def test_every_small_size(self):
        rng = np.random.default_rng(SEED)
        for n in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 66, 100, 127, 129, 255, 300]:
            for name, values in list(arrays(rng, n))[:: 1 if n in (2, 65, 300) else 5]:
                self.compare(name, values, levels=("best",))

    def test_arrays_of_thousands(self):
        rng = np.random.default_rng(SEED + 1)
        for n in (1000, 5003):
            for name, values in arrays(rng, n):
                self.compare(name, values)

    def test_arrays_of_a_hundred_thousand(self):
        rng = np.random.default_rng(SEED + 2)
        for name, values in arrays(rng, 100_003):
            self.compare(name, values, methods=("linear", "median_unbiased"))

    def test_arrays_of_a_million(self):
        rng = np.random.default_rng(SEED + 3)
        for name, values in arrays(rng, 1_000_000):
            self.compare(name, values, levels=("best",), methods=("linear", "nearest"))
        values = rng.lognormal(size=1_000_000)
        self.compare("lognormal", values, levels=("best", "portable"))

    def test_arrays_of_three_million(self):
        rng = np.random.default_rng(SEED + 9)
        for name, values in arrays(rng, 3_000_001):
            self.compare(name, values, levels=("best",), methods=("linear",), ps=[0, 1, 50, 90, 99, 99.9, 100])

    def test_ten_million(self):
        rng = np.random.default_rng(SEED + 4)
        self.compare("lognormal", rng.lognormal(size=10_000_000), levels=("best",), methods=("linear", "weibull"),
                     ps=[50, 90, 99, 99.9])

    def test_many_percentiles_in_any_order(self):
        rng = np.random.default_rng(SEED + 5)
        ps = list(rng.permutation(np.linspace(0, 100, 301)))
        ps = [float(p) for p in ps]
        self.compare("normal", rng.normal(size=20_000), ps=ps, methods=("linear", "hazen"))

    def test_nan_is_left_out(self):
        rng = np.random.default_rng(SEED + 6)
        for n in (5, 64, 65, 1000, 100_000, 1_000_000):
            for share in (0.01, 0.5, 0.999):
                values = rng.normal(size=n)
                values[rng.random(n) < share] = np.nan
                if not np.isnan(values).all():
                    self.compare(f"{share} NaN", values, methods=("linear", "weibull"), levels=("best", "portable"),
                                 wanted=lambda method: np.nanpercentile(values, PS, method=method))

    def test_infinities(self):
        """Where numpy's is NaN, ours lies between the two values that it would have interpolated."""
        rng = np.random.default_rng(SEED + 7)
        for n in (4, 50, 1000, 100_000):
            for name, values in infinite_arrays(rng, n):
                for method in METHODS:
                    with np.errstate(invalid="ignore"):
                        numpys = np.percentile(values, PS, method=method)
                    got = self.ours("best", method, values, PS)
                    ends = np.percentile(values, PS, method="lower"), np.percentile(values, PS, method="higher")
                    known = ~np.isnan(numpys)
                    self.assertTrue((got[known] == numpys[known]).all(), f"{name} {n} {method}")
                    self.assertFalse(np.isnan(got).any(), f"{name} {n} {method}")
                    if method == "linear":
                        self.assertTrue(((ends[0] <= got) & (got <= ends[1])).all(), f"{name} {n}")

    def test_counts_are_repeats(self):
        rng = np.random.default_rng(SEED + 8)
        for n in (1, 2, 10, 150, 5000):
            values, counts = rng.lognormal(size=n), rng.integers(0, 50, size=n)
            counts[0] += 1
            repeated = np.repeat(values, counts)
            for method in METHODS:
                got = self.ours("best", method, values, PS, counts)
                wanted = np.percentile(repeated, PS, method=method)
                self.assertTrue((got == wanted).all(), f"{n} {method}: {got} {wanted}")


if __name__ == "__main__":
    unittest.main()
