#!/usr/bin/env python3
"""Files of numbers and access logs as scripts read them, held against Python: every decimal text is the double that
float() gives, CSV is what the csv module reads, and the counts of an access log are those of a plain loop."""

import csv
import gzip
import io
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

from support import MOONTIDE, ROOT, clean_environment

SEED = 20260101
COUNT = 200000 if os.environ.get("MOONTIDE_LONG") else 40000


def moontide(directory, *arguments, code=0):
    done = subprocess.run([str(MOONTIDE), *map(str, arguments)], cwd=directory, env=clean_environment(), text=True,
                          capture_output=True, timeout=300)
    if done.returncode != code:
        raise AssertionError(f"exit {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done


def bits(value):
    return struct.pack("<d", value).hex()


def halfway(rng):
    """A text exactly between two doubles, with a fraction."""
    mantissa, scale = (1 << 53) | rng.getrandbits(53) | 1, rng.randrange(1, 60)
    digits = mantissa * 5**scale
    return f"{digits}e-{scale}" if rng.random() < 0.5 else f"{digits // 10**scale}.{digits % 10**scale:0{scale}d}"


def number_text(rng):
    kind = rng.randrange(7)
    if kind == 0:
        return repr(abs(struct.unpack("<d", rng.randbytes(8))[0]))
    if kind == 1:
        return repr(rng.random())
    if kind == 2:
        return f"{rng.lognormvariate(0, 2):.3f}"
    if kind == 3:
        return f"{rng.getrandbits(rng.randrange(1, 70))}.{rng.getrandbits(rng.randrange(1, 70))}"
    if kind == 4:
        return f"{rng.choice(['', '+', '-'])}{rng.getrandbits(64)}e{rng.randrange(-40, 40)}"
    if kind == 5:
        return halfway(rng)
    return "0." + "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 60)))


BITS = """
local v, info = stats.read(arg[1], arg[2] and { column = arg[2] })
local out = {}
for i, x in ipairs(v:values()) do out[i] = string.format("%s", (string.pack("<d", x):gsub(".", function(c)
  return string.format("%02x", c:byte()) end))) end
print(table.concat(out, "\\n"))
io.stderr:write(json.encode(info))
"""


class StatsFiles(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="moontide-")))
        self.rng = random.Random(SEED)
        (self.directory / "bits.lua").write_text(BITS)

    def read_bits(self, path, *column):
        done = moontide(self.directory, "script", self.directory / "bits.lua", path, *column)
        return done.stdout.split(), json.loads(done.stderr)

    def test_every_text_is_the_double_that_python_reads(self):
        print(f"seed {SEED}", file=sys.stderr)
        texts = [t for t in (number_text(self.rng) for _ in range(COUNT)) if t != "nan"]
        path = self.directory / "numbers.gz"
        path.write_bytes(gzip.compress("\n".join(texts).encode()))
        got, info = self.read_bits(path)
        self.assertEqual(info["broken"], 0, info)
        for text, value in zip(texts, got, strict=True):
            self.assertEqual(value, bits(float(text)), text)

    def test_a_column_is_what_the_csv_module_reads(self):
        rows = [["time", "latency", "note"]]
        for i in range(2000):
            note = "".join(self.rng.choice('ab,"\n ;') for _ in range(self.rng.randrange(8)))
            rows.append([str(i), f"{self.rng.random():.6f}", note])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        path = self.directory / "some.csv"
        path.write_text(text.getvalue())
        want = [bits(float(row[1])) for row in list(csv.reader(io.StringIO(text.getvalue())))[1:]]
        got, info = self.read_bits(path, "latency")
        self.assertEqual(info["broken"], 0, info)
        self.assertEqual(got, want)

    def log_lines(self):
        make = ROOT / "tests" / "bench" / "make_access_log.py"
        path = self.directory / "access.log"
        subprocess.run([sys.executable, make, path, "--megabytes", "2", "--seed", "5"], check=True)
        return path, path.read_text().splitlines()

    def test_an_access_log_is_counted_as_a_plain_loop_counts_it(self):
        path, lines = self.log_lines()
        want = {}
        for line in lines[:-1]:
            plain = line.split(" ")
            key = plain[4], plain[13].split("://")[1].partition("/")[2].partition("?")[0]
            values = want.setdefault((key[0], "/" + key[1]), [])
            values.append((float(plain[6]), int(plain[8])))
        script = self.directory / "scan.lua"
        script.write_text("""
            local scan = stats.access_log { files = { arg[1] }, groups_max = 1000000 }
            while scan:step(100000) do end
            print(json.encode(scan:groups()))""")
        path.write_text("\n".join(lines[:-1]) + "\n")
        groups = json.loads(moontide(self.directory, "script", script, path).stdout)
        self.assertEqual(len(groups), len(want))
        for group in groups:
            values = want[group["target"], group["path"]]
            times = sorted(t for t, _ in values if t >= 0)
            self.assertEqual(group["count"], len(values))
            self.assertEqual(group["errors"], sum(500 <= status < 600 for _, status in values))
            self.assertEqual(group["no_answer"], len(values) - len(times))
            if times:
                self.assertEqual((group["min"], group["max"]), (times[0], times[-1]))
                self.assertTrue(times[0] * 0.99 <= group["p50"] <= times[-1] * 1.01, group)

    def test_the_report_shows_groups_and_what_was_wrong(self):
        path, _ = self.log_lines()
        with open(path, "a") as log:
            log.write("\nnonsense\n")
        whole = (self.directory / "access.log.gz").read_bytes()
        (self.directory / "cut.gz").write_bytes(whole[:len(whole) // 2])
        report = ROOT / "scripts" / "latency_report.lua"
        done = moontide(self.directory, "script", report, "--top", "3", "--collapse-ids", self.directory)
        self.assertRegex(done.stdout, r"target, path +count +5xx +p50 ms +p90 +p99 +p99.9 +max\n10\.0\.")
        self.assertRegex(done.stdout, r"and \d+ more \(--top\)\nall +\d+")
        self.assertIn("ms at percentile", done.stdout)
        self.assertIn("nonsense", done.stderr)
        self.assertRegex(done.stderr, r"Not read to its end: .*cut\.gz: the gzip ends early, after")
        self.assertNotIn("█", done.stderr)  # no bar: this is no terminal

    def test_the_report_refuses_wrong_arguments(self):
        report = ROOT / "scripts" / "latency_report.lua"
        self.assertIn("--collapse-ids", moontide(self.directory, "script", report, "--help").stdout)
        for arguments, text in (([], "--by"), (["--nonsense"], "unknown option"), (["--top", "x", "f"], "no number"),
                                (["/nonexistent/log"], "not found|No such file"), (["--value", "x"], "neither"),
                                (["--by", "x", "bits.lua"], "none of target"), (["bits.lua"], "no line of an access log")):
            done = moontide(self.directory, "script", report, *arguments, code=1)
            self.assertRegex(done.stderr, text)

    def test_a_policy_cannot_read_files(self):
        (self.directory / "moontide.lua").write_text("return {}")
        (self.directory / "policies").mkdir()
        for name in ("read", "access_log"):
            (self.directory / "policies" / "p.lua").write_text(
                f"local f = stats.{name}\nif f then error('it is there') end\n"
                "return policy { name = 'p', targets = {}, metrics = function() return {} end, "
                "evaluate = function() end }")
            done = subprocess.run([str(MOONTIDE), "check"], cwd=self.directory, env=clean_environment(), text=True,
                                  capture_output=True, timeout=60)
            self.assertNotIn("it is there", done.stdout + done.stderr)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
