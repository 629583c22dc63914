"""SIGKILL at random moments of a daemon that counts in memo many times a second. After each one the database must be
whole, and the next start must go on from the count that was on disk: never a lower one, never a lost one.

MOONTIDE_KILLS: how many (200). MOONTIDE_SEED: of the moments."""

import json
import os
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import support  # noqa: E402

KILLS = int(os.environ.get("MOONTIDE_KILLS", 200))
SEED = int(os.environ.get("MOONTIDE_SEED", time.time_ns() % 1000000))
SPEED = 6000  # a minute in 10 ms

COUNTER = """
return policy {
  name = "counter", every = "1m", targets = { { name = "one" } },
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    memo.twice = memo.count * 2
    log.info("test.counted", { count = memo.count, twice = memo.twice })
    issue { type = "t" .. memo.count % 3, severity = "low", when = memo.count % 2 == 0, description = "d" }
    decide.ecs_desired_count { cluster = "gm-tool-prod", service = "api", count = memo.count % 9 + 1 }
  end,
}
"""


def on_disk(state):
    """The count as the next start will find it, read from a copy so that the recovery is left to the daemon."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("moontide.db", "moontide.db-wal"):
            if (state / name).exists():
                shutil.copy(state / name, copy)
        database = sqlite3.connect(os.path.join(copy, "moontide.db"))
        try:
            whole = database.execute("PRAGMA integrity_check").fetchall()
            if whole != [("ok",)]:
                raise AssertionError(f"integrity_check: {whole}")
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'memo'").fetchone():
                return 0
            row = database.execute("SELECT json FROM memo WHERE policy = 'counter'").fetchone()
            memo = json.loads(row[0]) if row else {"count": 0, "twice": 0}
            if memo["twice"] != 2 * memo["count"]:
                raise AssertionError(f"half a memo: {memo}")
            return memo["count"]
        finally:
            database.close()


class Kills(support.Case):
    def test_memo_and_database_survive_kills_at_random_moments(self):
        moments = random.Random(SEED)
        project = self.project(shipped=False)
        project.write("policies/counter.lua", COUNTER)
        state = project.path / ".moontide"
        stored, starts, early, begin = 0, 0, 0, time.monotonic()
        for kill in range(KILLS):
            daemon = self.daemon(project, "--world", "sim", "--speed", SPEED)
            if moments.random() < 0.25:  # while it starts: the round after it proves the clean start
                time.sleep(moments.uniform(0, 0.05))
                early += 1
            else:
                first = daemon.wait_for("test.counted")
                starts += 1
                self.assertEqual(first["count"], stored + 1, f"kill {kill}, seed {SEED}")
                time.sleep(moments.uniform(0, 0.4))
            self.assertIsNone(daemon.process.poll(), f"it ended by itself: {daemon.text()[-2000:]}")
            daemon.kill()
            self.assertFalse([e for e in daemon.events() if e.get("level") == "error"], daemon.text()[-2000:])
            after = on_disk(state) if (state / "moontide.db").exists() else 0
            self.assertGreaterEqual(after, stored, f"memo went back at kill {kill}, seed {SEED}")
            counts = [e["count"] for e in daemon.events("test.counted")]
            # what a later tick built on was on disk or at most one batch away from it
            self.assertGreaterEqual(after + 1, counts[-1] if counts else 0, f"kill {kill}, seed {SEED}")
            stored = after
            daemon.log_path.unlink()
        last = self.daemon(project, "--world", "sim", "--speed", SPEED)
        self.assertEqual(last.wait_for("test.counted")["count"], stored + 1)
        self.assertEqual(last.stop(), 0)
        self.assertGreater(on_disk(state), stored)
        print(f"{KILLS} kills in {time.monotonic() - begin:.0f} s (seed {SEED}): {starts} after a clean start and "
              f"{early} while it started; the count went on to {stored}", file=sys.stderr)


if __name__ == "__main__":
    support.main()
