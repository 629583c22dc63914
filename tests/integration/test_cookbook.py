"""The cookbook: every policy is loaded without a warning, listed in docs/cookbook.md, and tested by its own test file."""

import re
import shutil

import support

COOKBOOK = support.ROOT / "cookbook"
PAGE = support.ROOT / "docs" / "cookbook.md"


class Cookbook(support.Case):
    def kitchen(self):
        project = self.project(shipped=False, config='return { environments = { "prod", "staging" }, region = "us-east-1" }')
        project.policies.rmdir()
        shutil.copytree(COOKBOOK, project.policies)
        return project

    def test_all_of_them_load_without_a_warning(self):
        result = self.kitchen().run("check")
        count = len(list(COOKBOOK.glob("*.lua")))
        self.assertEqual((result.returncode, result.stderr, result.stdout), (0, "", f"ok: {count} policies\n"))
        self.assertGreaterEqual(count, 20)

    def test_each_has_its_own_tests_which_run_nearly_all_of_it(self):
        project = self.kitchen()
        result = project.run("test", "--coverage", "--threshold", "85")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        for path in COOKBOOK.glob("*.lua"):
            self.assertTrue((COOKBOOK / "tests" / f"{path.stem}_test.lua").exists(), f"{path.name} has no tests")

    def test_each_is_named_after_its_file_and_opens_with_when_to_use_it(self):
        for path in COOKBOOK.glob("*.lua"):
            text = path.read_text()
            self.assertIn(f'name = "{path.stem}"', text, path.name)
            opening = re.match(r"(?:--.*\n)+", text)
            self.assertTrue(opening and "Use it " in opening.group(), f"{path.name}:1: when is it to be used?")
            self.assertLess(max(map(len, text.splitlines())), 131, path.name)

    def test_the_page_has_each_and_no_other(self):
        linked = set(re.findall(r"\(\.\./cookbook/(\w+)\.lua\)", PAGE.read_text()))
        self.assertEqual(linked, {path.stem for path in COOKBOOK.glob("*.lua")})


if __name__ == "__main__":
    support.main()
