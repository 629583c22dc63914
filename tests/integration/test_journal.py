"""`journal`, `why`, `pause` and `resume` as a person types them: on a database that the store has written, beside a
running daemon, and with neither."""

import concurrent.futures
import fcntl
import hashlib
import json
import os
import pwd
import socket
import sqlite3
import subprocess
import threading
import time

import support

TOOL = support.BUILD / "tests" / "journal_tool"
API = "service/gm-tool-prod/api"
PROD = "environment=prod"
POLICY = 'return policy { name = "ecs_scaling", targets = { { name = "x" } }, evaluate = function() end }\n'
SHA = hashlib.sha256(POLICY.encode()).hexdigest()


class Base(support.Case):
    def setUp(self):
        self.dir = self.project(shipped=False, config='return { mode = "act" }')
        self.dir.write("policies/ecs_scaling.lua", POLICY)
        self.state = self.dir.path / ".moontide"
        self.now = int(time.time() * 1000)

    def entry(self, what, minutes_ago, detail, **columns):
        """One entry of the API service; columns that are None are left out."""
        at = self.now - minutes_ago * 60000
        entry = {"at": at, "what": what, "policy": "ecs_scaling", "target": PROD, "resource": API, "sha256": SHA,
                 "detail": {"at": at, **detail}, **columns}
        return {key: value for key, value in entry.items() if value is not None}

    def decision(self, minutes_ago, id, outcome, reason="", **more):
        return self.entry("decision", minutes_ago, {
            "kind": "ecs_desired_count", "wanted": {"count": 9}, "current": {"count": 5}, "mode": "act",
            "changes": [{"field": "count", "from": 5, "to": 9}], "outcome": outcome, "reason": reason, **more}, id=id)

    def write(self, *entries):
        self.state.mkdir(exist_ok=True)
        subprocess.run([str(TOOL), str(self.state / "moontide.db")], check=True, text=True,
                       input="".join(json.dumps(entry) + "\n" for entry in entries))

    def good(self, *arguments):
        result = self.dir.run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def refused(self, *arguments):
        result = self.dir.run(*arguments)
        self.assertEqual(result.returncode, 1, result.stdout)
        return result.stderr

    def write_a_day(self):
        """An issue that led to a change, which then was held back, and a drift."""
        self.write(
            self.decision(600, "old", "refused", "AT_MAX", text="20 is the most"),
            self.entry("issue", 50, {"state": "raised", "type": "api_latency", "key": "", "severity": "high",
                                     "description": "API p99 is 1200 ms", "recommendation": "more tasks"},
                       id="i1", resource=None),
            self.decision(49, "d1", "proposed", text="5 -> 9 wanted, 9 allowed", clipped=["RATE"],
                          notes=["no downtime"], issues=["i1"],
                          datapoints={"p99": {"at": self.now // 1000 - 3000, "value": 1234.5}}),
            self.entry("intent", 49, {"kind": "ecs_desired_count", "wanted": {"count": 9}}, id="d1"),
            self.entry("outcome", 48, {"kind": "ecs_desired_count", "outcome": "applied", "text": "count is 9",
                                       "calls": [{"operation": "ecs:UpdateService", "request_id": "8f6f-77"}]}, id="d1"),
            self.entry("verification", 40, {"result": "failed", "check": "recovered", "on_failure": "revert",
                                            "text": "p99 is still 1190 ms"}, id="d1"),
            self.decision(30, "d2", "refused", "COOLDOWN", text="9 -> 12 wanted 40 s after the last change"),
            self.entry("drift", 20, {"kind": "ecs_desired_count", "until": self.now + 2400000,
                                     "fields": [{"field": "count", "written": 9, "found": 4}]}),
            self.entry("pause", 10, {"scope": "ecs_scaling", "direction": "in", "by": "ops", "reason": "migration"},
                       policy=None, target=None, resource=None, sha256=None))


class Journal(Base):
    def test_before_the_first_run_there_is_none(self):
        for command in (("journal",), ("why", API)):
            text = self.refused(*command)
            self.assertIn("there is no journal yet", text)
            self.assertIn(".moontide/moontide.db", text)
        self.assertFalse(self.state.exists())

    def test_lines_for_people_newest_last(self):
        self.write_a_day()
        lines = self.good("journal").splitlines()
        self.assertEqual(len(lines), 9)
        self.assertRegex(lines[2], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  decision      proposed  ecs_scaling  "
                                   r"environment=prod  service/gm-tool-prod/api  count 5 -> 9  5 -> 9 wanted")
        self.assertIn("refused COOLDOWN", lines[6])
        self.assertIn("changed by somebody else: count 9 -> 4", lines[7])
        self.assertIn("migration", lines[8])

    def test_each_filter(self):
        self.write_a_day()
        self.write(self.decision(5, "s1", "proposed") | {"world": "sim", "policy": "other", "target": "environment=dev",
                                                         "resource": "service/x/y"})
        for arguments, count in ((("--policy", "other"), 1), (("--target", PROD), 8), (("--resource", "service/x/y"), 1),
                                 (("--id", "d1"), 4), (("--what", "decision"), 4), (("--what", "drift"), 1),
                                 (("--what", "decision", "--resource", API), 3), (("--world", "sim"), 1),
                                 (("--since", "35m"), 4), (("--limit", "2"), 2), (("--policy", "nobody"), 0)):
            lines = self.good("journal", "--format", "json", *arguments).splitlines()
            self.assertEqual(len(lines), count, (arguments, lines))
        newest = json.loads(self.good("journal", "--format", "json", "--limit", "1"))
        self.assertEqual((newest["world"], newest["id"], newest["detail"]["kind"]), ("sim", "s1", "ecs_desired_count"))
        self.assertIn("  sim  ", self.good("journal", "--world", "sim"))

    def test_wrong_arguments_are_refused_with_a_sentence(self):
        for arguments in (("--since", "yesterday"), ("--limit", "0"), ("--limit", "x"), ("--format", "xml"), ("--sinse", "1h")):
            self.assertIn(arguments[1] if arguments[0] != "--sinse" else "--since", self.refused("journal", *arguments))

    def test_what_a_foreign_hand_wrote_does_no_harm(self):
        self.write(self.entry("decision", 1, {"kind": 7, "changes": "x", "datapoints": [1], "issues": [3, None], "notes": {},
                                              "outcome": [], "reason": {}, "clipped": 1}, id="x"),
                   self.entry("decision", 1, {"text": "\x1b[31mred\nline"}, id=None),
                   self.entry("outcome", 1, {"calls": [1, {"operation": 3}]}, id="x"),
                   self.entry("nonsense", 1, {}), self.entry("drift", 1, {"fields": 3, "until": -1e300}))
        self.assertNotIn("\x1b", self.good("journal"))
        self.assertEqual(len(self.good("journal").splitlines()), 5)
        self.assertNotIn("\x1b", self.good("why", API))
        json.loads(self.good("why", API, "--format", "json"))


class Why(Base):
    def test_the_chain_of_a_change_and_why_the_next_was_not_made(self):
        self.write_a_day()
        text = self.good("why", API)
        for words in (API + ", a resource, since", "decided    count 5 -> 9", "clipped    RATE (it was changed as fast",
                      "note       no downtime", "data       p99 = 1234.5 at 20", "issue      api_latency (high), raised 20",
                      "API p99 is 1200 ms", f"policy     ecs_scaling, sha256 {SHA[:12]}, ./policies/ecs_scaling.lua as it is now",
                      "intent     written 20", "call       ecs:UpdateService, request id 8f6f-77", "outcome    applied 20",
                      "verified   failed 20", "check recovered, then revert: p99 is still 1190 ms", "id         d1",
                      "refused    COOLDOWN (the last change was less than its cooldown ago): 9 -> 12 wanted 40 s",
                      "Why not:", "what to do: wait; `cooldown_in`", "Drift:", "count was written as 9 and found as 4",
                      "held until 20", "CloudTrail"):
            self.assertIn(words, text)
        self.assertLess(text.index("id         d2"), text.index("id         d1"))  # newest first
        self.assertLess(text.index("id         d1"), text.index("id         old"))
        self.assertLess(text.index("id         old"), text.index("Why not:"))

    def test_a_policy_that_was_changed_since_is_said_to_be(self):
        self.write_a_day()
        self.dir.write("policies/ecs_scaling.lua", POLICY + "-- changed\n")
        self.assertIn("a version that is not on disk now", self.good("why", API))

    def test_a_target_has_its_resources_and_issues(self):
        self.write_a_day()
        text = self.good("why", PROD)
        self.assertIn(PROD + ", a target, since", text)
        self.assertIn(f"ecs_desired_count on {API} for {PROD}", text)
        self.assertIn("Issues:", text)
        self.assertIn("raised", text)

    def test_a_name_that_is_both_is_shown_as_both(self):
        self.write_a_day()
        self.write(self.decision(1, "b1", "refused", "AT_MIN") | {"resource": PROD, "target": "environment=dev"})
        text = self.good("why", PROD)
        self.assertIn(PROD + ", a resource", text)
        self.assertIn(PROD + ", a target", text)
        self.assertEqual([part["as"] for part in json.loads(self.good("why", PROD, "--format", "json"))], ["resource", "target"])

    def test_as_json(self):
        self.write_a_day()
        part, = json.loads(self.good("why", API, "--format", "json"))
        self.assertEqual([chain["id"] for chain in part["chains"]], ["d2", "d1", "old"])
        chain = part["chains"][1]
        self.assertEqual([entry["what"] for entry in chain["entries"]], ["decision", "intent", "outcome", "verification"])
        self.assertEqual(chain["policy_file"], "./policies/ecs_scaling.lua")
        self.assertEqual([refusal["reason"] for refusal in part["not"]], ["COOLDOWN"])
        self.assertEqual([entry["id"] for entry in part["issues"]], ["i1"])
        self.assertEqual(len(part["drift"]), 1)

    def test_since_bounds_it_and_says_where_the_last_is(self):
        self.write(self.decision(60 * 24 * 10, "old", "refused", "AT_MAX"))
        text = self.refused("why", API)
        self.assertIn("in that time; the last is of 20", text)
        self.assertIn("AT_MAX", self.good("why", API, "--since", "30d"))

    def test_an_unknown_name_gets_the_nearest(self):
        self.write_a_day()
        self.assertIn(f"did you mean '{API}'?", self.refused("why", "service/gm-tool-prd/api"))
        self.assertIn(f"did you mean '{PROD}'?", self.refused("why", "environment=prd"))
        self.assertNotIn("mean", self.refused("why", "zzz"))
        self.assertIn("usage", self.refused("why"))

    def test_a_pause_that_holds_it_now_is_said(self):
        self.write_a_day()
        self.good("pause", "ecs_scaling", "--direction", "in", "--reason", "migration", "--by", "ops")
        self.good("pause", "somebody_else", "--reason", "theirs")
        text = self.good("why", API)
        self.assertIn("Now: ecs_scaling, scaling in, is paused since 20", text)
        self.assertNotIn("theirs", text)


class Pause(Base):
    def file(self):
        return [json.loads(line) for line in (self.state / "PAUSED").read_text().splitlines()]

    def test_pause_and_resume_without_a_daemon(self):
        text = self.good("pause", "--reason", "migration", "--by", "ops")
        self.assertRegex(text, r"paused now:\n  everything: paused since \d{4}-.*Z by ops: migration\n")
        self.assertIn("no daemon runs here", text)
        self.assertEqual([(p["scope"], p["direction"], p["by"], p["reason"]) for p in self.file()],
                         [("", "", "ops", "migration")])
        self.good("pause", PROD, "--direction", "in", "--reason", "x")
        self.assertIn("environment=prod, scaling in: paused", self.good("resume"))
        self.assertIn("nothing is paused", self.good("resume", PROD))
        self.assertFalse((self.state / "PAUSED").exists())
        self.assertIn("nothing is paused", self.good("resume"))  # again is no error

    def test_the_reason_is_required_and_words_are_checked(self):
        for arguments, words in ((("pause",), "--reason"), (("pause", "--reason", ""), "--reason"),
                                 (("pause", "", "--reason", "x"), "empty name"), (("resume", ""), "empty name"),
                                 (("pause", "--reason", "x", "--direction", "up"), "in or out"),
                                 (("resume", "--format", "xml"), "xml"), (("pause", "a", "b", "--reason", "x"), "did not expect")):
            self.assertIn(words, self.refused(*arguments))
        self.assertFalse((self.state / "PAUSED").exists())

    def test_one_direction_of_a_pause_of_both_is_not_lifted_by_accident(self):
        self.good("pause", "p", "--reason", "x")
        result = self.dir.run("resume", "p", "--direction", "out")
        self.assertIn("paused in both directions", result.stderr)
        self.assertEqual(len(self.file()), 1)

    def test_a_touched_file_is_shown_and_resumed(self):
        self.state.mkdir()
        (self.state / "PAUSED").touch()
        document = json.loads(self.good("pause", "p", "--reason", "x", "--format", "json"))
        self.assertEqual([p["scope"] for p in document["pauses"]], ["", "p"])
        self.assertIs(document["daemon_told"], False)
        self.good("resume")
        self.assertEqual([p["scope"] for p in self.file()], ["p"])

    def test_many_at_once_lose_none(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda i: self.dir.run("pause", f"p{i}", "--reason", "x"), range(24)))
        self.assertEqual([r.returncode for r in results], [0] * 24)
        self.assertEqual(sorted(p["scope"] for p in self.file()), sorted(f"p{i}" for i in range(24)))
        self.assertEqual([n for n in os.listdir(self.state) if n.startswith("PAUSED.")], [])

    def test_a_daemon_that_does_not_answer_is_no_error(self):
        self.state.mkdir()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.state / "control.sock"))
            server.listen()
            begin = time.monotonic()
            text = self.good("pause", "--reason", "x")
            self.assertLess(time.monotonic() - begin, 20)
        self.assertIn("does not answer", text)
        self.assertEqual(len(self.file()), 1)

    def test_what_an_answer_says_of_a_freeze_is_told(self):
        self.state.mkdir()
        asked = []
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.state / "control.sock"))
            server.listen()

            def answer():
                for reply in ('{"ok":true}', '{"unfrozen":true}'):
                    client, _ = server.accept()
                    with client:
                        asked.append(json.loads(client.makefile().readline()))
                        client.sendall(reply.encode() + b"\n")
            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            text = self.good("resume", 'service/"x"/y')
            thread.join(support.DEADLINE_S)
        self.assertEqual(asked, [{"command": "pauses"}, {"command": "unfreeze", "resource": 'service/"x"/y'}])
        self.assertIn('no longer frozen: service/"x"/y', text)

    def freeze(self, world="aws"):
        """As a verification leaves it that failed."""
        row = {"written": {"count": 3}, "written_at": self.now, "frozen": "frozen as the check recovered failed",
               "failed": "it did not do what it was for", "failed_policy": "ecs_scaling", "failed_target": PROD,
               "failed_at": self.now, "verifications": [], "capacities": {}}
        with sqlite3.connect(self.state / "moontide.db") as connection:
            connection.execute("INSERT INTO resource VALUES (?, 'ecs_desired_count', ?, '', '', ?, ?)",
                               (world, API, json.dumps(row), self.now))
        connection.close()

    def rows(self):
        connection = sqlite3.connect(f"file:{self.state / 'moontide.db'}?mode=ro", uri=True)
        rows = connection.execute("SELECT world, json FROM resource ORDER BY world").fetchall()
        connection.close()
        return {world: json.loads(row) for world, row in rows}

    def test_a_freeze_is_ended_without_a_daemon(self):
        self.write(self.decision(9, "a", "refused", "FROZEN"))
        self.freeze()
        self.freeze("sim")
        self.assertNotIn("no longer frozen", self.good("resume", "ecs_scaling"))
        self.assertEqual([row["frozen"] for row in self.rows().values()], ["frozen as the check recovered failed"] * 2)
        text = self.good("resume", API)
        self.assertIn(f"no longer frozen: {API}", text)
        self.assertIn("no daemon runs here", text)
        for row in self.rows().values():
            self.assertEqual((row.get("frozen"), row.get("failed"), row["written"]), (None, None, {"count": 3}))
        entries = [json.loads(line) for line in self.good("journal", "--what", "resume", "--format", "json").splitlines()]
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual([(e["resource"], e["world"], e["detail"]["by"], e["detail"]["reason"]) for e in entries],
                         [(API, world, os.environ.get("SUDO_USER") or user, "frozen as the check recovered failed")
                          for world in ("aws", "sim")])
        again = json.loads(self.good("resume", API, "--format", "json"))
        self.assertIs(again["unfrozen"], False)
        self.assertEqual(len(self.good("journal", "--what", "resume").splitlines()), 2)

    def test_a_freeze_stays_while_a_process_that_does_not_answer_holds_the_database(self):
        self.write(self.decision(9, "a", "refused", "FROZEN"))
        self.freeze()
        with open(self.state / "moontide.db.lock", "r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            for listens in (False, True):  # no socket; one that nobody serves
                with socket.socket(socket.AF_UNIX) as server:
                    if listens:
                        server.bind(str(self.state / "control.sock"))
                        server.listen()
                    self.good("pause", API, "--reason", "x")
                    error = self.refused("resume", API)
                    self.assertIn(f"whatever froze {API} still holds", error)
                    self.assertIn(f"process {os.getpid()}", error)
                    self.assertIn("does not answer", error)
                    self.assertFalse((self.state / "PAUSED").exists())  # that much it could do
                    self.assertIn("nothing is paused", self.good("resume", "ecs_scaling"))
        self.assertIn("frozen", self.rows()["aws"])
        self.assertIn("no longer frozen", self.good("resume", API))

    def test_a_resume_makes_no_database(self):
        self.good("resume", API)
        self.assertEqual([n for n in os.listdir(self.state) if n.startswith("moontide.db")], [])

    def test_a_running_daemon_is_told_and_status_shows_it(self):
        daemon = self.daemon(self.dir, "--world", "sim")
        daemon.wait_for("daemon.started")
        text = self.good("pause", "ecs_scaling", "--reason", "migration", "--by", "ops")
        self.assertNotIn("daemon", text)
        paused = daemon.wait_for("decisions.paused")
        self.assertEqual((paused["scope"], paused["reason"]), ("ecs_scaling", "migration"))
        pause, = daemon.status()["pauses"]
        self.assertEqual((pause["scope"], pause["direction"], pause["by"], pause["reason"]), ("ecs_scaling", "", "ops", "migration"))
        self.assertIn("  ecs_scaling: paused since", self.good("status"))
        self.assertIs(json.loads(self.good("resume", "ecs_scaling", "--format", "json"))["daemon_told"], True)
        self.assertEqual(daemon.status()["pauses"], [])
        with socket.socket(socket.AF_UNIX) as client:  # nothing to unfreeze was named
            client.connect(str(self.state / "control.sock"))
            client.sendall(b'{"command":"unfreeze","resource":7}\n')
            self.assertIn("error", json.loads(client.makefile().readline()))
        self.assertEqual(daemon.stop(), 0)

    def test_a_state_directory_that_cannot_be_written_is_named(self):
        self.state.write_text("a file")
        self.assertIn(".moontide", self.refused("pause", "--reason", "x"))


if __name__ == "__main__":
    support.main()
