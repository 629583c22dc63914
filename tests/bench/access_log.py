#!/usr/bin/env python3
"""Percentiles of a large gz access log: moontide, decompression alone, awk and goaccess on the same file, side by side.

    tests/bench/access_log.py [FILE.gz] [--rounds 3] [--quick]      --quick: moontide and decompression only

Without a file, one of 1.1 GB is made under build/bench (tests/bench/make_access_log.py). CPU seconds of whole
processes (user and system, children included): the median of the rounds, in each of which decompression alone runs
right before every program, and the median ratio of those neighbours; the largest resident memory of one (of small
ones it is this interpreter's, which a child has until it becomes another program). awk and goaccess run once.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
# The same groups, p50, p90 and p99 by sorting: what one would write by hand.
AWK = r"""
gzip -dc "$0" | awk '{ n = split($14, url, "/"); path = ""; for (i = 4; i <= n; i++) path = path "/" url[i]
  sub(/\?.*/, "", path); if ($7 >= 0) print $5, path, $7 }' | LC_ALL=C sort -k1,1 -k2,2 -k3,3n | awk '
  function out() { if (n) print key, n, v[int((n - 1) * .5)], v[int((n - 1) * .9)], v[int((n - 1) * .99)] }
  { k = $1 " " $2; if (k != key) { out(); key = k; n = 0 } v[n++] = $3 } END { out() }'
"""
GOACCESS_FORMAT = r'%^ %dT%t.%^ %^ %h:%^ %^ %^ %T %^ %s %^ %^ %b "%r" "%u" %^'


def run(arguments):
    """(CPU seconds, resident KiB): children are waited for by wait4, which says what they used."""
    process = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments[0]}: exit {process.returncode}: {said.decode(errors='replace')[-500:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss


def measure(floor, arguments, rounds):
    """(CPU seconds, times those of the floor, resident KiB)"""
    cpu, ratios, resident = [], [], 0
    for _ in range(rounds):
        least, _ = run(floor)
        used, kib = run(arguments)
        cpu.append(used)
        ratios.append(used / least)
        resident = max(resident, kib)
    return statistics.median(cpu), statistics.median(ratios), resident


def goaccess(path):
    script = ('gzip -dc "$0" | goaccess - --log-format="$1" --date-format=%Y-%m-%d --time-format=%H:%M:%S --no-global-config '
              '--no-progress -o json')
    return ["sh", "-c", script, path, GOACCESS_FORMAT]


def programs(path, quick):
    report = [BUILD / "moontide", "script", ROOT / "scripts" / "latency_report.lua"]
    rows = [("decompression alone: isa-l in this build", [BUILD / "tests" / "bench" / "bench_gz", path]),
            ("latency_report.lua", [*report, path]),
            ("latency_report.lua --collapse-ids", [*report, "--collapse-ids", path])]
    if shutil.which("igzip"):
        rows.append(("decompression alone: igzip -dc", ["igzip", "-dc", path]))
    rows.append(("decompression alone: gzip -dc (zlib's kind)", ["gzip", "-dc", path]))
    if not quick:
        rows.append(("gzip -dc, awk, sort, awk", ["sh", "-c", AWK, path]))
        if shutil.which("goaccess"):
            rows.append(("gzip -dc, goaccess (no percentiles)", goaccess(path)))
        else:
            print("goaccess is not installed: no row of it", file=sys.stderr)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    path = pathlib.Path(options.file or BUILD / "access.log.gz")
    if not path.exists():
        subprocess.run([sys.executable, ROOT / "tests/bench/make_access_log.py", path.with_suffix("")], check=True)
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB compressed; load {os.getloadavg()[0]:.1f}\n")
    print("| program | CPU s | x decompression | resident MiB |\n|---|---|---|---|")
    rows = programs(path, options.quick)
    for name, arguments in rows:
        cpu, ratio, resident = measure(rows[0][1], arguments, 1 if arguments[0] == "sh" else options.rounds)
        print(f"| {name} | {cpu:.2f} | {ratio:.2f} | {resident / 1024:.0f} |", flush=True)


if __name__ == "__main__":
    main()
