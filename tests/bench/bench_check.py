"""How long `moontide check` takes for 500 policies: CPU time (user and system) and elapsed time, medians.

    python3 tests/bench/bench_check.py [MOONTIDE] [RUNS]       (default: build/release/moontide, 9 runs)

The policies are the four that ship, each under 125 names, of which one in five has findings."""

import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
POLICIES = 500
FINDINGS = """
    if m.UNKNOWN:above(5) then issue { type = "odd", severity = "hgih" } end
    if TIME == 3 and not (TIME == 3) then isue {} end
"""


def write(directory):
    shipped = sorted((ROOT / "policies").glob("*.lua"))
    shutil.copytree(ROOT / "policies" / "lib", directory / "policies" / "lib")
    (directory / "moontide.lua").write_text("return {}\n")
    for i in range(POLICIES):
        source = shipped[i % len(shipped)]
        text = source.read_text().replace(f'name = "{source.stem}"', f'name = "{source.stem}_{i}"')
        text = text.replace("depends_on = {", "-- depends_on = {")
        if i % 5 == 4:
            at = text.index("evaluate = function")
            at = text.index("\n", at) + 1
            text = text[:at] + FINDINGS.replace("TIME", "time") + text[at:]
        (directory / "policies" / f"{source.stem}_{i}.lua").write_text(text)


def run(program, directory):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    result = subprocess.run([program, "check"], cwd=directory, capture_output=True, text=True)
    elapsed = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, elapsed, result


def main():
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/moontide").resolve()
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        write(directory)
        samples = [run(program, directory) for _ in range(runs)]
    print(samples[-1][2].stderr.splitlines()[-1] if samples[-1][2].stderr else samples[-1][2].stdout.strip())
    print(f"check of {POLICIES} policies: {statistics.median(s[0] for s in samples):.3f} s CPU, "
          f"{statistics.median(s[1] for s in samples):.3f} s elapsed (median of {runs}; at most 1 s)")


if __name__ == "__main__":
    main()
