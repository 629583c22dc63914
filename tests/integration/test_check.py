"""`moontide check` as a compiler: what it prints of each file in tests/integration/check is compared, byte by byte, with
the .txt beside it (MOONTIDE_GOLDEN=write writes them anew: read the difference before it is committed)."""

import json
import os
import pathlib
import unittest

import support

GOLDEN = pathlib.Path(__file__).resolve().parent / "check"


class Golden(support.Case):
    def test_each_file_is_told_as_it_was(self):
        names = sorted(GOLDEN.glob("*.lua"))
        self.assertTrue(names)
        for source in names:
            with self.subTest(source.name):
                project = self.project(shipped=False, config="return {}\n")
                project.write(f"policies/{source.name}", source.read_text())
                result = project.run("check")
                told = result.stderr + result.stdout + f"exit {result.returncode}\n"
                golden = source.with_suffix(".txt")
                if os.environ.get("MOONTIDE_GOLDEN") == "write":
                    golden.write_text(told)
                self.assertEqual(told, golden.read_text())


if __name__ == "__main__":
    support.main()
