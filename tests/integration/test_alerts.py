"""Alerts from the tick to a receiver: a daemon in a simulated world whose messages are really sent, to a receiver on
loopback that keeps them; the commands about alerts and silences; and what a SIGKILL at any moment leaves."""

import http.server
import json
import os
import random
import threading
import time

import support

PROD, STAGING = "environment=prod", "environment=staging"
# What fires is what the file says, so that a test decides when.
POLICY = """
local on = require "lib.on"
return policy {
  name = "house", every = "1m", targets = { { environment = "prod" }, { environment = "staging" } },
  evaluate = function(t)
    for _, each in ipairs(on) do
      if each[1] == t.environment then
        issue { type = each[2], severity = each[3] or "medium", key = each[4], description = each[2] .. " is seen" }
      end
    end
  end,
}
"""
CONFIG = """
return {{
  alerts = {{
    receivers = {{
      hook = {{ type = "webhook", url = "http://127.0.0.1:{port}/hook", rate = 1000 }},
      page = {{ type = "webhook", url = "http://127.0.0.1:{port}/page", rate = 1000 }},
    }},
    route = {{
      receiver = "hook", group_by = {{ "environment" }}, group_wait = "{wait}", group_interval = "{interval}",
      {{ matchers = {{ "severity=high" }}, receiver = "page", continue = true }},
      {{ matchers = {{ "severity=~high|medium" }} }},
      {{ matchers = {{ "type=odd" }}, mute = {{ "always" }} }},
    }},
    mute = {{ always = {{ {{ cron = "* * * * *", duration = "5m" }} }} }},
    inhibit = {{ {{ source = {{ "type=down" }}, target = {{ "type=slow" }}, equal = {{ "environment" }} }} }},
    {more}
  }},
}}
"""


class Sink:
    """A receiver: keeps each request, and answers what `answer` says (a status, or a function of the path)."""

    def __init__(self):
        self.requests = []  # (path, idempotency key, body)
        self.lock = threading.Lock()
        self.beats = 0  # GET requests
        self.answer = 200
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with sink.lock:
                    sink.requests.append((self.path, self.headers["idempotency-key"], body))
                    status = sink.answer(self.path) if callable(sink.answer) else sink.answer
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_GET(self):
                with sink.lock:
                    sink.beats += 1
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def bodies(self, path="/hook", status=None):
        with self.lock:
            found = [body for at, _, body in self.requests if at == path]
        return [b for b in found if status is None or b["status"] == status]

    def told(self, path="/hook"):
        """(status, type, target, state) of every alert of every message, in order."""
        return [(b["status"], a["type"], a["target"], a["state"]) for b in self.bodies(path) for a in b["alerts"]]


class Base(support.Case):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.close)

    def house(self, *on, wait="10s", interval="30s", more="send_simulated = true"):
        self.dir = self.project(shipped=False, config=CONFIG.format(
            port=self.sink.port, wait=wait, interval=interval, more=more))
        self.fires(*on)
        self.dir.write("policies/house.lua", POLICY)

    def fires(self, *on):
        rows = ("{ " + ", ".join(json.dumps(each) for each in row) + " }" for row in on)
        self.dir.write("policies/lib/on.lua", "return { " + ", ".join(rows) + " }")

    def start(self, speed=120):
        self.moontide = self.daemon(self.dir, "--world", "sim", "--speed", speed)
        self.moontide.wait_for("daemon.started")

    def until(self, condition, what):
        def look():
            self.assertIsNone(self.moontide.process.poll(), self.moontide.text()[-3000:])
            return condition()
        return support.wait_until(look, what)

    def good(self, *arguments):
        result = self.dir.run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result.stdout

    def refused(self, *arguments):
        result = self.dir.run(*arguments)
        self.assertEqual(result.returncode, 1, result.stdout)
        return result.stderr + result.stdout

    def alerts(self):
        found = json.loads(self.good("alerts", "list", "--format", "json"))["alerts"]
        return {(a["type"], a["target"]): a for a in found}


class Telling(Base):
    def test_what_fires_is_told_once_in_its_group_and_resolved_once(self):
        self.house(("prod", "slow"), ("prod", "full"), ("staging", "slow"))
        self.start()
        self.until(lambda: len(self.sink.bodies(status="firing")) >= 2, "a message for each group")
        for body in self.sink.bodies():
            self.assertEqual({a["target"] for a in body["alerts"]}, {"environment=" + body["group"]["environment"]})
        prod = next(b for b in self.sink.bodies() if b["group"] == {"environment": "prod"})
        self.assertEqual({a["type"] for a in prod["alerts"]}, {"slow", "full"})
        self.assertEqual(prod["firing"], 2)
        self.assertTrue(prod["message"]["text"])
        self.fires(("prod", "full"))
        self.until(lambda: len([t for t in self.sink.told() if t[3] == "resolved"]) >= 2, "both slow ones to be over")
        self.fires()
        self.until(lambda: ("resolved", "full", PROD, "resolved") in self.sink.told(), "the last one to be over")
        ticks = self.moontide.policy("house")["ticks"]
        self.until(lambda: self.moontide.policy("house")["ticks"] > ticks + 2, "two more ticks")
        told = self.sink.told()
        for key in (("slow", PROD), ("full", PROD), ("slow", STAGING)):
            states = [t[3] for t in told if t[1:3] == key]
            self.assertEqual(states[0], "firing", told)
            self.assertEqual(states.count("resolved"), 1, told)
            self.assertEqual(states[-1], "resolved", told)
        keys = [key for _, key, _ in self.sink.requests]
        self.assertEqual(len(keys), len(set(keys)))

    def test_a_route_with_continue_tells_both_and_inhibition_holds_one_back(self):
        self.house(("prod", "down", "high"), ("prod", "slow", "medium"))
        self.start()
        self.until(lambda: self.sink.bodies("/page"), "the pager")
        self.until(lambda: self.sink.bodies("/hook"), "the hook")
        self.assertEqual({t[1] for t in self.sink.told("/page")}, {"down"})
        self.assertEqual({t[1] for t in self.sink.told("/hook")}, {"down"})
        alert = self.alerts()["slow", PROD]
        self.assertEqual((alert["state"], alert["held"], alert["by"]), ("firing", "inhibit", "inhibit[1]"))

    def test_a_reload_takes_other_receivers_and_routes_and_a_faulty_file_changes_nothing(self):
        self.house(("prod", "slow"))
        self.start()
        self.until(lambda: self.sink.bodies("/hook"), "the hook")
        other = (self.dir.path / "moontide.lua").read_text().replace("/hook", "/other").replace("hook =", "chat =").replace(
            'receiver = "hook"', 'receiver = "chat"')
        self.dir.write("moontide.lua", other.replace("url =", "ulr ="))
        said = self.refused("reload")
        for name in ("chat", "page"):
            self.assertRegex(said, rf"moontide\.lua: the receiver {name}: .*ulr.*url")
        self.fires(("prod", "slow"), ("staging", "full"))
        self.until(lambda: any(t[1] == "full" for t in self.sink.told("/hook")), "the hook still")
        self.dir.write("moontide.lua", other)
        self.good("reload")
        self.fires(("prod", "slow"), ("prod", "odd"))
        self.until(lambda: any(t[1] == "odd" for t in self.sink.told("/other")), "the new receiver")
        self.assertNotIn("odd", {t[1] for t in self.sink.told("/hook")})

    def test_a_simulated_world_sends_nothing_but_says_what_it_would(self):
        self.house(("prod", "slow"), more="")
        self.start()
        event = self.moontide.wait_for("alert.simulated")
        self.assertEqual((event["receiver"], event["status"]), ("hook", "firing"))
        self.assertIn("slow environment=prod", event["titles"])
        self.assertEqual(self.sink.requests, [])
        self.assertIn("simulated", self.good("alerts", "history"))

    def test_once_delivers_what_is_due_and_says_what_waits(self):
        self.house(("prod", "slow"), wait="0s")
        result = self.dir.run("run", "--once", "--world", "sim")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.sink.told(), [("firing", "slow", PROD, "firing")])
        self.house(("prod", "slow"), wait="10m")
        result = self.dir.run("run", "--once", "--world", "sim")
        self.assertIn("1 alert is not told of yet", result.stderr)
        self.assertEqual(len(self.sink.requests), 1)

    def test_a_heartbeat_comes_with_each_tick(self):
        self.house(more=f'send_simulated = true, heartbeat = {{ url = "http://127.0.0.1:{self.sink.port}/beat" }}')
        self.start()
        self.until(lambda: self.sink.beats >= 3, "three heartbeats")
        self.assertEqual(self.sink.requests, [])

    def test_a_plan_tells_nobody(self):
        self.house(("prod", "slow"), wait="0s")
        self.assertEqual(self.dir.run("plan", "--world", "sim").returncode, 0)
        self.assertEqual(self.sink.requests, [])

    def test_a_second_daemon_is_refused_and_told_whose_the_database_is(self):
        self.house()
        self.start()
        result = self.dir.run("run", "--world", "sim", timeout=20)
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(self.moontide.process.pid), result.stderr)


class Silences(Base):
    def test_a_silence_holds_back_until_it_is_expired(self):
        self.house()
        self.start()
        out = self.good("silence", "add", "--matcher", "policy=house", "--matcher", "environment=prod", "--for", "20h",
                        "--author", "ops", "--reason", "migration", "--format", "json")
        id = json.loads(out)["id"]
        self.assertTrue(json.loads(out)["daemon_told"])
        self.fires(("prod", "slow"), ("staging", "slow"))
        self.until(lambda: ("firing", "slow", STAGING, "firing") in self.sink.told(), "staging to be told of")
        self.until(lambda: self.alerts()["slow", PROD]["held"] == "silence", "prod to be silenced")
        self.assertEqual(self.alerts()["slow", PROD]["by"], id)
        self.assertNotIn(PROD, [t[2] for t in self.sink.told()])
        self.assertIn(id, self.good("silence", "list"))
        self.assertIn(f"by {id}", self.good("alerts", "route", "--policy", "house", "--target", PROD, "--severity",
                                            "medium"))
        self.good("silence", "expire", id)
        self.until(lambda: ("firing", "slow", PROD, "firing") in self.sink.told(), "prod to be told of")
        self.assertIn("ended already", self.refused("silence", "expire", id))
        self.until(lambda: self.good("journal", "--what", "silence").count("migration") == 2, "both journal entries")

    def test_a_file_that_somebody_else_wrote_is_seen_at_a_tick(self):
        self.house()
        self.start()
        line = {"id": "byhand", "matchers": ["environment=prod"], "from": 1, "until": 10**14, "by": "x", "reason": "y"}
        (self.dir.path / ".moontide/SILENCES").write_text(json.dumps(line) + "\n")
        self.fires(("prod", "slow"))
        self.until(lambda: self.alerts().get(("slow", PROD), {}).get("by") == "byhand", "the silence to hold")
        self.assertEqual(self.sink.requests, [])

    def test_without_a_daemon_the_next_one_sees_it(self):
        self.house(("prod", "slow"), wait="0s")
        self.assertIn("no daemon", self.good("silence", "add", "--matcher", "type=slow", "--for", "2h", "--reason", "r"))
        self.dir.run("run", "--once", "--world", "sim")
        self.assertEqual(self.sink.requests, [])

    def test_what_would_silence_everything_is_refused(self):
        self.house()
        common = ("silence", "add", "--for", "1h", "--reason", "r")
        for matcher in ("policy=~.*", "environment!=prod", "type=~.+", "target!~x"):
            self.assertIn("--everything", self.refused(*common, "--matcher", matcher))
        self.assertFalse((self.dir.path / ".moontide/SILENCES").exists())
        self.good(*common, "--everything")
        for matcher in ("severity=low", "severity!=high", "policy=a"):
            self.good(*common, "--matcher", matcher)
        self.assertIn("which alerts", self.refused(*common))
        self.assertIn("name=value", self.refused(*common, "--matcher", "nonsense"))
        self.assertIn("say why", self.refused("silence", "add", "--for", "1h", "--matcher", "policy=a"))
        self.assertIn("for how long", self.refused("silence", "add", "--reason", "r", "--matcher", "policy=a"))
        self.assertIn("no silence zzz", self.refused("silence", "expire", "zzz"))

    def test_a_line_that_cannot_be_read_is_never_overwritten(self):
        self.house()
        path = self.dir.path / ".moontide/SILENCES"
        path.parent.mkdir(exist_ok=True)
        path.write_text("not a silence\n")
        self.assertIn("SILENCES:1", self.refused("silence", "add", "--for", "1h", "--reason", "r", "--matcher", "a=b"))
        self.assertEqual(path.read_text(), "not a silence\n")


class Commands(Base):
    def test_list_says_the_states_and_the_database_says_them_without_a_daemon(self):
        self.house(("prod", "slow", "high"), ("prod", "odd", "low"))
        self.start()
        self.until(lambda: self.alerts().get(("odd", PROD), {}).get("held") == "mute", "the mute window to hold")
        self.assertEqual(self.alerts()["odd", PROD]["by"], "always")
        self.until(lambda: self.alerts()["slow", PROD]["held"] == "", "the other one to be told of")
        lines = self.good("alerts", "list").splitlines()
        self.assertEqual(lines[0].split()[:3], ["STATE", "SEVERITY", "SINCE"])
        self.assertEqual(lines[1].split()[:2], ["firing", "high"])  # the worst first
        self.assertEqual(self.moontide.stop(), 0)
        text = self.good("alerts", "list", "--world", "sim")
        self.assertIn("slow", text)
        self.assertIn("mute always", text)

    def test_route_prints_the_way_and_the_lines(self):
        self.house()
        text = self.good("alerts", "route", "--target", PROD, "--severity", "high", "--policy", "house")
        for part in ("moontide.lua:8 ", "moontide.lua:10 ", "moontide.lua:11 ", "-> page (webhook)", "-> hook (webhook)",
                     "environment=prod", "10s", "30s", "4h"):
            self.assertIn(part, text)
        text = self.good("alerts", "route", "--target", PROD, "--severity", "low", "--type", "odd")
        self.assertIn("by always until", text)
        self.assertIn("type=\"down\"", self.good("alerts", "route", "--target", PROD, "--type", "slow"))
        self.assertEqual(self.sink.requests, [])
        self.assertIn("of which alert", self.refused("alerts", "route"))
        self.assertIn("--severity", self.refused("alerts", "route", "--target", PROD, "--severity", "bad"))

    def test_test_sends_with_and_without_a_daemon(self):
        self.house()
        self.assertIn("hook: sent: 200", self.good("alerts", "test", "hook"))
        self.assertEqual(self.sink.bodies()[-1]["status"], "test")
        self.assertIn("no receiver nobody", self.refused("alerts", "test", "nobody"))
        self.start()
        self.assertIn("page: sent: 200", self.good("alerts", "test", "page"))
        self.assertEqual(self.sink.bodies("/page")[-1]["status"], "test")
        self.sink.answer = 400
        self.assertIn("not sent: 400", self.refused("alerts", "test", "page"))

    def test_dead_letters_are_listed_and_sent_again(self):
        self.house(("prod", "slow"))
        self.sink.answer = lambda path: 403 if path == "/hook" else 200
        self.start()
        self.moontide.wait_for("alert.dead")
        self.until(lambda: "403" in self.good("alerts", "dead"), "the dead letter")
        seq = json.loads(self.good("alerts", "dead", "--format", "json").splitlines()[0])["seq"]
        self.assertIn("no such dead letter", self.refused("alerts", "dead", "--resend", "999"))
        self.assertIn("SEQ", self.refused("alerts", "dead", "--resend", "x"))
        self.sink.answer = 200
        self.good("alerts", "dead", "--resend", seq)
        self.until(lambda: len(self.sink.bodies()) >= 2, "it to come again")
        self.assertEqual(self.sink.bodies()[0]["id"], self.sink.bodies()[1]["id"])
        self.until(lambda: "no dead letters" in self.good("alerts", "dead"), "no dead letter to be left")
        history = [json.loads(line) for line in self.good("alerts", "history", "--receiver", "hook", "--format",
                                                          "json").splitlines()]
        self.assertEqual(history[-1]["state"], "sent")
        self.assertIn("200", history[-1]["answer"])
        self.assertEqual(history[-1]["notification"]["status"], "firing")
        self.assertIn("nothing was sent", self.good("alerts", "history", "--receiver", "page"))

    def test_dead_letters_are_queued_again_where_no_daemon_runs(self):
        self.house(("prod", "slow"))
        self.sink.answer = 403
        self.start()
        self.moontide.wait_for("alert.dead")
        self.until(lambda: "403" in self.good("alerts", "dead"), "the dead letter")
        self.assertEqual(self.moontide.stop(), 0)
        self.sink.answer = 200
        self.assertIn("1 notification is queued", self.good("alerts", "dead", "--resend-all", "--world", "sim"))
        before = len(self.sink.bodies())
        self.start()
        self.until(lambda: len(self.sink.bodies()) > before, "it to come again")

    def test_the_commands_of_two_words_say_what_there_is(self):
        self.house()
        for words in (("alerts",), ("alerts", "lits"), ("silence", "--everything")):
            text = self.refused(*words)
            self.assertIn(f"usage: moontide {words[0]} COMMAND", text)
        self.assertIn("unknown command 'lits'", self.refused("alerts", "lits"))
        self.assertIn("alerts route", self.good("alerts", "--help"))
        self.assertIn("--matcher MATCHER...", self.good("silence", "add", "--help"))
        self.assertIn("did you mean 'alerts", self.refused("alertz"))
        many = [word for n in range(33) for word in ("--matcher", f"a{n}=b")]
        self.assertIn("too many", self.refused("silence", "add", *many, "--for", "1h", "--reason", "r"))

    def test_status_shows_the_receivers(self):
        self.house(("prod", "slow"))
        self.sink.answer = 500
        self.start()
        self.moontide.wait_for("alert.retry")
        alerts = self.moontide.status()["alerts"]
        hook = next(r for r in alerts["receivers"] if r["receiver"] == "hook")
        self.assertEqual(alerts["firing"], 1)
        self.assertEqual(hook["queued"], 1)
        self.assertIn("500", hook["answer"])
        self.assertIn("failing", self.good("status"))

    def test_a_failing_receiver_delays_neither_the_other_nor_the_tick(self):
        self.house(("prod", "slow", "high"))
        self.sink.answer = lambda path: 500 if path == "/page" else 200
        self.start()
        self.moontide.wait_for("alert.retry")
        self.until(lambda: self.sink.bodies("/hook"), "the other receiver")
        ticks = self.moontide.policy("house")["ticks"]
        self.until(lambda: self.moontide.policy("house")["ticks"] > ticks + 1, "the ticks to go on")

    def test_check_warns_of_what_can_never_take_effect(self):
        self.house()
        self.dir.write("moontide.lua", """return { alerts = {
          receivers = { a = { type = "webhook", url = "http://127.0.0.1:1/" }, b = { type = "webhook", url = "http://127.0.0.1:1/" } },
          mute = { nights = { { cron = "0 22 * * *", duration = "9h" } } },
          inhibit = { { source = { "sevice=x" }, target = { "severity=low" } } },
          route = { receiver = "a",
            { matchers = { "severity=high" } },
            { matchers = { "environment=prod", "severity=high" } },
            { matchers = { "envronment=prod" } },
          } } }""")
        result = self.dir.run("check")
        self.assertEqual(result.returncode, 0, result.stderr)
        for part in ("'b'", "'nights'", "'sevice'", "moontide.lua:7: warning", "moontide.lua:8:29: warning", "'envronment'"):
            self.assertIn(part, result.stderr)
        self.assertEqual(result.stderr.count("warning"), 5, result.stderr)
        self.dir.write("moontide.lua", 'return { alerts = { receivers = { a = { type = "webhook" } } } }')
        self.assertIn("url", self.refused("check"))
        self.dir.write("moontide.lua", 'return { alerts = { receivers = { a = { type = "carrier_pigeon" } } } }')
        self.assertIn("carrier_pigeon", self.refused("run", "--world", "sim"))


class Survival(Base):
    def test_a_sigkill_at_any_moment_loses_nothing(self):
        """Alerts come and go while the daemon is killed again and again: each that fires is told of, each that was told
        of is resolved once, and what is told twice has the same id."""
        rounds = 100 if os.environ.get("MOONTIDE_LONG") else 10
        self.house(wait="1s", interval="5s")
        chance = random.Random(6)
        for n in range(rounds):
            name = f"n{n}"
            self.fires(("prod", name))
            self.start(speed=600)
            time.sleep(chance.random() * 0.6)  # the moment of the kill is the point of it
            self.moontide.kill()
        self.start(speed=600)
        last = f"n{rounds - 1}"
        self.until(lambda: ("firing", last, PROD, "firing") in self.sink.told(), "the last one to be told of")
        self.fires()
        self.until(lambda: ("resolved", last, PROD, "resolved") in self.sink.told(), "the last one to be over")
        self.until(lambda: all(r["queued"] == 0 for r in self.moontide.status()["alerts"]["receivers"]),
                   "the queues to be empty")
        by_id = {}
        for _, key, body in self.sink.requests:
            self.assertEqual(key, body["id"])
            self.assertEqual(by_id.setdefault(key, body), body)  # twice only as the same
        rows = [json.loads(line) for line in
                self.good("alerts", "history", "--since", "10d", "--limit", "10000", "--format", "json").splitlines()]
        told = {}
        for row in reversed(rows):  # a simulated clock begins anew with each process: seq is the order
            for alert in row["notification"]["alerts"]:
                told.setdefault(alert["type"], []).append(alert["state"])
        for name, states in told.items():
            self.assertEqual(states[0], "firing", told)
            self.assertEqual(states[-1], "resolved", told)
            self.assertEqual(states.count("resolved"), 1, told)
        self.assertEqual({row["id"] for row in rows}, set(by_id))
        self.assertEqual({row["state"] for row in rows}, {"sent"})


if __name__ == "__main__":
    support.main()
