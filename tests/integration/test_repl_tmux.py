"""`moontide repl` in a real terminal (tmux): what the screen shows after keys were pressed."""

import contextlib
import os
import re
import shutil
import socket
import tempfile
import threading

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

    def test_more_candidates_than_the_screen_has_room_for(self):
        t = self.repl()
        self.enters(t, "rds = aws.client('rds')")
        self.fresh(t)
        t.type("rds:")
        t.keys("Tab")
        shown = t.expect(r"^\.\.\. and \d+ more\nmoontide> rds:$")
        self.assertRegex(shown, r"^moontide> rds:\nadd_role_to_db_cluster\n")

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


class Help(Repl):
    def test_a_function_by_value_by_name_and_in_short(self):
        t = self.repl()
        for line in ("help(stats.mean)", "help('stats.mean')", "?stats.mean"):
            self.fresh(t)
            t.line(line)
            t.expect(r"^stats\.mean\(values: stats\.numbers.*\): number\?\n  \S.*\n[\s\S]*moontide>$")

    def test_an_operation_with_its_parameters(self):
        t = self.repl(rows=60)
        self.enters(t, ECS)
        self.fresh(t)
        t.line("?ecs:describe_services")
        t.expect(r"^ecs:describe_services \{ \.\.\. \}\n  cluster +string\n  services +list of string, required$")

    def test_the_overview_and_a_name_that_is_not_known(self):
        t = self.repl(rows=70)
        t.line("?")
        shown = t.expect(r"^  Ctrl-D .*\nmoontide>$")
        self.assertRegex(shown, r"(?m)^  aws +Signed clients of any AWS service\.$")
        self.fresh(t)
        t.line("?stats.percentil")
        t.expect(r"^there is no help for 'stats\.percentil' \(did you mean 'stats\.percentile'\?\)$")
        self.fresh(t)
        self.enters(t, "function twice(x)", "  return 2 * x", "end")
        t.line("?twice")
        t.expect(r"^function\(x\)\n  defined at stdin:1$")


class Pages(Repl):
    LONG = "long = {} for i = 1, 50 do long[i] = { line = i } end"

    def test_what_is_higher_than_the_screen_goes_through_less(self):
        t = self.repl()
        self.enters(t, self.LONG)
        self.fresh(t)
        t.line("long")
        shown = t.expect(r"^:$")
        self.assertIn("line = 1 }", shown)
        self.assertNotIn("line = 50 }", shown)
        t.keys("C-c")  # does no harm, in the pager and after it
        t.keys("G")
        t.expect(r"line = 50 \}")
        t.keys("q")
        t.expect(r"^moontide>$")
        self.enters(t, "1 + 1")
        t.expect(r"^2$")

    def test_an_error_comes_after_what_was_paged(self):
        t = self.repl()
        t.line("help() print('printed after') error('at the end')")
        t.expect(r"^:$")
        t.keys("G")
        t.expect(r"^printed after$")
        t.keys("q")
        t.expect(r"^stdin:1: at the end$[\s\S]*^moontide>$")

    def test_what_fits_does_not_and_a_window_of_another_size_counts(self):
        t = self.repl()
        self.enters(t, self.LONG)
        t.resize(80, 120)
        t.line("long")
        t.expect(r"line = 50 \}[\s\S]*moontide>$")
        self.fresh(t)
        t.resize(80, 24)
        t.keys("Enter")
        support.wait_until(lambda: self.asks_less(t), "the pager")

    def asks_less(self, t):
        """tmux tells the program of its new size a while later."""
        t.line("long")
        return t.expect(r"^:$|line = 50 \}[\s\S]*moontide>$").endswith("\n:")

    def test_pager_false_and_an_empty_pager_switch_it_off(self):
        t = self.repl()
        self.enters(t, self.LONG, "pager(false)")
        t.line("long")
        t.expect(r"line = 50 \}[\s\S]*moontide>$")
        self.enters(t, "pager(true)")
        t.line("long")
        t.expect(r"^:$")
        t = self.repl(PAGER="")
        self.enters(t, self.LONG)
        t.line("long")
        t.expect(r"line = 50 \}[\s\S]*moontide>$")

    def test_another_pager_and_one_that_is_not_there(self):
        t = self.repl(PAGER="sed 's/^/paged: /'")
        self.enters(t, self.LONG)
        t.line("long")
        t.expect(r"^paged: .*line = 50 \}[\s\S]*moontide>$")
        t = self.repl(PAGER="/nonexistent/pager")
        self.enters(t, self.LONG)
        t.line("long")
        t.expect(r"line = 50 \}[\s\S]*moontide>$")


class Waits(Repl):
    @contextlib.contextmanager
    def quiet_server(self):
        """Accepts and reads, but answers only when the event is set: an endpoint that takes its time."""
        listener = socket.create_server(("127.0.0.1", 0))
        answer, held = threading.Event(), []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    held.append(listener.accept()[0])
                    threading.Thread(target=reply, args=(held[-1],), daemon=True).start()

        def reply(connection):
            with contextlib.suppress(OSError):
                connection.recv(65536)
                answer.wait(support.DEADLINE_S)
                body = b'{"clusterArns":["arn:aws:ecs:eu-west-1:1:cluster/c"]}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1"
                                   b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                connection.close()
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1], answer
        finally:
            answer.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for connection in held:
                connection.close()

    def client(self, t, port):
        t.line(f"ecs = aws.client('ecs', {{ region = 'eu-west-1', endpoint = 'http://127.0.0.1:{port}',")
        t.line("  credentials = { access_key_id = 'a', secret_access_key = 'b' } })")
        t.expect(PROMPT + "$")
        self.fresh(t)

    def test_a_call_shows_what_is_waited_for_and_it_goes_cleanly(self):
        with self.quiet_server() as (port, answer):
            t = self.repl()
            self.client(t, port)
            t.line("ecs:list_clusters {}")
            t.expect(r"^\S ecs:list_clusters, 0\.\d s$")
            t.expect(r"^\S ecs:list_clusters, [1-9]\d*\.\d s$")
            answer.set()
            shown = t.expect(PROMPT + "$")
            self.assertEqual(shown, 'moontide> ecs:list_clusters {}\n'
                                    '{ clusterArns = { "arn:aws:ecs:eu-west-1:1:cluster/c" } }\nmoontide>')

    def test_what_is_printed_stands_where_it_would_without_it(self):
        t = self.repl()
        self.fresh(t)
        t.line("io.write('part ') async.sleep(0.8) io.write('of a line\\n') async.sleep(0.8) print('over')")
        t.expect(r"^part \S async\.sleep, 0\.\d s$")
        t.expect(r"^part of a line\n\S async\.sleep, call 2, \d\.\d s$")
        shown = t.expect(PROMPT + "$")
        self.assertTrue(shown.endswith("\npart of a line\nover\nmoontide>"), shown)

    def test_ctrl_c_takes_it_away(self):
        with self.quiet_server() as (port, _):
            t = self.repl()
            self.client(t, port)
            t.line("ecs:list_clusters {}")
            t.expect(r"^\S ecs:list_clusters, ")
            t.keys("C-c")
            shown = t.expect(r"interrupted!\nmoontide>$")
            self.assertNotRegex(shown, r"(?m)^\S ecs:list_clusters, ")


class Measures(Repl):
    def test_time_and_profile(self):
        t = self.repl(columns=100)
        self.enters(t, "time(string.rep, 'x', 3)")
        t.expect(r"^took \S+ \wm?s, CPU \S+ \wm?s\n\"xxx\"$")
        self.fresh(t)
        self.enters(t, "function work(n)", "  local s = 0", "  for i = 1, n do s = s + i end", "  return s", "end")
        self.fresh(t)
        t.line("profile(work, 20000)")
        shown = t.expect(r"^200010000\nmoontide>$")
        self.assertRegex(shown, r"(?m)^ *\d+\.\d % +\d+\.\d+ ms +20000  stdin:3 +for i = 1, n do s = s \+ i end$")

    def test_an_echoed_vector_is_drawn(self):
        t = self.repl()
        self.fresh(t)
        t.line("stats.vector({ 1, 5, 2, 8 })")
        t.expect(r"^vector of 4 values: 1, 5, 2, 8\n[\s\S]*┤[\s\S]*└[\s\S]*moontide>$")


    def test_an_answer_of_cloudwatch_is_drawn_over_its_times(self):
        t = self.repl(rows=60)
        t.line("cpu = cloudwatch { namespace = 'AWS/ECS', name = 'CPUUtilization', window = '3h',")
        t.line("  dimensions = { ClusterName = 'gm-tool-prod', ServiceName = 'api' } }")
        t.line("cloudwatch.fetch({ cpu = cpu }).cpu")
        t.expect(r"^  values = \{$[\s\S]*^\}$[\s\S]*┤[\s\S]*^UTC +\d\d:\d\d .*\nmoontide>$")


class Colours(Repl):
    def test_values_errors_and_the_prompt_have_colours(self):
        t = self.repl(NO_COLOR="None")
        t.line("{ n = 1, s = 'text' }")
        shown = t.expect(r"text.*\n.*moontide>.*$", escapes=True)
        self.assertIn('\x1b[32m"text"', shown)
        self.assertIn("\x1b[36m1", shown)
        self.assertIn("\x1b[1mmoontide>", shown)
        t.line("error('red')")
        t.expect("\x1b\\[31mstdin:1: red", escapes=True)

    def test_no_color_has_none(self):
        for extra in ({"NO_COLOR": "1"}, {"NO_COLOR": "1", "TERM": "xterm-256color"}):
            t = self.repl(**extra)
            t.line("{ n = 1, s = 'text' } error('no red')")
            t.line("{ n = 1, s = 'text' }")
            t.line("?stats.mean")
            shown = t.expect(r"^stats\.mean\([\s\S]*moontide>", escapes=True)
            self.assertNotIn("\x1b", shown)


class Window(Repl):
    def resized(self, t, columns):
        """tmux tells the program of its new size a while later: asks until it knows."""
        t.resize(columns, 24)

        def known():
            self.fresh(t)
            t.line("plot.terminal().width")
            return re.search(rf"^{columns}$", t.expect(r"^\d+\nmoontide>$"), re.MULTILINE)
        support.wait_until(known, f"{columns} columns")

    def test_values_are_laid_out_for_the_window_as_it_is(self):
        t = self.repl()
        self.enters(t, "x = {} for i = 1, 5 do x['a key of a table ' .. i] = i end")
        self.resized(t, 200)
        t.line("x")
        t.expect(r"^\{ \[\"a key of a table 1\"\] = 1, .*5 \}$")
        self.resized(t, 40)
        t.line("x")
        t.expect(r"^\{\n  \[\"a key of a table 1\"\] = 1,\n")

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
