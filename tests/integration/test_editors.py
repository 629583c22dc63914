"""Saves by the programs that people edit with, into the directory of a running daemon: vim as it comes, vim that renames,
nano in a terminal, and what most other editors do, a new file that is renamed over the old one. Each save is live, once;
none makes the policy vanish or a half-written file load."""

import os
import shutil
import subprocess
import unittest

import support
import tmux

POLICY = """-- version one
return policy {
  name = "edited", every = "1m", targets = { { name = "one" } },
  evaluate = function(t, m) end,
}
"""


class Editors(support.Case):
    def setUp(self):
        self.dir = self.project(shipped=False)
        self.file = self.dir.path / "policies" / "edited.lua"
        self.dir.write("policies/edited.lua", POLICY)
        self.moontide = self.daemon(self.dir, "--world", "sim")
        self.moontide.wait_for("policy.loaded", lambda event: event["policy"] == "edited")
        self.loaded = [self.sha256()]

    def sha256(self):
        return self.moontide.policy("edited")["sha256"]

    def saved(self, word):
        """The version that has the word is live, and nothing else came of the save."""
        support.wait_until(lambda: word in self.file.read_text(), f"{word} in the file")
        self.moontide.wait_for("policy.loaded", lambda event: event["policy"] == "edited", after=len(self.loaded))
        support.wait_until(lambda: self.sha256() != self.loaded[-1], f"the version with {word}")
        self.loaded.append(self.sha256())
        loads = [event for event in self.moontide.events("policy.loaded") if event["policy"] == "edited"]
        self.assertEqual(len(loads), len(self.loaded))
        for bad in ("policy.removed", "policy.rejected"):
            self.assertEqual(self.moontide.events(bad), [])

    def vim(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        subprocess.run(["vim", "-es", "-N", "-u", "NONE", *words, "-c", "wq", str(self.file)], check=True, timeout=60,
                       stdin=subprocess.DEVNULL)

    @unittest.skipUnless(shutil.which("vim"), "SKIPPED: there is no vim")
    def test_vim_in_each_of_its_ways_to_save(self):
        for i, how in enumerate(("backupcopy=auto", "backupcopy=yes", "backupcopy=no", "backup", "nowritebackup")):
            self.vim(f"set {how}", f"1s/version.*/version vim{i}/")
            self.saved(f"version vim{i}")

    @unittest.skipUnless(shutil.which("nano"), "SKIPPED: there is no nano")
    def test_nano_in_a_terminal(self):
        tmux.need()
        for options in ([], ["--backup"]):
            terminal = tmux.Terminal(["nano", "--ignorercfiles", *options, self.file], self.dir.path,
                                     support.clean_environment(HOME=str(self.dir.path)), 80, 24)
            self.addCleanup(terminal.close)
            terminal.expect("version")
            terminal.type(f"-- saved by nano {len(options)}")
            terminal.keys("Enter", "C-o", "Enter")
            terminal.expect("Wrote")
            self.saved(f"saved by nano {len(options)}")
            terminal.keys("C-x")

    def test_a_new_file_renamed_over_the_old_one(self):
        for i in range(5):
            new = self.file.with_name(".edited.lua.tmp")
            new.write_text(POLICY.replace("version one", f"version renamed{i}"))
            os.replace(new, self.file)
            self.saved(f"version renamed{i}")

    def test_the_old_file_moved_away_first(self):
        for i in range(5):
            new = self.file.with_name("edited.lua.new")
            new.write_text(POLICY.replace("version one", f"version moved{i}"))
            os.replace(self.file, self.file.with_name("edited.lua~"))
            os.replace(new, self.file)
            self.saved(f"version moved{i}")


if __name__ == "__main__":
    support.main()
