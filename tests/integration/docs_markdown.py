"""Reads the Markdown of README.md and docs/: fenced blocks with the mark that stands before them, inline code and
links, each with its line.

A mark is an HTML comment on the line before a block: <!-- example: WORDS -->. Which words there are is said in
docs_examples.py. A page whose examples another test runs says so: <!-- examples: tests/integration/test_check.py -->.
Every block is fenced and names its language; an indented one is a fault, because nobody would run it."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^(\s*)(`{3,})\s*([\w-]*)\s*$")
MARK = re.compile(r"^\s*<!--\s*example:\s*(.*?)\s*-->\s*$")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"^<!--\s*examples:\s*(\S+)\s*-->$", re.M)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$")


@dataclasses.dataclass
class Block:
    page: "Page"
    line: int  # of its first line of content
    language: str
    text: str
    mark: str = ""

    @property
    def where(self):
        return f"{self.page.name}:{self.line}"


@dataclasses.dataclass
class Page:
    path: pathlib.Path
    blocks: list
    spans: list  # (line, text)
    links: list  # (line, where to)
    anchors: set
    faults: list  # texts "file:line: ..."

    @property
    def name(self):
        return str(self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path.name)


def anchor(heading):
    """As GitHub makes it of a heading."""
    plain = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def read(path):
    page = Page(path, [], [], [], set(), [])
    lines = path.read_text().split("\n")
    mark, opened, after_blank, listed = "", None, True, False
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if opened:
            if fence and not fence.group(3) and len(fence.group(2)) >= len(opened[1]):
                page.blocks.append(Block(page, opened[0] + 1, opened[2],
                                         "".join(f"{l[opened[3]:]}\n" for l in lines[opened[0]:number - 1]), opened[4]))
                opened = None
            continue
        if fence:
            opened = (number, fence.group(2), fence.group(3), len(fence.group(1)), mark)
            mark = ""
            if not fence.group(3):
                page.faults.append(f"{page.name}:{number}: a block without a language: ```lua, ```console, ```sh, ```json, ```text ...")
            after_blank = False
            continue
        if MARK.match(line):
            mark = MARK.match(line).group(1)
            continue
        if mark and line.strip():
            page.faults.append(f"{page.name}:{number}: an example's mark has no block behind it")
            mark = ""
        if line.startswith("    ") and line.strip() and after_blank and not listed:
            page.faults.append(f"{page.name}:{number}: an indented block: fence it, and name its language")
        if not line.strip():
            after_blank = True
            continue
        listed = bool(re.match(r"\s*([-*]|\d+\.)\s", line)) or (listed and line.startswith(" "))
        after_blank = False
        heading = HEADING.match(line)
        if heading:
            page.anchors.add(anchor(heading.group(1)))
        page.spans += [(number, m.group(1)) for m in SPAN.finditer(line)]
        page.links += [(number, next(filter(None, m.groups()))) for m in LINK.finditer(SPAN.sub("``", line))]
    if opened:
        page.faults.append(f"{page.name}:{opened[0]}: a block that never ends")
    elsewhere = ELSEWHERE.search("\n".join(lines))
    if elsewhere:
        test = ROOT / elsewhere.group(1)
        told = test.exists() and path.name in test.read_text()
        page.blocks, page.faults = [], [] if told else [f"{page.name}:1: {elsewhere.group(1)} knows nothing of this page"]
    return page


def guess(lines):
    first = next(line for line in lines if line.strip())
    for pattern, language in ((r"\$ ", "console"), (r"[{\[]", "json"), (r"(moontide|cmake|scripts/|systemctl) ?", "sh"),
                              (r"return\b|local\b|--|[\w.:]+ ?[=({\"]", "lua")):
        if re.match(pattern, first):
            return language
    return "text"


def fenced(text):
    """With indented blocks and fences without a language made what the tests want; the languages are guesses."""
    lines, out, at, inside = text.split("\n"), [], 0, False
    while at < len(lines):
        line = lines[at]
        fence = FENCE.match(line)
        if fence and not inside and not fence.group(3):
            line += guess(lines[at + 1:])
        inside ^= fence is not None
        blank = not out or not out[-1].strip()
        if inside or fence or not blank or not line.startswith("    ") or not line.strip():
            out.append(line)
            at += 1
            continue
        end = at
        while end < len(lines) and (lines[end].startswith("    ") or (not lines[end] and lines[end + 1:end + 2] and
                                                                      lines[end + 1].startswith("    "))):
            end += 1
        block = [text[4:] for text in lines[at:end]]
        out += ["```" + guess(block), *block, "```"]
        at = end
    return "\n".join(out)


def pages():
    return [read(path) for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]]
