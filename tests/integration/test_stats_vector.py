"""Summaries, histograms, correlation, trimmed means, ranks and weighted percentiles against numpy and scipy, on random
and adversarial arrays, through `moontide script`.

Arrays go to the script as hexadecimal floats, which Lua reads exactly, and come back as "%a", so nothing is lost on
the way. The seed is printed and can be given as the first argument."""

import math
import subprocess
import sys
import unittest
import warnings

import support

SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 20260131

try:
    import numpy as np
    import scipy.stats as st
except ImportError:
    np = None

# Answers of a script, one a line: floats as "%a", nil as "nil".
PRELUDE = """
local function show(x)
  if x == nil then return "nil" end
  return string.format("%a", x)
end
local function line(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = show((select(i, ...))) end
  print(table.concat(out, " "))
end
"""


def lua_number(x):
    if math.isinf(x):
        return "math.huge" if x > 0 else "-math.huge"
    return float(x).hex()


def lua_list(values):
    return "{" + ",".join(lua_number(v) for v in values) + "}"


def number(text):
    return math.nan if text == "nil" else float(text) if "inf" in text else float.fromhex(text)


def arrays():
    """Name and values: what is usual, and what breaks naive formulas."""
    random = np.random.default_rng(SEED)
    made = {
        "one": [3.5],
        "two": [1.0, 2.0],
        "constant": [7.0] * 50,
        "two values": [0.0, 1.0] * 33,
        "large offset": list(1e9 + random.normal(0, 1, 500)),
        "huge": list(random.normal(0, 1e150, 101)),
        "tiny": list(random.normal(0, 1e-150, 101)),
        "denormal": [5e-324 * i for i in random.integers(1, 1000, 64)],
        "heavy tail": list(random.pareto(1.1, 1000)),
        "ties": [float(x) for x in random.integers(0, 5, 200)],
        "sorted": [float(x) for x in range(300)],
        "reversed": [float(-x) for x in range(300)],
        "signed zeros": [0.0, -0.0, 0.0, -0.0, 1.0],
    }
    for n in (3, 10, 97, 1000, 5003):
        made[f"lognormal {n}"] = list(random.lognormal(0, 2, n))
        made[f"normal {n}"] = list(random.normal(-3, 10, n))
    return {name: [float(v) for v in values] for name, values in made.items()}


@unittest.skipIf(np is None, "SKIPPED: numpy and scipy are not in build/venv (see scripts/test)")
class StatsAgainstScipy(support.Case):
    def ask(self, body):
        """The script's lines, each a list of numbers; nil is NaN."""
        project = self.project(shipped=False)
        project.write("ask.lua", PRELUDE + body)
        result = project.run("script", "ask.lua", timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [[number(word) for word in text.split()] for text in result.stdout.splitlines()]

    def near(self, got, wanted, what, relative=1e-9, absolute=0.0):
        if math.isnan(wanted) or math.isnan(got):
            self.assertEqual(math.isnan(got), math.isnan(wanted), f"{what}: {got}, not {wanted}")
        else:
            self.assertTrue(math.isclose(got, wanted, rel_tol=relative, abs_tol=absolute), f"{what}: {got}, not {wanted}")

    def each(self, expression, wanted, relative=1e-9, absolute=lambda v: 0.0, skip=()):
        """`expression` of the list and of the vector of each array, against wanted(values)."""
        made = {name: v for name, v in arrays().items() if name not in skip}
        answers = iter(self.ask("".join(
            f"do local list = {lua_list(v)} for _, v in ipairs {{ list, stats.vector(list) }} do line({expression}) end end\n"
            for v in made.values())))
        for name, values in made.items():
            expected = [float(x) for x in wanted(np.array(values))]
            for kind in ("list", "vector"):
                got = next(answers)
                self.assertEqual(len(got), len(expected))
                for at, (a, b) in enumerate(zip(got, expected)):
                    self.near(a, b, f"{name} as {kind}, answer {at}", relative, absolute(values))

    def test_summary(self):
        def wanted(v):
            return [len(v), v.sum(), v.mean(), v.std(), v.std(ddof=1) if len(v) > 1 else math.nan, v.min(), v.max()]
        self.each("#v, stats.sum(v), stats.mean(v), stats.stddev(v), stats.stddev(v, { sample = true }), "
                  "stats.min(v), stats.max(v)", wanted, 1e-9, lambda v: 1e-13 * max(map(abs, v)),
                  skip=("denormal",))

    def test_skew_and_kurtosis(self):
        # Of 1e+-150 the fourth powers overflow or vanish, here as there. With 1e9 beside deviations of 1 the mean's
        # last bit is 1e-7 of a deviation, so that scipy itself is no better than that.
        def wanted(v):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return [st.skew(v), st.kurtosis(v)]
        skew_and_kurtosis = "stats.summary(v).skew, stats.summary(v).kurtosis"
        vanishing = ("huge", "tiny", "denormal")
        self.each(skew_and_kurtosis, wanted, 1e-9, lambda v: 1e-9, skip=(*vanishing, "large offset"))
        self.each(skew_and_kurtosis, wanted, 1e-5, lambda v: 1e-5, skip=vanishing)

    def test_trimmed_and_winsorized_mean(self):
        """Where the bounds fall between values: arrays cut to a multiple of 20."""
        def wanted(v):
            v = v[:len(v) // 20 * 20]
            if not len(v):
                return [math.nan] * 3
            return [st.trim_mean(v, 0.05), st.mstats.winsorize(v, (0.1, 0.2)).mean(), st.trim_mean(v, 0.25)]
        self.each("(function() local v = stats.vector(v):slice(1, #v // 20 * 20) return stats.trimmed_mean(v, 5, 95), "
                  "stats.winsorized_mean(v, 10, 80), stats.trimmed_mean(v, 25, 75) end)()", wanted, 1e-9,
                  lambda v: 1e-13 * max(map(abs, v)))

    def test_trimmed_mean_with_a_part_of_a_value(self):
        """Against each value repeated 1000 times, where the bounds fall between values."""
        def wanted(v):
            low, high = 3.7, 91.3
            many = np.sort(np.repeat(v, 1000))
            inside = many[round(len(many) * low / 100):round(len(many) * high / 100)]
            return [inside.mean()]
        self.each("stats.trimmed_mean(v, 3.7, 91.3)", wanted, 1e-9, lambda v: 1e-13 * max(map(abs, v)))

    def test_percentile_rank(self):
        def wanted(v):
            x = float(np.median(v))
            return [st.percentileofscore(v, x, kind="weak"), st.percentileofscore(v, v.min() - 1, kind="weak"),
                    100.0 * np.count_nonzero((v > v.min()) & (v <= x)) / len(v)]
        self.each("(function() local x, low = stats.percentile(v, 50), stats.min(v) return stats.percentile_rank(v, x), "
                  "stats.percentile_rank(v, low - 1), stats.percentile_rank(v, low, x) end)()", wanted, 1e-13)

    def histograms(self, options, numpy_options, made):
        answers = self.ask("".join(
            f"do local counts, edges = {{}}, {{}} for i, bin in ipairs(stats.histogram({lua_list(v)}, {options})) do "
            "counts[i] = bin.count edges[i] = bin.low edges[i + 1] = bin.high end "
            "line(table.unpack(counts)) line(table.unpack(edges)) end\n" for v in made.values()))
        for at, (name, values) in enumerate(made.items()):
            counts, edges = np.histogram(values, **numpy_options)
            self.assertEqual(answers[2 * at], [float(c) for c in counts], name)
            self.assertEqual(answers[2 * at + 1], [float(e) for e in edges], name)

    def test_histogram(self):
        # numpy refuses ranges that are too small for so many bins.
        made = {name: v for name, v in arrays().items() if name != "denormal"}
        for bins in (1, 2, 7, 10, 100):
            self.histograms(f"{{ bins = {bins} }}", {"bins": bins}, made)
        self.histograms("{ bins = 10, min = -1, max = 2.5 }", {"bins": 10, "range": (-1, 2.5)}, made)
        self.histograms("{ edges = { -5, 0, 1, 1.5, 100 } }", {"bins": [-5, 0, 1, 1.5, 100]}, made)

    def pairs(self):
        made, random = arrays(), np.random.default_rng(SEED + 1)
        pairs = {name: (v, list(map(float, random.permutation(v)))) for name, v in made.items()}
        for name in ("normal 97", "lognormal 1000", "ties", "huge", "tiny", "large offset"):
            v = np.array(made[name])
            pairs[name + ", with noise"] = (made[name], [float(x) for x in v + random.normal(0, 1, len(v)) * v.std() / 2])
            pairs[name + ", falling"] = (made[name], [float(-x) for x in v])
        pairs["sorted against squares"] = (made["sorted"], [x * x for x in made["sorted"]])
        return pairs

    def test_correlation(self):
        pairs = self.pairs()
        answers = self.ask("".join(
            f"do local a, b = {lua_list(a)}, {lua_list(b)} line(stats.correlation(a, b), "
            "stats.correlation(a, b, { method = 'spearman' })) end\n" for a, b in pairs.values()))
        for (name, (a, b)), (pearson, spearman) in zip(pairs.items(), answers):
            constant = len(set(a)) == 1 or len(set(b)) == 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rho = math.nan if len(a) < 2 or constant else st.spearmanr(a, b)[0]
                r = math.nan if len(a) < 2 or constant else st.pearsonr(a, b)[0]
            if name != "denormal":  # there the mean itself has only a few bits
                self.near(pearson, float(r), f"pearson of {name}", 1e-9, 1e-12)
            self.near(spearman, float(rho), f"spearman of {name}", 1e-9, 1e-12)

    def test_percentiles_with_counts(self):
        random = np.random.default_rng(SEED + 2)
        methods = ["linear", "lower", "higher", "nearest", "hazen", "weibull", "median_unbiased"]
        ps = [0, 0.1, 10, 33.3, 50, 90, 99, 99.9, 100]
        for name, values in arrays().items():
            counts = [float(c) for c in random.integers(0, 8, len(values))]
            counts[0] = 1.0
            repeated = np.repeat(np.array(values), np.array(counts, dtype=int))
            answers = self.ask(f"local v, c = {lua_list(values)}, {lua_list(counts)}\n" + "".join(
                f"line(table.unpack(stats.percentiles(v, {lua_list(ps)}, {{ method = '{m}', weights = c }})))\n"
                for m in methods))
            for method, got in zip(methods, answers):
                for p, a, b in zip(ps, got, np.percentile(repeated, ps, method=method)):
                    self.near(a, float(b), f"{name}, p{p} {method}", 1e-12, 1e-13 * max(map(abs, values)))


if __name__ == "__main__":
    if np is None and support.VENV.exists() and sys.prefix == sys.base_prefix:
        # ctest starts the system's Python; the peers are in the virtual environment.
        sys.exit(subprocess.run([str(support.VENV), sys.argv[0], str(SEED), *sys.argv[1:]]).returncode)
    print(f"seed {SEED}", file=sys.stderr)
    support.main()
