"""Nothing is lost on the way to a receiver. 10,000 targets have issues by a plan through 30 minutes of a manual clock; the
receiver is a sink over TLS that is slow, full, broken, drops connections and answers too late; and the program is killed.

The sink knows what it has taken. A message may come twice only where its answer could not arrive, or after a kill."""

import collections
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

import receivers_bench
import support

TOOL = support.BUILD / "tests" / "alerts_tool"
LONG = os.environ.get("MOONTIDE_LONG") == "1"
BEGIN_MS, MINUTE_MS, MINUTES = 1700000000000, 60000, 30
GROUP_SIZE = 25  # as many as one notification lists, so that each alert is seen by its id
TOLD_MINUTES = 8  # after so long a group was told for sure: group_wait, group_interval, and tries


class Faults:
    """What the sink answers, by a seed; what it has taken, in order; which answers were lost."""

    ok, path = "ok", "/hook"

    def __init__(self, seed):
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.taken, self.unanswered, self.counts = [], set(), collections.Counter()

    @staticmethod
    def message_of(seen):
        """What a request tells: { id, at, group_key, more, alerts: [{ target, state }] }; None: it tells nothing new."""
        return seen["json"]

    def __call__(self, seen):
        with self.lock:
            way = self.random.choices(("200", "429", "500", "drop", "drop after", "slow", "late"),
                                      (900, 12, 12, 10, 10, 10, 2))[0]
            self.counts[way] += 1
            message = self.message_of(seen)
            if message and way in ("200", "slow", "drop after", "late"):
                self.taken.append(message)
                self.counts["taken"] += 1
            if message and way in ("drop after", "late"):
                self.unanswered.add(message["id"])
            after = {"Retry-After": str(self.random.randint(1, 6))}
        if way == "slow":
            time.sleep(0.05)  # the service is slow
        if way == "late":
            time.sleep(2.5)  # longer than the receiver's timeout
        return {"429": (429, after, "rate_limited"), "500": (500, {}, "out of order"), "200": (200, {}, self.ok),
                "slow": (200, {}, self.ok)}.get(way, "drop")


class SlackFaults(Faults):
    """Plays Slack: a group's first message, then edits of it and replies in its thread. A person reads it, so what it says
    of each alert is read from its text."""

    ok, path = json.dumps({"ok": True, "channel": "C1", "ts": "1.5"}), "/api/chat.postMessage"

    @staticmethod
    def message_of(seen):
        if seen["path"].endswith("/chat.update"):
            return None  # the reply that follows says the same
        body = seen["json"]
        told = body["metadata"]["event_payload"]
        blocks = [b["text"]["text"] for b in body["attachments"][0]["blocks"] if b["type"] == "section"]
        found = [re.search(r"^Status: \*(\w+)\*  Target: \*([^*]+)\*", text, re.MULTILINE) for text in blocks]
        alerts = [{"target": m[2], "state": m[1].lower()} for m in found]
        return {"id": told["id"], "at": told["at"], "group_key": alerts[0]["target"].split(",")[0], "more": 0,
                "alerts": alerts}


def make_plan(seed, targets):
    """By target: the spans of minutes in which it has its issue. Those of one cluster begin and end near each other."""
    chance, plan = random.Random(seed), {}
    for i in range(targets):
        if i % GROUP_SIZE == 0:
            begin, length = chance.randint(0, MINUTES - 4), chance.randint(1, 16)
            again = begin + length + chance.randint(2, 8) if chance.random() < 0.3 else MINUTES
        spans = []
        for at in (begin, again):
            at += chance.randint(0, 1)
            if at < MINUTES:
                spans.append((at, min(at + max(1, length + chance.randint(-1, 1)), MINUTES)))
        if len(spans) > 1 and spans[1][0] <= spans[0][1]:
            spans.pop()
        plan[f"cluster=c{i // GROUP_SIZE:04d},service=s{i:05d}"] = spans
    return plan


class AlertFaults(receivers_bench.ReceiverCase):
    targets, receiver, faults_of = 10000, "webhook", Faults

    def begin(self, seed):
        self.faults, self.plan = self.faults_of(seed), make_plan(seed, self.targets)
        self.sink.answer = self.faults
        self.home = self.project(shipped=False)
        self.log_path = self.home.path / "log"
        (self.home.path / "plan").write_text("".join(
            f"{target} {' '.join(f'{a} {b}' for a, b in spans)}\n" for target, spans in self.plan.items()))
        self.kills = []  # how much was taken at each

    def launch(self):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen([str(TOOL), str(self.home.path), str(self.home.path / "plan"), self.receiver,
                                     self.sink.url + self.faults.path, str(MINUTES)], stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment)

    def finish(self, process):
        text, _ = process.communicate(timeout=1200)
        self.assertEqual(process.returncode, 0, self.log()[-3000:])
        return json.loads(text)

    def messages(self):
        """What was taken, each once; fails on a double that nothing excuses."""
        first, unique, unheard = {}, [], self.unheard()
        for i, message in enumerate(self.faults.taken):
            name = message["id"]
            if name not in first:
                first[name] = i
                unique.append(message)
                continue
            self.assertEqual(message, self.faults.taken[first[name]], "one id, two messages")
            excused = name in self.faults.unanswered or name in unheard or any(first[name] == n - 1 or i == n - 1 for n in self.kills)
            self.assertTrue(excused, f"{name} was sent twice: {first[name]} and {i}, kills at {self.kills}")
        return unique

    def unheard(self):
        """Those whose answer came too late, as a busy machine makes it: the log of the attempt says so."""
        events = (json.loads(line) for line in self.log().splitlines() if '"alert.retry"' in line)
        return {e["id"] for e in events if "time" in e["answer"].lower()}

    def check_all(self):
        messages = self.messages()
        with sqlite3.connect(self.home.path / "moontide.db") as db:
            rows = db.execute("SELECT id, state FROM outbox").fetchall()
            self.assertEqual(db.execute("SELECT count(*) FROM told").fetchone()[0], 0, "everything is over")
        self.assertEqual({state for _, state in rows}, {"sent"})
        self.assertEqual(sorted(name for name, _ in rows), sorted(m["id"] for m in messages))
        self.check_order(messages)
        self.check_alerts(messages)

    def check_order(self, messages):
        last = {}
        for message in messages:
            self.assertLess(last.get(message["group_key"], 0), message["at"], message["group_key"])
            last[message["group_key"]] = message["at"]

    def check_alerts(self, messages):
        """Each alert: fires, perhaps is told of again with its group, and is over exactly once."""
        states, fired = collections.defaultdict(list), collections.defaultdict(list)
        for message in messages:
            self.assertEqual(message["more"], 0)
            for each in message["alerts"]:
                states[each["target"]].append(each["state"])
                if each["state"] == "firing":
                    fired[each["target"]].append((message["at"] - BEGIN_MS) / MINUTE_MS)
        for target, seen in states.items():
            for before, now in zip(["resolved", *seen], seen):
                self.assertFalse(now == before == "resolved", f"{target}: {seen}")
            self.assertEqual(seen[-1], "resolved", f"{target}: {seen}")
        for target, spans in self.plan.items():
            for begin, until in spans:
                if until - begin >= TOLD_MINUTES:
                    self.assertTrue(any(begin <= at < until for at in fired[target]), f"{target} at {begin} was never told of")
            for at in fired[target]:
                self.assertTrue(any(a <= at < b for a, b in spans), f"{target} was well at {at}")

    def test_nothing_is_lost_twice_or_out_of_order(self):
        for seed in range(1, 6 if LONG else 2):
            with self.subTest(seed=seed):
                self.begin(seed)
                summary = self.finish(self.launch())
                self.assertEqual((summary["queued"], summary["dead"]), (0, 0))
                for way in ("429", "500", "drop", "drop after", "slow"):
                    self.assertGreater(self.faults.counts[way], 0, way)
                self.check_all()
                self.note(seed)

    def test_nothing_is_lost_by_kills(self):
        self.targets = 1500
        self.begin(1000)
        chance = random.Random(1000)
        kills, process = 100 if LONG else 10, self.launch()
        self.addCleanup(lambda: process.poll() is None and process.kill())
        total = self.targets // GROUP_SIZE * 3  # messages, roughly
        moments = sorted(chance.randrange(total) for _ in range(kills))
        for moment in moments:
            due = time.monotonic() + chance.random() * 0.3
            support.wait_until(lambda: process.poll() is not None or
                               (len(self.faults.taken) >= moment and time.monotonic() >= due), f"message {moment}", 600)
            if process.poll() is not None:
                break
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            self.kills.append(len(self.faults.taken))
            process = self.launch()
        self.finish(process)
        self.assertGreaterEqual(len(self.kills), kills // 2, "the plan was over too early")
        self.check_all()
        self.note(1000)

    def test_slack_is_told_as_well(self):
        self.receiver, self.faults_of = "slack", SlackFaults
        self.begin(7)
        summary = self.finish(self.launch())
        self.assertEqual((summary["queued"], summary["dead"]), (0, 0))
        self.check_all()
        self.note(7)

    def note(self, seed):
        print(f"seed {seed}: {dict(self.faults.counts)}, {len(self.kills)} kills")


if __name__ == "__main__":
    support.main()
