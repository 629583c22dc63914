"""All that README.md and docs/ show holds: examples run, commands and options exist, links lead somewhere.

A fault names file and line. What is to be done about most of them is done by

  tests/integration/test_docs.py --update    writes what console blocks print now into the pages, where it differs: look at the
                                             difference, and cut with a line of three dots what tells nothing
  tests/integration/test_docs.py --fence     makes fences of indented blocks, with guessed languages"""

import re
import shutil
import subprocess
import sys
import unittest

import docs_commands
import docs_examples
import docs_markdown
import docs_session
import support


def told(faults):
    return "\n" + "\n".join(faults)


class Pages(support.Case):
    @classmethod
    def setUpClass(cls):
        cls.pages = docs_markdown.pages()
        cls.examples = docs_examples.Examples()
        cls.addClassCleanup(cls.examples.close)

    def test_every_block_names_its_language(self):
        faults = [fault for page in self.pages for fault in page.faults]
        self.assertFalse(faults, told(faults))

    def test_every_example_runs(self):
        faults, count = [], 0
        for page in self.pages:
            for block in page.blocks:
                try:
                    count += 1
                    self.examples.run(block)
                except docs_examples.Wrong as wrong:
                    faults.append(f"{page.name}:{block.line + wrong.line}: {wrong}")
        self.assertFalse(faults, told(faults))
        self.assertGreater(count, 30)

    def test_every_console_session_prints_what_the_page_shows(self):
        faults = [fault for page in self.pages for fault in session_faults(page)]
        self.assertFalse(faults, told(faults))

    def test_commands_in_the_text_exist(self):
        faults = []
        for page in self.pages:
            for line, span in page.spans:
                if not span.startswith(("moontide ", "scripts/", "tests/")) or "*" in span:
                    continue
                fault = docs_commands.fault_of(span.split(", ")[0], self.examples.commands)
                if fault:
                    faults.append(f"{page.name}:{line}: {fault}")
        self.assertFalse(faults, told(faults))

    def test_links_lead_somewhere(self):
        anchors, faults = {page.path: page.anchors for page in self.pages}, []
        for page in self.pages:
            for line, link in page.links:
                if link.startswith(("http://", "https://", "mailto:")):
                    continue
                name, _, anchor = link.partition("#")
                path = (page.path.parent / name).resolve() if name else page.path
                if not path.exists():
                    faults.append(f"{page.name}:{line}: {link} is not there")
                elif anchor and anchor not in anchors.get(path, ()):
                    faults.append(f"{page.name}:{line}: {link}: no such heading there")
        self.assertFalse(faults, told(faults))

    def test_every_file_is_in_the_tour(self):
        result = subprocess.run([support.ROOT / "scripts/dev/make-tour", "--check"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_directory_is_in_the_design(self):
        text = (support.ROOT / "docs" / "design.md").read_text()
        table = text[text.index("## The directories"):text.index("## Trust")]
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=support.ROOT,
                                capture_output=True, text=True, check=True).stdout.split("\n")
        top = {name.split("/")[0] for name in listed if "/" in name and not name.startswith(".")}
        tests = {"/".join(name.split("/")[:2]) for name in listed if name.startswith("tests/") and name.count("/") > 1}
        for directory in top - {"tests", "include", "src"} | tests:
            self.assertIn(f"`{directory}", table, f"docs/design.md: nothing tells of {directory}")
        for named in re.findall(r"`((?:src|tests|policies|cookbook|scripts|packaging|cmake|docs)(?:/[\w/-]+)?)`", table):
            self.assertTrue((support.ROOT / named).exists(), f"docs/design.md: there is no {named}")

    @unittest.skipUnless(shutil.which("tmux"), "SKIPPED: tmux cannot be had")
    def test_the_picture_shows_what_a_session_shows(self):
        result = subprocess.run([support.ROOT / "scripts/dev/make-picture", "--check", support.MOONTIDE], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_few_examples_are_skipped(self):
        skipped = [f"{block.where}: {block.mark}" for page in self.pages for block in page.blocks if block.mark.startswith("skip")]
        self.assertLessEqual(len(skipped), 5, told(skipped))


BROKEN = """# Broken

```lua
return policy {
  name = "x",
  evry = "1m",
  evaluate = function() end,
}
```

```lua
print(1 + 1) --> 3
```

<!-- example: config -->
```lua
mode = "yolo"
```

```sh
moontide plan --wrld sim
```

```json
{ "a": }
```

    indented

```
nothing said
```
"""

SESSION = """
```console
$ moontide eval --world sim '1 + 1'
3
```
"""


class TheHarnessItself(support.Case):
    """What no longer holds is told, with file and line."""

    def page(self, text):
        path = self.project(shipped=False).path / "page.md"
        path.write_text(text)
        return docs_markdown.read(path)

    def test_broken_examples_are_told_with_file_and_line(self):
        page, examples, faults = self.page(BROKEN), docs_examples.Examples(), []
        for block in page.blocks:
            try:
                examples.run(block)
            except docs_examples.Wrong as wrong:
                faults.append(f"{page.name}:{block.line + wrong.line}: {wrong}")
        for start, hint in (("page.md:6:", "did you mean 'every'"), ("page.md:12:", "not '3'"), ("page.md:17:", "yolo"),
                            ("page.md:21:", "has no --wrld"), ("page.md:25:", "Expecting value")):
            self.assertTrue(any(f.startswith(start) and hint in f for f in faults), (start, hint, told(faults)))
        self.assertEqual([f.split(" ", 2)[:2] for f in page.faults], [["page.md:28:", "an"], ["page.md:30:", "a"]])

    def test_a_session_that_prints_something_else_is_told(self):
        faults = session_faults(self.page(SESSION))
        self.assertEqual(len(faults), 1)
        self.assertTrue(faults[0].startswith("page.md:3: "), faults)

    def test_commands_and_options_that_do_not_exist(self):
        commands = docs_commands.table()
        for good in ("moontide run --once --world sim", "moontide alerts list", "moontide why RESOURCE\\|TARGET", "moontide alerts"):
            self.assertIsNone(docs_commands.fault_of(good, commands), good)
        for bad in ("moontide rum", "moontide run --twice", "moontide alerts lits", "scripts/dev/nothing --all"):
            self.assertIsNotNone(docs_commands.fault_of(bad, commands), bad)


def session_faults(page, update=False):
    """Runs the page's console blocks; a fault of one ends the page's session."""
    session, faults = None, []
    try:
        for block in page.blocks:
            if session is None or "fresh" in block.mark.split():
                if session:
                    session.close()
                session = docs_session.Session(fresh="fresh" in block.mark.split())
            if docs_examples.file_of(block):
                session.write(docs_examples.file_of(block), block.text)
            if block.language != "console" or block.mark.startswith("skip"):
                continue
            docs_session.run_block(session, block)
    except docs_examples.Wrong as wrong:
        if update and getattr(wrong, "command", None):
            page.path.write_text(docs_session.replaced(block, wrong.command, wrong.got))
            return ["updated"]
        faults.append(f"{page.name}:{block.line + wrong.line}: {wrong}")
    finally:
        if session:
            session.close()
    return faults


def fence():
    for page in docs_markdown.pages():
        if page.faults:
            page.path.write_text(docs_markdown.fenced(page.path.read_text()))
            print(f"fenced {page.path}: look at the languages")


def update():
    for path in [page.path for page in docs_markdown.pages()]:
        before, faults = path.read_text(), ["updated"]
        for _ in range(100):  # one command a time
            if faults == ["updated"]:
                faults = session_faults(docs_markdown.read(path), update=True)
        if path.read_text() != before:
            print(f"updated {path}")
        for fault in faults:
            print(fault, file=sys.stderr)


if __name__ == "__main__":
    if "--fence" in sys.argv:
        fence()
    elif "--update" in sys.argv:
        update()
    else:
        support.main()
