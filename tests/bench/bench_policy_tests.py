#!/usr/bin/env python3
"""1,000 policy tests, each with a run() of a shipped policy; the same with coverage; and 1,000 plain tests beside busted.

    tests/bench/bench_policy_tests.py [--short] [PROGRAM]     PROGRAM: a release build (default build/release/moontide)
Medians of the rounds. busted is Debian's lua-busted; without it its column is empty, which is said.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = [word for word in sys.argv[1:] if not word.startswith("--")]
MOONTIDE = pathlib.Path(WORDS[0] if WORDS else ROOT / "build" / "release" / "moontide").resolve()
SHORT = "--short" in sys.argv[1:]
FILES, TESTS, ROUNDS = (2, 10, 2) if SHORT else (10, 100, 7)
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}

POLICY_TEST = """it("case {i}", function()
  local r = run("performance", {{ target = {{ environment = "prod" }},
    series = {{ api_response_p99 = "{value}x11", db_query_p90 = "100x11", cache_hit_rate = "0.95x11" }} }})
  expect(r.status).to_be "{status}"
end)
"""
PLAIN_TEST = """it("case {i}", function() assert.are.same({{ a = {i}, list = {{ 1, 2, 3 }} }}, {{ a = {i}, list = {{ 1, 2, 3 }} }}) end)
"""


def project(slow_share):
    path = pathlib.Path(tempfile.mkdtemp(prefix="moontide-bench-"))
    shutil.copytree(ROOT / "policies", path / "policies", ignore=shutil.ignore_patterns("tests"))
    (path / "policies" / "tests").mkdir()
    for f in range(FILES):
        slow = [i < TESTS * slow_share for i in range(TESTS)]
        (path / "policies" / "tests" / f"f{f}_test.lua").write_text("".join(
            POLICY_TEST.format(i=i, value=1500 if slow[i] else 300, status="critical" if slow[i] else "healthy")
            for i in range(TESTS)))
    return path


def plain():
    path = pathlib.Path(tempfile.mkdtemp(prefix="moontide-bench-"))
    (path / "policies" / "tests").mkdir(parents=True)
    for f in range(FILES):
        (path / "policies" / "tests" / f"f{f}_spec.lua").write_text(
            "describe('d', function()\n" + "".join(PLAIN_TEST.format(i=i) for i in range(TESTS)) + "end)\n")
    return path


def timed(words, path):
    """Wall and CPU seconds of one process, medians of the rounds."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        process = subprocess.Popen(words, cwd=path, env=CLEAN, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        walls.append(time.monotonic() - begun)
        cpus.append(usage.ru_utime + usage.ru_stime)
        if process.returncode:
            raise SystemExit(f"{words}: exit {process.returncode}")
    return statistics.median(walls), statistics.median(cpus)


def line(what, reach, figures, note=""):
    print(f"{what:<58} {reach:<10} {figures[0]:8.3f} s wall  {figures[1]:8.3f} s CPU  {note}")


def main():
    count = FILES * TESTS
    paths = [project(0), project(1), plain()]
    try:
        bare = timed([MOONTIDE, "test"], paths[0])
        line(f"{count} policy tests, nothing found", "<= 1 s", bare)
        line(f"{count} policy tests, each with an alert that is told", "<= 1 s", timed([MOONTIDE, "test"], paths[1]))
        covered = timed([MOONTIDE, "test", "--coverage"], paths[0])
        line(f"{count} policy tests, nothing found, --coverage", "<= 3 x", covered, f"{covered[1] / bare[1]:.2f} x")
        line(f"{count} policy tests, nothing found, -j 2", "", timed([MOONTIDE, "test", "-j", "2"], paths[0]))
        line(f"{count} tests without a policy", "", timed([MOONTIDE, "test"], paths[2]))
        if shutil.which("busted"):
            line("- the same in busted", "", timed(["busted", "policies/tests"], paths[2]))
        else:
            print("- busted is not installed (apt-get install lua-busted): nothing beside it")
    finally:
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
