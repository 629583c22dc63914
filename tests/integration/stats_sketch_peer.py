"""The part of test_stats_sketch.py that needs numpy and mpmath, run in build/venv. Each case compares the sketch with
exact values and raises AssertionError where it is wrong; usage: stats_sketch_peer.py CASE BUILD."""

import math
import pathlib
import subprocess
import sys
import tempfile
from fractions import Fraction

import mpmath
import numpy as np

SEED = 20261128
mpmath.mp.prec = 300
BUILD = pathlib.Path(sys.argv[2])
PLACE = tempfile.TemporaryDirectory(prefix="moontide-sketch-")
HERE = pathlib.Path(PLACE.name)
QS = np.concatenate([np.linspace(0, 1, 401), [0.001, 0.999, 0.9999, 0.99999, 1e-5]])


def distributions(rng, n):
    heavy = rng.lognormal(0, 1, n)
    heavy[rng.random(n) < 0.6] = 0
    signs = rng.choice([-1.0, 1.0], n)
    return {
        "lognormal": rng.lognormal(0, 1, n), "lognormal wide": rng.lognormal(3, 8, n),
        "lognormal narrow": rng.lognormal(0, 0.01, n), "exponential": rng.exponential(3, n),
        "pareto 1": rng.pareto(1, n) + 1, "pareto 0.3": rng.pareto(0.3, n) + 1, "normal": rng.normal(0, 1, n),
        "normal off zero": rng.normal(1e6, 1, n), "normal negative": rng.normal(-50, 10, n),
        "uniform": rng.random(n), "uniform around zero": rng.uniform(-1, 1, n),
        "bimodal": np.where(rng.random(n) < 0.5, rng.normal(5, 1, n), rng.normal(5000, 100, n)),
        "constant": np.full(n, 0.1), "two values": rng.choice([1.0, 1e9], n),
        "denormal": rng.integers(1, 1 << 40, n) * 5e-324, "few denormals": rng.integers(1, 300, n) * 5e-324,
        "around the least normal": rng.uniform(0.5, 2, n) * 2.0**-1022, "mixed signs": signs * rng.lognormal(0, 2, n),
        "zipf": rng.zipf(1.5, n).astype(float), "weibull 0.5": rng.weibull(0.5, n), "weibull 5": rng.weibull(5, n),
        "cauchy": rng.standard_cauchy(n), "heavy zeros": heavy, "gamma": rng.gamma(0.1, 1, n),
        "beta": rng.beta(0.5, 0.5, n), "laplace": rng.laplace(0, 1, n), "student t": rng.standard_t(2, n),
        "poisson": rng.poisson(4, n).astype(float), "powers of two": 2.0 ** rng.integers(-30, 30, n),
        "whole range": signs * np.exp2(rng.uniform(-1074, 1023.9, n)), "sorted": np.arange(n, dtype=float),
        "descending": np.arange(n, 0, -1).astype(float) / 7, "largest": rng.uniform(0.5, 1, n) * 1.7e308,
        "bucket edges": np.exp2(rng.integers(-640, 640, n) / 64), "integers": rng.integers(-100, 100, n).astype(float),
    }


def sketch(scale, buckets, parts, qs=QS):
    names = []
    for i, part in enumerate(parts):
        prefix = ""
        if isinstance(part, tuple):
            prefix, part = f"{part[0]}:", part[1]
        (HERE / f"part{i}").write_bytes(np.ascontiguousarray(part).tobytes())
        names.append(prefix + f"part{i}")
    (HERE / "qs").write_bytes(np.asarray(qs, dtype=float).tobytes())
    run = subprocess.run([BUILD / "tests" / "sketch_tool", str(scale), str(buckets), "qs", "out", *names], cwd=HERE,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.split()
    numbers = [float.fromhex(line) for line in lines[3:]]
    return {"scale": int(lines[0]), "error": float.fromhex(lines[1]), "count": int(lines[2]), "sum": numbers[0],
            "min": numbers[1], "max": numbers[2], "quantiles": np.array(numbers[3:]),
            "bytes": (HERE / "out").read_bytes()}


def check_against_exact(name, values, answer, qs=QS):
    """The bound is against numpy's method "lower"; the answer's rounding comes to it: an ulp or so, and half of the least
    denormal (sketch.h)."""
    assert answer["count"] == len(values), name
    assert answer["min"] == values.min() and answer["max"] == values.max(), name
    base = mpmath.power(2, mpmath.power(2, -answer["scale"]))
    bound = float((base - 1) / (base + 1))
    assert math.isclose(answer["error"], bound, rel_tol=1e-14), (name, answer["error"], bound)
    wanted = np.sort(values)[np.minimum((qs * (len(values) - 1)).astype(np.int64), len(values) - 1)]
    part = 0.25 if np.abs(values).max() > 1e300 else 1.0  # so that no difference overflows
    off = np.abs(answer["quantiles"] * part - wanted * part)
    allowed = (bound + 2.0**-51) * np.abs(wanted * part) + np.where(np.abs(wanted) < 1e-300, 5e-324, 0)
    worst = int(np.argmax(off - allowed))
    assert np.all(off <= allowed), (name, qs[worst], answer["quantiles"][worst], wanted[worst], bound)


def check_sum(name, values, answer):
    total = math.fsum(values) if np.abs(values).max() < 1e300 else None
    if total is None:
        exact = sum((Fraction(v) for v in values.tolist()), Fraction(0))
        try:
            total = float(exact)
        except OverflowError:
            total = math.inf if exact > 0 else -math.inf
    assert answer["sum"] == total, (name, answer["sum"], total)


def bound():
    """No quantile of any distribution is further off than the bound, at several scales and caps, also once halved."""
    rng = np.random.default_rng(SEED)
    halved = 0
    for name, values in distributions(rng, 20000).items():
        for scale, buckets in [(6, 0), (6, 40), (3, 0), (0, 16), (9, 0), (12, 262144), (20, 0)]:
            answer = sketch(scale, buckets, [values])
            check_against_exact(name, values, answer)
            halved += answer["scale"] < scale
        check_sum(name, values, answer)
        if name not in ("whole range", "lognormal wide"):
            assert sketch(6, 0, [values], [0.5])["scale"] == 6, name
    assert halved > 50, halved


def million():
    """A million of each of the commonest."""
    rng = np.random.default_rng(SEED + 1)
    for name in ("lognormal", "normal", "cauchy", "heavy zeros", "zipf"):
        values = distributions(rng, 1000000)[name]
        answer = sketch(6, 0, [values])
        check_against_exact(name, values, answer)
        check_sum(name, values, answer)
        assert answer["scale"] == 6, name


def merged():
    """Merged equals unmerged to the bit over random splits, orders and mixed scales."""
    rng = np.random.default_rng(SEED + 2)
    for name, values in distributions(rng, 5000).items():
        for buckets in (0, 50):
            coarsest = int(rng.integers(2, 7))
            whole = sketch(coarsest, buckets, [values])
            for _ in range(3):
                shuffled = rng.permutation(values)
                cuts = np.sort(rng.integers(0, len(values), int(rng.integers(1, 6))))
                parts = [(int(rng.integers(coarsest, 12)), part) for part in np.split(shuffled, cuts)]
                some = int(rng.integers(len(parts)))
                parts[some] = (coarsest, parts[some][1])
                again = sketch(6, buckets, [parts[i] for i in rng.permutation(len(parts))])
                assert again["bytes"] == whole["bytes"], (name, buckets, coarsest)
                assert again["sum"] == whole["sum"], name


def floor_edge(j, scale):
    """The largest double not above 2^(j / 2^scale), in units of 2^-52."""
    return int(mpmath.floor(mpmath.power(2, mpmath.mpf(j) / (1 << scale)) * 2**52))


def edges():
    """Every edge of an octave at scales 0 to 12, and edges anywhere to scale 20, lie between the right two doubles."""
    rng = np.random.default_rng(SEED + 3)
    for scale in range(0, 13):
        check_edges(scale, [floor_edge(j, scale) for j in range(1 << scale)], 0)
    for scale in range(6, 21):
        chosen = [floor_edge(j, scale) for j in rng.integers(0, 1 << scale, 200).tolist()]
        for exponent in (-1022, -300, 900):
            check_edges(scale, chosen, exponent)


def check_edges(scale, chosen, exponent):
    """An edge and the next double are in two buckets, and the edge is where these meet."""
    rows = []
    for mantissa in chosen:
        edge = math.ldexp(mantissa, exponent - 52)
        rows.append(f"{{{edge.hex()},{math.nextafter(edge, math.inf).hex()}}}")
    (HERE / "edges.lua").write_text(f"""
local wrong = 0
for _, pair in ipairs {{ {",".join(rows)} }} do
  local s = stats.sketch {{ scale = {scale} }}
  s:add(pair[1], 2) s:add(pair[2], 3)
  local b = s:buckets()
  if #b ~= 2 or b[1].count ~= 2 or b[1].high ~= pair[1] or b[2].low ~= pair[1] then wrong = wrong + 1 end
end
print(wrong)""")
    run = subprocess.run([BUILD / "moontide", "script", "edges.lua"], cwd=HERE, capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.strip() == "0", (scale, exponent, run.stdout, run.stderr[-500:])


if __name__ == "__main__":
    print("seed", SEED)
    {"bound": bound, "million": million, "merged": merged, "edges": edges}[sys.argv[1]]()
