"""What is on disk goes wrong: a clear error, ticks that go on where they can, and nothing lost once it is mended."""

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess

import support

# Every evaluation raises an issue of its own number, which the journal keeps, and remembers the number.
COUNTER = """
return policy {
  name = "counter", every = "1s", targets = { { name = "one" } },
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    memo.ballast = string.rep("x", 4096)
    issue { type = "counted", key = tostring(memo.count), severity = "low", description = "count" }
  end,
}
"""
WORLD = ("--world", "sim", "--speed", "20")


class Store(support.Case):
    def setUp(self):
        self.dir = self.project(shipped=False)
        self.dir.write("policies/counter.lua", COUNTER)
        self.state = self.dir.path / ".moontide"
        self.database = self.state / "moontide.db"

    def start(self, **named):
        daemon = self.daemon(self.dir, *WORLD, **named)
        daemon.wait_for("analysis.completed")
        support.wait_until(lambda: self.rows("SELECT count(*) FROM memo") == [(1,)], "the first memo on disk")
        return daemon

    def rows(self, query):
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
                return connection.execute(query).fetchall()
        return None

    def ticks(self, daemon):
        return daemon.policy("counter")["ticks"]

    def goes_on(self, daemon, ticks=3):
        before = self.ticks(daemon)
        support.wait_until(lambda: self.ticks(daemon) >= before + ticks, "more ticks")

    def assert_nothing_lost(self):
        """Every number that was counted was raised in the journal, and the last one is remembered."""
        count = self.rows("SELECT json_extract(json, '$.count') FROM memo")[0][0]
        raised = self.rows("SELECT json_extract(json, '$.key') FROM journal WHERE what = 'issue' "
                           "AND json_extract(json, '$.state') = 'raised'")
        self.assertEqual(sorted(int(key) for key, in raised), list(range(1, count + 1)))
        return count

    def mend_and_stop(self, daemon):
        daemon.wait_for("store.recovered")
        self.goes_on(daemon)
        self.assertEqual(daemon.stop(), 0)
        return self.assert_nothing_lost()

    def assert_refuses_to_start(self, *words):
        for arguments in (("run", *WORLD), ("run", "--once", "--format", "json", *WORLD)):
            result = self.dir.run(*arguments)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertEqual(result.stdout, "")
            for word in words:
                self.assertIn(word, result.stderr)

    def mount(self, size):
        """An own file system on the state directory; skips, loudly, where that is not allowed."""
        self.state.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.state)], capture_output=True)
        if made.returncode:
            self.skipTest("SKIPPED: no file system can be mounted here (root?)")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.state)], check=True)


class Space(Store):
    def fill(self, path):
        with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
            for block in (65536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(block))

    def test_a_full_disk(self):
        self.mount("4m")  # room enough afterwards, however much a slow machine had to keep meanwhile
        daemon = self.start()
        self.fill(self.state / "filler")
        failed = daemon.wait_for("store.failed")
        self.assertIn("no space left", failed["error"])
        self.assertIn("moontide.db", failed["error"])
        self.goes_on(daemon, 10)
        (self.state / "filler").unlink()
        count = self.mend_and_stop(daemon)
        daemon = self.daemon(self.dir, *WORLD)
        daemon.wait_for("analysis.completed")
        self.assertEqual(daemon.stop(), 0)
        self.assertGreater(self.assert_nothing_lost(), count, daemon.text()[-2000:])

    def test_a_full_disk_at_the_start(self):
        self.mount("64k")
        self.fill(self.state / "filler")
        self.assert_refuses_to_start("moontide.db", "space")

    def test_a_limit_on_the_size_of_files(self):
        daemon = self.start()
        size = (self.state / "moontide.db-wal").stat().st_size
        log = daemon.log_path.stat().st_size
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (max(size, log) + 65536, resource.RLIM_INFINITY))
        failed = daemon.wait_for("store.failed")
        self.assertIn("no space left", failed["error"])
        self.goes_on(daemon)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.mend_and_stop(daemon)

    def test_what_could_not_be_written_is_written_at_the_end(self):
        self.mount("4m")
        daemon = self.start()
        self.fill(self.state / "filler")
        daemon.wait_for("store.failed")
        self.goes_on(daemon)
        (self.state / "filler").unlink()
        self.assertEqual(daemon.stop(), 0)
        self.assert_nothing_lost()


class Locks(Store):
    def test_a_second_one_is_told_who_is_there(self):
        daemon = self.start()
        self.assert_refuses_to_start("in use by process", str(daemon.process.pid))
        self.goes_on(daemon)
        self.assertEqual(daemon.stop(), 0)
        self.assert_nothing_lost()

    def test_another_program_holds_a_lock(self):
        daemon = self.start()
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as other:
            support.wait_until(lambda: self.begins(other), "the lock")
            failed = daemon.wait_for("store.failed")
            self.assertIn("another program holds a lock", failed["error"])
            self.goes_on(daemon, 1)
            other.execute("ROLLBACK")
        self.mend_and_stop(daemon)

    def begins(self, connection):
        try:
            connection.execute("BEGIN IMMEDIATE")
            return True
        except sqlite3.OperationalError:
            return False


class Damage(Store):
    def make(self):
        """A database with something in it, closed in order."""
        self.assertEqual(self.start().stop(), 0)
        self.assert_nothing_lost()

    def test_a_file_that_is_no_database(self):
        self.make()
        content = os.urandom(20000)
        self.database.write_bytes(content)
        self.assert_refuses_to_start(str(self.database.relative_to(self.dir.path)), "Move it away", "memo")
        self.assertEqual(self.database.read_bytes(), content)  # it is left to the operator

    def test_half_of_a_database(self):
        self.make()
        content = self.database.read_bytes()
        self.database.write_bytes(content[:len(content) // 2])
        self.assert_refuses_to_start("moontide.db", "Move it away")

    def test_damaged_pages_after_a_crash(self):
        daemon = self.start()
        support.wait_until(lambda: self.ticks(daemon) > 20, "some ticks")
        self.assertEqual(daemon.stop(), 0)
        lock = self.state / "moontide.db.lock"
        lock.write_text("999999999\n")  # as one that was killed leaves it
        with open(self.database, "r+b") as file:
            file.seek(8192)
            file.write(os.urandom(self.database.stat().st_size - 8192))
        self.assert_refuses_to_start("moontide.db", "Move it away")

    def test_one_that_was_moved_away_begins_anew(self):
        self.make()
        self.database.write_bytes(b"nonsense" * 1000)
        self.assert_refuses_to_start("moontide.db")
        self.database.rename(self.state / "broken.db")
        self.make()

    def test_an_older_schema_is_brought_up_to_date_and_that_is_said(self):
        self.make()
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.executescript("""
                DROP VIEW journal;
                DROP TABLE journal_entry; DROP TABLE journal_subject; DROP TABLE journal_policy; DROP TABLE journal_batch;
                CREATE TABLE journal (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, world TEXT NOT NULL, id TEXT,
                  what TEXT NOT NULL, policy TEXT, target TEXT, resource TEXT, policy_sha256 TEXT, json TEXT NOT NULL) STRICT;
                INSERT INTO journal VALUES (7, 1764300000000, 'sim', NULL, 'pause', NULL, NULL, NULL, NULL, '{"by":"ops"}');
                PRAGMA user_version = 4;""")
        daemon = self.start()
        migrating, migrated = daemon.wait_for("store.migrating"), daemon.wait_for("store.migrated")
        self.assertEqual(migrating["from"], 4)
        self.assertGreaterEqual(migrated["ms"], 0)
        self.assertEqual(daemon.stop(), 0)
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            self.assertEqual(connection.execute("SELECT at_ms, what, json FROM journal WHERE seq = 7").fetchall(),
                             [(1764300000000, "pause", '{"by":"ops"}')])
            self.assertEqual(connection.execute("PRAGMA user_version").fetchone()[0], migrating["to"])

    def test_a_newer_schema_is_left_alone(self):
        self.make()
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA user_version = 99")
        content = self.database.read_bytes()
        self.assert_refuses_to_start("newer moontide", "99")
        self.assertEqual(self.database.read_bytes(), content)

    def test_a_database_that_goes_bad_under_the_daemon(self):
        daemon = self.start()
        for path in (self.database, self.state / "moontide.db-wal"):
            with open(path, "r+b") as file:
                file.write(os.urandom(max(path.stat().st_size, 8192)))
        self.goes_on(daemon, 10)
        self.assertEqual(daemon.stop(), 0)

    def test_a_table_that_is_gone(self):
        daemon = self.start()
        with contextlib.closing(sqlite3.connect(self.database, timeout=support.DEADLINE_S)) as other:
            other.execute("ALTER TABLE journal_entry RENAME TO elsewhere")
            failed = daemon.wait_for("store.failed")
            self.assertIn("Move it away", failed["error"])
            self.goes_on(daemon)
            other.execute("ALTER TABLE elsewhere RENAME TO journal_entry")
        self.mend_and_stop(daemon)


class Directories(Store):
    def test_a_read_only_state_directory(self):
        if os.geteuid() == 0:
            self.mount("4m")
            self.assertEqual(self.start().stop(), 0)
            subprocess.run(["mount", "-o", "remount,ro", str(self.state)], check=True)
            self.assert_refuses_to_start("moontide.db", "Read-only file system")
        else:
            self.state.mkdir()
            self.state.chmod(0o500)
            self.addCleanup(self.state.chmod, 0o700)
            self.assert_refuses_to_start("moontide.db", "Permission denied")

    def test_a_state_directory_that_cannot_be(self):
        self.state.write_text("a file")
        self.assert_refuses_to_start(".moontide")

    def test_a_daemon_that_was_killed_starts_again_and_lost_nothing_that_was_told(self):
        for _ in range(5):
            daemon = self.start()
            told = self.rows("SELECT json_extract(json, '$.count') FROM memo")[0][0]
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
            self.assertGreaterEqual(self.assert_nothing_lost(), told)


if __name__ == "__main__":
    support.main()
