"""What the tests of consoles share: the protocol over a socket, and a daemon with a policy to look at."""

import json
import socket

import support

WATCHED = """
return policy {
  name = "watched", every = "1s", targets = { { name = "one" }, { name = "two" } },
  metrics = function(t)
    return { load = cloudwatch { namespace = "GMTool/API", name = "ResponseTime", stat = "p99", period = "1m",
      dimensions = { Environment = "prod" }, window = "10m" } }
  end,
  evaluate = function(t, m, memo)
    memo.count = (memo.count or 0) + 1
    if m.load:above(0) then
      issue { type = "loaded", severity = "low", description = "load of " .. t.name }
    elseif m.load:below(-1) then
      error("never")
    end
    if t.name == "two" then return end
    recommend { type = "load", action = "look at it", impact = "low", effort = "low" }
  end,
}
"""

DECIDER = """
return policy {
  name = "decider", every = "1s", targets = { { name = "one" } }, mode = "recommend",
  evaluate = function()
    decide.ecs_autoscaling { cluster = "gm-tool-prod", service = "api", min = 2, max = 20, target = 50,
      metric = "ECSServiceAverageCPUUtilization", scale_out_cooldown = "1m", scale_in_cooldown = "5m" }
  end,
}
"""


class Raw:
    """The protocol itself, over a socket."""

    def __init__(self, path, hello=None, **options):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(support.DEADLINE_S)
        self.socket.connect(str(path))
        self.buffer, self.id = b"", 0
        text = json.dumps({"command": "console", "width": 100, **options}) if hello is None else hello
        self.socket.sendall(text.encode() + b"\n")
        self.hello = self.message() if hello is None else None

    def message(self):
        """The next one; None at the end."""
        while b"\n" not in self.buffer:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def say(self, **members):
        self.socket.sendall(json.dumps(members).encode() + b"\n")

    def begin(self, text):
        self.id += 1
        self.say(id=self.id, run=text)

    def end(self):
        """Of the command that was begun: what it printed, and its error."""
        shown = ""
        while True:
            message = self.message()
            if message is None:
                raise AssertionError(f"the console ended; it had printed {shown!r}")
            if message.get("id") != self.id:
                continue
            shown += message.get("output", "")
            if message.get("incomplete"):
                return shown, "incomplete"
            if message.get("done"):
                return shown, message.get("error")

    def run(self, text):
        self.begin(text)
        return self.end()

    def closed(self):
        """Reads until the daemon has hung up."""
        while self.message() is not None:
            pass
        return True

    def close(self):
        self.socket.close()


class Console(support.Case):
    policies = {"watched": WATCHED}
    arguments = ("--world", "sim")

    def setUp(self):
        self.dir = self.project(shipped=False)
        for name, text in self.policies.items():
            self.dir.write(f"policies/{name}.lua", text)
        self.moontide = self.daemon(self.dir, *self.arguments)
        self.moontide.wait_for("analysis.completed")
        self.socket = self.dir.path / ".moontide" / "control.sock"

    def console(self, **options):
        console = Raw(self.socket, **options)
        self.addCleanup(console.close)
        return console

    def good(self, console, text):
        shown, error = console.run(text)
        self.assertIsNone(error)
        return shown

    def ended_well(self):
        """The daemon goes on, and ends in order."""
        self.assertIsNone(self.moontide.process.poll())
        self.assertEqual(self.moontide.stop(), 0, self.moontide.text()[-2000:])
