"""What docs/operations.md says of deploying, backup and restore, tried."""

import re
import shutil
import signal
import subprocess
import unittest

import docs_markdown
import support

PAGE = support.ROOT / "docs" / "operations.md"
BACKUP = support.ROOT / "tests" / "integration" / "backup.sh"
POLICY = """
return policy {
  name = "counter", every = "1s",
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    issue { type = "always", severity = "high", description = "count " .. memo.count }
  end,
}
"""


class BackupAndRestore(support.Case):
    @unittest.skipUnless(shutil.which("sqlite3"), "SKIPPED: the program sqlite3 is not installed (see scripts/test)")
    def test_a_backup_of_a_running_daemon_is_whole_and_a_restore_goes_on_from_there(self):
        place, copy = self.project(shipped=False), self.project(shipped=False).path
        place.write("policies/counter.lua", POLICY)
        daemon = self.daemon(place, "--world", "sim", "--speed", "20")
        state = place.path / ".moontide"
        place.run("pause", "somebody", "--reason", "migration")
        for _ in range(5):  # in the middle of its writing, again and again
            seen = len(daemon.events("analysis.completed"))
            support.wait_until(lambda: len(daemon.events("analysis.completed")) > seen + 3, "ticks")
            saved = subprocess.run([BACKUP, "save", state, copy], capture_output=True, text=True)
            self.assertEqual((saved.returncode, saved.stderr), (0, ""))
            whole = subprocess.run(["sqlite3", copy / "moontide.db", "PRAGMA integrity_check"], capture_output=True, text=True)
            self.assertEqual(whole.stdout, "ok\n")
        before = self.count(copy / "moontide.db")
        self.assertGreater(before, 3)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertGreaterEqual(self.count(state / "moontide.db"), before)

        (state / "PAUSED").unlink()
        restored = subprocess.run([BACKUP, "restore", state, copy], capture_output=True, text=True)
        self.assertEqual((restored.returncode, restored.stderr), (0, ""))
        self.assertEqual(self.count(state / "moontide.db"), before)
        document = place.once("--world", "sim", status=0)
        self.assertEqual(document["targets"][0]["issues"][0]["description"], f"count {before + 1}")
        self.assertEqual(place.run("journal", "--what", "issue").stdout.count("raised"), 1)  # and not again
        self.assertIn("migration", (state / "PAUSED").read_text())

    @staticmethod
    def count(database):
        found = subprocess.run(["sqlite3", "-readonly", database, "SELECT json FROM memo WHERE policy = 'counter'"],
                               capture_output=True, text=True)
        return int(re.search(r"\d+", found.stdout or found.stderr).group())


class Container(unittest.TestCase):
    """No image is built here: but what the page installs is held against what the program and the build ask for."""

    def setUp(self):
        text = next(b.text for b in docs_markdown.read(PAGE).blocks if b.language == "dockerfile")
        self.build, self.run_time = re.split(r"\nFROM ", text.replace("\\\n", " "))

    def test_the_build_has_the_packages_that_scripts_run_installs(self):
        setup = (support.ROOT / "scripts/dev/setup.sh").read_text()
        wanted = set(re.search(r'BUILD_PACKAGES="([^"]*)"', setup).group(1).replace("\\\n", " ").split())
        self.assertEqual(wanted - set(self.build.split()) - {"libcmocka-dev", "ca-certificates", "tzdata"}, set())

    @unittest.skipUnless(shutil.which("dpkg-query"), "SKIPPED: not Debian")
    def test_the_image_has_the_libraries_that_the_program_is_linked_with(self):
        needed = subprocess.run(["objdump", "-p", support.MOONTIDE], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"NEEDED +(\S+)", needed):
            if re.match(r"lib(asan|ubsan|c|m|lua5\.4|stdc|gcc)|ld-", library):
                continue
            owner = subprocess.run(["dpkg-query", "-S", f"*/{library}"], capture_output=True, text=True).stdout.split(":")[0]
            self.assertIn(owner, self.run_time.split(), f"docs/operations.md: {library} is of the package {owner}")


if __name__ == "__main__":
    support.main()
