"""The HTML of messages, read by Python's html.parser: complete, well nested, nothing that is loaded or runs, and
every plot with its labels in the table around it."""

import html.parser
import json
import pathlib
import subprocess
import tempfile
import unittest

import support

DATA = support.ROOT / "tests" / "unit" / "data" / "messages"
VOID = {"meta", "br", "path"}
ALLOWED = {"html", "head", "meta", "title", "body", "div", "table", "tr", "td", "h1", "h2", "span", "b", "br", "ul", "li",
           "a", "svg", "path"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \u202e\u05e9\u05dc\u05d5\u05dd \U0001f680 & \x07"


class Reader(html.parser.HTMLParser):
    """What is in a document, and what of it does not nest."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.tags, self.texts, self.links, self.attributes = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))


class MessagesTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def render(self, notification, language="en"):
        path, out = pathlib.Path(self.dir.name) / "n.json", pathlib.Path(self.dir.name) / "out.html"
        path.write_text(json.dumps(notification))
        subprocess.run([support.MOONTIDE, "script", pathlib.Path(__file__).with_name("messages.lua"),
                        support.ROOT / "src" / "prelude", path, language, out],
                       check=True, timeout=support.DEADLINE_S, env=support.clean_environment())
        reader = Reader()
        reader.feed(out.read_text(encoding="utf-8"))
        reader.close()
        return reader

    def known(self, name):
        return json.loads((DATA / f"{name}.json").read_text())

    def assert_sound(self, reader):
        self.assertEqual(reader.open, [])
        self.assertEqual(reader.faults, [])
        self.assertEqual(set(reader.tags) - ALLOWED, set())
        for tag, name, value in reader.attributes:
            self.assertNotRegex(name, r"^on|^src$|^background$", f"{tag} {name}={value}")
            if name == "style":
                self.assertNotRegex(value, r"url\(|@import|expression", value)
        for link in reader.links:
            self.assertRegex(link, r"^https?://")

    def test_documents_are_complete_and_load_nothing(self):
        for name in ("firing", "resolved", "repeat", "test", "many"):
            for language in ("en", "ko"):
                with self.subTest(name=name, language=language):
                    reader = self.render(self.known(name), language)
                    self.assert_sound(reader)
                    self.assertIn(("html", "lang", language), reader.attributes)

    def test_a_plot_keeps_its_labels_outside_of_the_svg(self):
        reader = self.render(self.known("firing"))
        self.assertEqual(reader.tags.count("svg"), 1)
        self.assertFalse([text for tag, text in reader.texts if tag in ("svg", "path")])
        texts = [text for tag, text in reader.texts if tag == "td"]
        for label in ("1,500 ms", "0 ms", "22:55", "23:55", "UTC"):
            self.assertIn(label, texts)

    def test_what_somebody_wrote_is_text_with_its_own_direction(self):
        notification = self.known("firing")
        alert = notification["alerts"][0]
        for field in ("type", "target", "policy", "key", "description", "recommendation", "doc"):
            alert[field] = HOSTILE
        alert["series"][0]["name"] = alert["series"][0]["unit"] = HOSTILE
        alert["recommendations"] = [{"action": HOSTILE, "impact": HOSTILE, "effort": HOSTILE}]
        alert["decisions"] = [{"kind": HOSTILE, "resource": HOSTILE, "outcome": HOSTILE, "reason": HOSTILE,
                               "changes": [{"field": HOSTILE, "from": HOSTILE, "to": HOSTILE}]}]
        notification["group"] = {"environment": HOSTILE}
        reader = self.render(notification)
        self.assert_sound(reader)
        text = "".join(text for _, text in reader.texts)
        self.assertIn("<script>alert(1)</script>", text)
        self.assertNotIn("\u202e", text)
        self.assertNotIn("\x07", text)
        self.assertIn(("h1", "dir", "auto"), reader.attributes)


if __name__ == "__main__":
    unittest.main()
