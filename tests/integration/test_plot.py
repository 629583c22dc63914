"""Pictures: as text against the files in plots/, to the character; as SVG read by an XML parser.

After a change that is meant to be seen, look at what `test_plot.py --write` writes into plots/, and keep it."""

import pathlib
import re
import sys
import unittest
import xml.etree.ElementTree

import support

PLOTS = pathlib.Path(__file__).with_name("plots")
SCRIPT = PLOTS / "pictures.lua"
GOLDEN = [(name, how) for name in ("lines", "log", "bytes", "hist", "loghist", "days") for how in ("utf8", "ascii")]
GOLDEN.append(("lines", "color"))
SVG = "{http://www.w3.org/2000/svg}"


def draw(project, *arguments, **environment):
    result = project.run("script", "--world", "sim", SCRIPT, *arguments,
                         environment=support.clean_environment(**environment))
    if result.returncode or result.stderr:
        raise AssertionError(result.stderr)
    return result.stdout


class Text(support.Case):
    maxDiff = None

    def test_pictures_are_as_they_were_looked_at(self):
        project = self.project(shipped=False)
        for name, how in GOLDEN:
            with self.subTest(name=name, how=how):
                self.assertEqual(draw(project, name, how), (PLOTS / f"{name}.{how}.txt").read_text())

    def test_no_line_is_wider_than_the_picture(self):
        project = self.project(shipped=False)
        for name, how in GOLDEN:
            lines = re.sub("\x1b\\[[0-9;]*m", "", draw(project, name, how)).splitlines()
            self.assertLessEqual(max(map(len, lines)), 60, name)

    def expression(self, text, **environment):
        project = self.project(shipped=False)
        result = project.run("eval", "--world", "sim", text, environment=support.clean_environment(**environment))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_the_locale_and_the_terminal_decide_what_may_be_drawn(self):
        for environment, plain in (({"LC_ALL": "C.UTF-8"}, False), ({"LC_ALL": "C", "LANG": "C.UTF-8"}, True),
                                   ({"LC_ALL": "", "LC_CTYPE": "", "LANG": "de_DE.utf8"}, False),
                                   ({"LC_ALL": "C.UTF-8", "TERM": "dumb"}, True)):
            out = self.expression("plot({ 1, 2, 3 })", **environment)
            self.assertEqual(out.isascii(), plain, environment)

    def test_it_is_as_wide_as_columns_says_and_80_without_a_terminal(self):
        wide = "print(#plot.text({ 1, 2 }, { ascii = true }):match(' *%++%-[^\\n]*'))"
        self.assertEqual(self.expression(wide), "80\n")
        self.assertEqual(self.expression(wide, COLUMNS="123"), "123\n")
        self.assertEqual(self.expression(wide, COLUMNS="x"), "80\n")

    def test_no_colour_where_there_is_no_terminal(self):
        self.assertNotIn("\x1b", self.expression("plot({ 1, 2 }, { 2, 1 })", TERM="xterm", NO_COLOR=""))


class Svg(support.Case):
    def setUp(self):
        self.dir = self.project(shipped=False)

    def svg(self, name):
        draw(self.dir, name, "svg", "out.svg")
        return (self.dir.path / "out.svg").read_text()

    def read(self, name):
        return xml.etree.ElementTree.fromstring(self.svg(name))

    def texts(self, root):
        return [t.text for t in root.iter(SVG + "text")]

    def test_it_stands_alone_and_follows_light_and_dark(self):
        text = self.svg("lines")
        root = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(root.attrib["viewBox"], "0 0 720 300")
        self.assertIn("prefers-color-scheme:dark", text)
        self.assertNotIn("<script", text)
        self.assertEqual(re.findall(r"https?://(?!www\.w3\.org/2000/svg)|url\((?!#c\))", text), [])
        self.assertLess(len(text), 20000)

    def test_equal_input_gives_equal_bytes(self):
        self.assertEqual(self.svg("lines"), self.svg("lines"))

    def test_it_has_axes_a_legend_a_band_and_marks(self):
        root = self.read("lines")
        texts = self.texts(root)
        for wanted in ("API latency", "p99", "p50", "expected", "marked", "UTC", "06:00", "Jan 02", "1.0 s", "0 s"):
            self.assertIn(wanted, texts)
        lines = [p for p in root.iter(SVG + "path") if "c1" in p.attrib.get("class", "")]
        self.assertEqual(len(lines), 3)  # before and after the gap, and in the legend
        self.assertTrue(any(p.attrib["d"].endswith("Z") for p in root.iter(SVG + "path")), "the band")
        marks = [c.find(SVG + "title").text for c in root.iter(SVG + "circle") if len(c)]
        self.assertEqual(marks, ["2026-01-01 17:15:00 UTC: 1.15 s"])

    def test_everything_is_within_the_picture(self):
        for name in ("lines", "log", "bytes", "hist", "loghist", "days"):
            for rect in self.read(name).iter(SVG + "rect"):
                x, y = float(rect.attrib.get("x", 0)), float(rect.attrib.get("y", 0))
                self.assertGreaterEqual(min(x, y), 0, name)
                self.assertLessEqual(x + float(rect.attrib["width"]), 720, name)
                self.assertLessEqual(y + float(rect.attrib["height"]), 300, name)

    def test_bars_are_as_high_as_their_counts(self):
        bars = {}
        for rect in self.read("hist").iter(SVG + "rect"):
            if len(rect):
                bars[int(rect.find(SVG + "title").text.split(": ")[1])] = float(rect.attrib["height"])
        self.assertEqual(sum(bars), 1000)
        most = max(bars)
        for count, height in bars.items():
            self.assertAlmostEqual(height / bars[most], count / most, delta=0.01)

    def test_hostile_texts_are_only_texts(self):
        root = self.read("hostile")
        self.assertIn("</title><script>alert(\"x & 'y'\")</script>??", self.texts(root))
        self.assertIn("<b>", self.texts(root))
        self.assertEqual(list(root.iter(SVG + "script")), [])


class OfStatistics(support.Case):
    """Vectors and sketches as `stats` gives them."""

    def answer(self, text):
        result = self.project(shipped=False).run("eval", "--world", "sim", text)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_a_vector_is_drawn_as_its_values(self):
        out = self.answer("return plot.text(stats.vector { 1, 5, 2 }) == plot.text { 1, 5, 2 }")
        self.assertEqual(out, "true\n")

    def test_a_sketch_is_drawn_as_bars(self):
        out = self.answer("local s = stats.sketch {} for i = 1, 1000 do s:add(i) end "
                          "plot(s, { unit = 'ms', ascii = true, log = false })")
        self.assertIn("count 1000", out)
        bars = [int(n) for n in re.findall(r"#+ (\d+)$", out, re.M)]
        self.assertEqual(sum(bars), 1000)
        self.assertGreater(min(bars), 40)


def write():
    project = support.Project(shipped=False)
    for name, how in GOLDEN:
        (PLOTS / f"{name}.{how}.txt").write_text(draw(project, name, how))
    project.close()


if __name__ == "__main__":
    write() if "--write" in sys.argv else support.main()
