"""`moontide repl` in a real terminal (tmux): what the screen shows after keys were pressed."""

import os
import re
import shutil
import tempfile

import support
import tmux

PROMPT = r"^moontide>"
ECS = 'ecs = aws.client("ecs", { region = "eu-west-1" })'


class Repl(support.Case):
    @classmethod
    def setUpClass(cls):
        tmux.need()

    def setUp(self):
        self.dir = self.project()
        self.home = tempfile.mkdtemp(prefix="moontide-home-")
        self.addCleanup(shutil.rmtree, self.home)

    def repl(self, columns=80, rows=24, **extra):
        environment = support.clean_environment(HOME=self.home, **extra)
        for name in [name for name in ("XDG_STATE_HOME", *extra) if environment.get(name) in (None, "None")]:
            environment.pop(name, None)
        t = tmux.Terminal([support.MOONTIDE, "repl", "--world", "sim"], self.dir.path, environment, columns, rows)
        self.addCleanup(t.close)
        t.expect(PROMPT + "$")
        return t

    def enters(self, t, *lines):
        """Enters lines, each when the prompt for it is there, and waits for the prompt after them."""
        for line in lines:
            t.line(line)
            t.expect(re.escape(line) + r"$[\s\S]*\n(moontide>|       >>)$")

    def fresh(self, t):
        """An empty screen with a prompt."""
        t.keys("C-l")
        support.wait_until(lambda: t.pane() == "moontide>", "an empty screen")


class Completion(Repl):
    def test_an_operation_and_its_parameter(self):
        t = self.repl()
        self.enters(t, ECS)
        self.fresh(t)
        t.type("ecs:desc")
        t.keys("Tab")
        t.expect(r"^moontide> ecs:describe_$")
        t.keys("Tab")
        shown = t.expect(r"^describe_task_sets +describe_tasks$[\s\S]*^moontide> ecs:describe_$")
        self.assertLess(max(map(len, shown.splitlines())), 81)
        self.fresh_line(t)
        t.type("ecs:describe_services { clu")
        t.keys("Tab")
        t.expect(r"^moontide> ecs:describe_services \{ cluster$")
        t.type(' = "c", inc')
        t.keys("Tab")
        t.type(' = { "')
        t.keys("Tab")
        t.expect(r'^moontide> ecs:describe_services \{ cluster = "c", include = \{ "TAGS$')

    def fresh_line(self, t):
        t.keys("C-c")
        t.expect(r"\^C\nmoontide>$")

    def test_a_constructor_that_began_on_an_earlier_line(self):
        t = self.repl()
        self.enters(t, ECS, "x = ecs:serialize('list_services', {")
        t.type("  clu")
        t.keys("Tab")
        t.expect(r"^       >>   cluster$")
        t.type(" = 'a' }).body")
        t.keys("Enter")
        t.expect(PROMPT + "$")

    def test_tabs_where_a_line_begins_indent_it(self):
        t = self.repl()
        self.enters(t, "do")
        t.keys("Tab")
        t.type("print('in' .. 'dented') end")
        t.expect(r"^       >>   print\('in' .. 'dented'\) end$")
        t.keys("Enter")
        t.expect("^indented$")


class History(Repl):
    LOOP = ["for i = 1, 2 do", "  print('number ' .. i)", "end"]

    def test_a_statement_of_several_lines_is_one_entry(self):
        t = self.repl()
        self.enters(t, *self.LOOP)
        self.enters(t, "after = 1")
        self.fresh(t)
        t.keys("Up", "Up")
        t.expect(r"^moontide> for i = 1, 2 do\n            print\('number ' \.\. i\)\n          end$")
        # Up moves within it; the first line is changed, and all of it runs again.
        t.keys("Up", "Up", "C-e")
        t.type(" -- again")
        t.keys("Enter")
        t.expect(r"do -- again\n[\s\S]*end\nnumber 1\nnumber 2\nmoontide>$")

    def test_it_outlives_the_session_with_its_lines(self):
        t = self.repl()
        self.enters(t, *self.LOOP)
        self.enters(t, " secret = 'kept out'", "shown = 1")
        t.keys("C-d")
        support.wait_until(lambda: t.dead()[0] == "1", "the end")
        t = self.repl()
        t.keys("Up")
        t.expect(r"^moontide> shown = 1$")
        t.keys("Up")
        t.expect(r"^moontide> for i = 1, 2 do\n            print\('number ' \.\. i\)\n          end$")
        with open(os.path.join(self.home, ".moontide_history")) as f:
            self.assertNotIn("secret", f.read())

    def test_up_finds_what_begins_alike_and_down_leads_back(self):
        t = self.repl()
        self.enters(t, "alpha = 1", "beta = 2", "alpha = 3", "gamma = 4")
        self.fresh(t)
        t.type("al")
        t.keys("Up")
        t.expect(r"^moontide> alpha = 3$")
        t.keys("Up")
        t.expect(r"^moontide> alpha = 1$")
        t.keys("Down")
        t.expect(r"^moontide> alpha = 3$")
        t.keys("Down")
        t.expect(r"^moontide> al$")

    def test_ctrl_r_searches(self):
        t = self.repl()
        self.enters(t, "alpha = 'x-1'", "beta = 'x-2'", *self.LOOP)
        self.fresh(t)
        t.keys("C-r")
        t.expect(r"^moontide>\nhistory:$")
        t.type("x-")
        t.expect(r"^moontide> beta = 'x-2'\nhistory: x-$")
        t.keys("C-r")
        t.expect(r"^moontide> alpha = 'x-1'\nhistory: x-$")
        t.keys("C-r")
        t.expect(r"^moontide> alpha = 'x-1'\nhistory has no: x-$")
        t.keys("BSpace", "BSpace")
        t.type("number")
        t.expect(r"^moontide> for i = 1, 2 do\n            print\('number ' \.\. i\)\n          end\nhistory: number$")
        t.keys("Enter")
        t.expect(r"          end\nnumber 1\nnumber 2\nmoontide>$")

    def test_ctrl_g_leaves_the_search_with_the_line_as_it_was(self):
        t = self.repl()
        self.enters(t, "alpha = 1")
        t.type("as it was")
        t.keys("C-r")
        t.type("alp")
        t.expect(r"^history: alp$")
        t.keys("C-g")
        t.expect_gone("history:")
        t.expect(r"^moontide> as it was$")

    def test_a_line_is_added_to_what_is_edited(self):
        t = self.repl()
        t.type("do local x = 1")
        t.keys("M-Enter")
        t.type("print('x is ' .. x) end")
        t.expect(r"^moontide> do local x = 1\n          print\('x is ' .. x\) end$")
        t.keys("Enter")
        t.expect(r"^x is 1\nmoontide>$")

    def test_a_dropped_statement_can_be_taken_up_again(self):
        t = self.repl()
        self.enters(t, "for i = 1, 2 do")
        t.type("print(i")
        t.keys("C-c")
        t.expect(r"\^C\nmoontide>$")
        t.keys("Up")
        t.expect(r"^moontide> for i = 1, 2 do$")


class Window(Repl):
    def test_a_line_stands_after_a_resize(self):
        t = self.repl(columns=60)
        word = "x = '" + "0123456789" * 9 + "'"
        t.type(word)
        t.expect(r"9'$")
        t.resize(100, 24)
        t.expect(rf"^moontide> {word[:90]}\n{re.escape(word[90:])}$")
        t.resize(50, 24)
        t.expect(rf"^moontide> {word[:40]}\n{word[40:90]}\n{re.escape(word[90:])}$")
        t.keys("Enter")
        t.expect(PROMPT + "$")
        self.enters(t, "#x")
        t.expect("^90$")


if __name__ == "__main__":
    support.main()
