"""Whatever a console does, it harms nothing: runaways, garbage, those that hang up or do not read."""

import select
import time

import support
from console_peer import Console, Raw


class Harmless(Console):
    """Whatever a console does, ticks are neither late nor lost."""

    RUNAWAYS = {
        "while true do end": "instructions|ran longer",
        "while true do pcall(function() while true do end end) end": "instructions|ran longer",
        "local function f() return pcall(f) end while true do f() end": None,
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end": "memory|ran longer",
        "local s = 'x' while true do s = s .. s end": "memory|ran longer",
        "('x'):rep(1e12)": None,
        "('a'):rep(200):match(('.-'):rep(8) .. 'b')": None,
        "local t = {} for i = 1, 1e5 do t[i] = i % 1000 end table.sort(t, function(a, b) local x = 0 for i = 1, 100 do x = x + i end return a < b end)": "kept the loop|instructions|ran longer",
        "(('x'):rep(1e6):gsub('.', function() local x = 0 for i = 1, 1000 do x = x + i end end))": "kept the loop|instructions|ran longer",
        "coroutine.wrap(function() while true do end end)()": "instructions|ran longer",
        "return setmetatable({}, { __tostring = function() while true do end end })": None,
        "x = {} for i = 1, 100 do x = { x, x } end return x": False,
        "for i = 1, 1e9 do print(i) end": None,
        "while true do targets('watched') end": None,
        "while true do policies = nil local p = policies end": None,
        "json.decode(('['):rep(1e6))": None,
        "print(('\\1'):rep(2e6))": "at most 1 MiB",
    }

    def ticks(self):
        return [e for e in self.moontide.events("analysis.completed") if e["policy"] == "watched"]

    def assert_no_tick_lost(self):
        """A runaway that held the loop would lose a tick or two each, eight of them a dozen; one in a whole test may be
        lost to a machine whose disk or processors stand still for a second."""
        skipped = self.moontide.events("tick.skipped")
        self.assertLessEqual(sum(e["skipped"] for e in skipped), 1, skipped)
        self.assertFalse(self.moontide.events("analysis.failed"))
        self.assertEqual(self.moontide.policy("watched")["failed"], 0)

    def late_ms(self):
        """How much later than its second the latest tick of the log came."""
        times = [int(e["at"][17:19]) * 1000 + int((e["at"] + ".000Z")[20:23] if "." in e["at"] else 0) for e in self.ticks()]
        gaps = [(b - a) % 60000 for a, b in zip(times, times[1:])]
        return max(gaps[1:], default=0) - 1000

    def drain(self, consoles):
        """Reads what they are sent until their commands have ended; their errors."""
        errors = {}
        while len(errors) < len(consoles):
            ready = select.select([c.socket for c in consoles if c not in errors], [], [], support.DEADLINE_S)[0]
            if not ready:
                raise AssertionError("a command did not end")
            for c in [c for c in consoles if c.socket in ready]:
                message = c.message()
                while message is not None:
                    if message.get("done"):
                        errors[c] = message.get("error")
                    message = c.message() if b"\n" in c.buffer else None
        return errors

    def run_beside(self, c, other, text):
        """The command's error. While it runs, another console is answered: the loop is not held."""
        begun, answers = time.monotonic(), 0
        c.begin(text)
        while not select.select([c.socket], [], [], 0)[0]:
            self.good(other, "1")
            answers += 1
        if time.monotonic() - begun > 1:  # without a word of its own
            self.assertGreater(answers, 3, "the loop was held")
        return c.end()[1]

    def test_runaway_commands_are_cut_off(self):
        c, other = self.console(), self.console()
        for text, expected in self.RUNAWAYS.items():
            with self.subTest(text):
                error = self.run_beside(c, other, text)
                if expected is not False:
                    self.assertIsNotNone(error, text)
                if expected:
                    self.assertRegex(error, expected)
                self.good(c, "x = nil")
        self.assert_no_tick_lost()
        self.ended_well()

    def test_eight_runaways_at_once_make_no_tick_late(self):
        consoles = [self.console() for _ in range(8)]
        texts = list(self.RUNAWAYS)
        first = len(self.ticks())
        begun = time.monotonic()
        rounds = 0
        while time.monotonic() - begun < 6 or rounds < 2:
            for i, c in enumerate(consoles):
                c.begin(texts[(rounds * 8 + i) % len(texts)])
            self.drain(consoles)
            rounds += 1
        support.wait_until(lambda: len(self.ticks()) > first + 4, "five ticks")
        self.assert_no_tick_lost()
        elapsed = time.monotonic() - begun
        self.assertGreaterEqual(len(self.ticks()) - first, int(elapsed) - 3)
        self.assertLess(self.late_ms(), 1500)  # one may be lost; a loop that eight hold in turn is late by many seconds
        self.ended_well()

    def test_one_that_hangs_up_in_mid_command(self):
        for text in ("while true do end", "for i = 1, 1e9 do print(i) end", "trace('watched')", "targets('watched')"):
            for _ in range(3):
                c = Raw(self.socket)
                c.begin(text)
                c.close()
        support.wait_until(lambda: len(self.moontide.events("console.closed")) == 12, "them to be gone")
        self.ended_well()

    def test_garbage_giant_lines_and_half_lines(self):
        for bad in (b"garbage\n", b"{}\n", b'{"id":1}\n', b'{"id":1,"run":7}\n', b'{"id":1,"run":"1"} x\n', b"\0\xff\n",
                    b'{"run":"1"}\n', b'{"id":1,"run":"1","interrupt":true}\n', b"\n", b'{"id":1,"complete":"x","cursor":9}\n',
                    b"[" * 100000 + b"\n"):
            with self.subTest(bad[:40]):
                c = self.console()
                c.socket.sendall(bad)
                self.assertEqual(c.message()["event"], "error")
                self.assertTrue(c.closed())
        giant = self.console()
        try:
            for _ in range(64):
                giant.socket.sendall(b"x" * 65536)
        except OSError:
            pass  # it was cut off in mid-way
        self.assertTrue(giant.closed())
        half = self.console()
        half.socket.sendall(b'{"id":1,"run":"1 + ')
        self.assertEqual(self.good(self.console(), "2"), "2\n")
        half.socket.sendall(b'1"}\n')
        self.assertEqual(half.message(), {"id": 1, "output": "2\n"})
        for hello in ('{"command":"console","write":"yes"}', '{"command":"console","width":0}', '{"command":"console"'):
            refused = Raw(self.socket, hello=hello)
            self.assertIn("error", refused.message())
            refused.close()
        self.ended_well()

    def test_commands_of_one_line_and_of_many_at_once(self):
        c = Raw(self.socket, hello='{"command":"console"}\n{"id":2,"run":"while true do end"}\n{"id":1,"interrupt":true}\n'
                                   '{"id":3,"run":"3"}\n{"id":2,"interrupt":true}')
        self.addCleanup(c.close)
        done = {}
        while len(done) < 2:
            message = c.message()
            if message.get("done"):
                done[message["id"]] = message.get("error")
        self.assertIn("still running", done[3])
        self.assertIn("interrupted", done[2])  # and not by the interrupt of another one

    def test_one_that_never_reads_is_cut_off_and_one_that_is_slow_is_waited_for(self):
        deaf = self.console()
        deaf.begin("for i = 1, 1e9 do print(('x'):rep(1000)) end")
        slow = self.console()
        slow.begin("for i = 1, 2000 do print(i, ('x'):rep(1000)) end")
        shown, error = slow.end()
        self.assertIsNone(error)
        self.assertEqual(len(shown.splitlines()), 2000)
        event = self.moontide.wait_for("console.closed", lambda e: "does not read" in e["reason"])
        self.assertIsNotNone(event)
        self.assert_no_tick_lost()
        self.ended_well()


if __name__ == "__main__":
    support.main()
