"""The daemon is killed at random moments of ticks that change things, and started again. A proxy in front of moto notes
each write. Each value that is decided is another one, so that every write can be told to be of one intent: none was sent
twice, none without its intent on disk, and of each intent one outcome says in the end what the proxy saw.

20 kills, with MOONTIDE_LONG=1 200. MOONTIDE_SEED: of the moments."""

import collections
import contextlib
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

import kinds_bench
import support

KILLS = 200 if os.environ.get("MOONTIDE_LONG") else 20
SEED = int(os.environ.get("MOONTIDE_SEED", time.time_ns() % 1000000))
SERVICES = ("one", "two", "three")
TRACKED = "tracked"
WRITES = ("UpdateService", "RegisterScalableTarget", "PutScalingPolicy")
LATENCY_S = 0.15  # at most, each way, of a write: it may be on its way when the daemon dies

# limits.apply: a request is under way no longer than this, and a half more is waited for after a crash.
CONFIG = """
return {
  region = "us-east-1", mode = "act", settle = "0s", limits = { apply = "2s" },
  rails = {
    max_actions_per_tick = 100, max_share = 1, tolerance = 0, drift_hold = 0, stabilization_in = 0, stabilization_out = 0,
    cooldown_in = 0, cooldown_out = 0, rate_in = { percent = 100, period = "1s" },
    rate_out = { add = 1000000, percent = 100, period = "1s" },
  },
}
"""
# A number that is another one in each evaluation, of this process and of those before it.
POLICY = """
return policy {
  name = "changing", every = "1s", targets = { { service = "one" }, { service = "two" }, { service = "three" },
                                               { service = "tracked" } },
  evaluate = function(t, m, memo)
    local n = math.floor(time.now() * 100) % 400000
    memo.turn = (memo.turn or 0) + 1
    if memo.turn % 2 == 1 then n = 1000000 - n end -- up and down
    if t.service ~= "tracked" then
      decide.ecs_desired_count { cluster = "crash", service = t.service, count = n }
      return
    end
    decide.ecs_autoscaling { cluster = "crash", service = t.service, metric = "ECSServiceAverageCPUUtilization",
                             target = n, min = n, max = n + 1 }
  end,
}
"""


def number_of(operation, body):
    """(service, the number that a write carries)."""
    sent = json.loads(body)
    if operation == "UpdateService":
        return sent["service"], sent["desiredCount"]
    service = sent["ResourceId"].rsplit("/", 1)[1]
    if operation == "RegisterScalableTarget":
        return service, sent["MinCapacity"]
    return service, int(sent["TargetTrackingScalingPolicyConfiguration"]["TargetValue"])


class Crash(support.Case):
    def setUp(self):
        support.need("moto")
        support.need("boto3")
        port = support.free_port()
        server = support.moto(port)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        boto = kinds_bench.Lines([support.VENV, kinds_bench.BOTO], support.aws_environment(port, AWS_DEFAULT_REGION="us-east-1"))
        self.addCleanup(boto.close)
        made = [("create_cluster", {"clusterName": "crash"}),
                ("register_task_definition", {"family": "t", "containerDefinitions": [{"name": "c", "image": "i", "memory": 10}]})]
        made += [("create_service", {"cluster": "crash", "serviceName": name, "taskDefinition": "t", "desiredCount": 2})
                 for name in (*SERVICES, TRACKED)]
        for operation, params in made:
            answer = boto.ask({"service": "ecs", "operation": operation, "params": params})
            self.assertIn("answer", answer)
        self.proxy = kinds_bench.Proxy(port)
        self.addCleanup(self.proxy.close)
        self.proxy.arrived, self.proxy.answered = self.arrived, self.answered
        self.dir = self.project(shipped=False, config=CONFIG)
        self.dir.write("policies/changing.lua", POLICY)
        self.database = self.dir.path / ".moontide" / "moontide.db"
        self.latency = random.Random(SEED + 1)
        self.lock = threading.Lock()
        self.writes, self.under_way, self.too_early = [], 0, []

    # ---- the proxy ----

    def arrived(self, operation, body):
        if operation not in WRITES:
            return
        service, number = number_of(operation, body)
        with self.lock:
            self.writes.append((operation, service, number))
            self.under_way += 1
            wait = self.latency.uniform(0, LATENCY_S)
        if self.intents_now(service, number) == 0:
            self.too_early.append((operation, service, number))
        time.sleep(wait)  # the network

    def answered(self, operation, _):
        if operation not in WRITES:
            return
        with self.lock:
            self.under_way -= 1
            wait = self.latency.uniform(0, LATENCY_S)
        time.sleep(wait)

    def intents_now(self, service, number):
        """How many intents of this value are on disk, while the daemon that sends it lives; None: it has died just now."""
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=1)) as connection:
                return len([1 for s, n in self.intents(connection).values() if (s, n) == (service, number)])
        return None

    # ---- the journal ----

    @staticmethod
    def intents(connection):
        """{id: (service, number)}"""
        found = {}
        for id, resource, text in connection.execute("SELECT id, resource, json FROM journal WHERE what = 'intent'"):
            wanted = json.loads(text)["wanted"]
            assert id not in found, f"two intents of the id {id}"
            found[id] = (resource.rsplit("/", 1)[1], wanted.get("count", wanted.get("min")))
        return found

    def look(self):
        """What a crash left, from a copy, so that recovering it is left to the daemon: intents, outcomes, ids still open."""
        with tempfile.TemporaryDirectory() as copy:
            for name in ("moontide.db", "moontide.db-wal"):
                if self.database.with_name(name).exists():
                    shutil.copy(self.database.with_name(name), copy)
            with contextlib.closing(sqlite3.connect(os.path.join(copy, "moontide.db"))) as connection:
                self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'intent'").fetchone():
                    return {}, {}, set()
                outcomes = collections.defaultdict(list)
                for id, text in connection.execute("SELECT id, json FROM journal WHERE what = 'outcome'"):
                    outcomes[id].append(json.loads(text))
                return self.intents(connection), outcomes, {id for id, in connection.execute("SELECT id FROM intent")}

    def assert_one_intent_each(self, intents, context):
        """Each write is of one intent, and no intent sent one twice."""
        of = collections.Counter(intents.values())
        self.assertEqual([value for value, count in of.items() if count > 1], [], context)
        for write, count in collections.Counter(self.writes).items():
            self.assertEqual((of[write[1:]], count), (1, 1), f"{write}: intents and writes; {context}")

    def assert_journal(self, context):
        intents, outcomes, open_ids = self.look()
        self.assert_one_intent_each(intents, context)
        self.assertLessEqual(set(outcomes), set(intents), context)
        for id in intents:
            self.assertEqual(len(outcomes.get(id, [])), 0 if id in open_ids else 1, f"{id}; {context}")
        return intents, outcomes, open_ids

    def assert_outcomes_say_what_was_sent(self, intents, outcomes, context):
        seen = collections.Counter((service, number) for _, service, number in self.writes)
        told = collections.Counter()
        for id, value in intents.items():
            outcome = outcomes[id][0]
            whole = 2 if value[0] == TRACKED else 1
            expected = "applied" if seen[value] == whole else "failed" if seen[value] == 0 else "unknown"
            self.assertEqual(outcome["outcome"], expected, f"{id} {value}: {outcome}, {seen[value]} writes; {context}")
            told[outcome["outcome"] + (" recovered" if outcome.get("recovered") else "")] += 1
        return told

    # ----

    def start(self):
        return self.daemon(self.dir, environment=support.aws_environment(self.proxy.port))

    def test_no_change_is_made_twice_and_none_is_lost(self):
        moments, begin, left_open = random.Random(SEED), time.monotonic(), 0
        for kill in range(KILLS):
            context = f"kill {kill}, seed {SEED}"
            daemon = self.start()
            writes = len(self.writes)
            if moments.random() < 0.8:  # else while it starts, or while it waits for what the last one left
                support.wait_until(lambda: len(self.writes) > writes, f"a write; {context}; {daemon.text()[-2000:]}")
            time.sleep(moments.uniform(0, 1.2))
            self.assertIsNone(daemon.process.poll(), f"it ended by itself; {context}: {daemon.text()[-3000:]}")
            daemon.kill()
            support.wait_until(lambda: self.under_way == 0, "the requests that it left to arrive")
            if self.database.exists():
                left_open += len(self.assert_journal(context)[2])
            self.assertEqual(self.too_early, [], context)
            daemon.log_path.unlink()
        (self.dir.path / ".moontide" / "PAUSED").touch()  # nothing new; what was left is still found out
        daemon = self.start()
        daemon.wait_for("daemon.started")
        support.wait_until(lambda: self.look()[2] == set(), f"no open intent; seed {SEED}")
        self.assertEqual(daemon.stop(), 0)
        context = f"in the end, seed {SEED}"
        intents, outcomes, _ = self.assert_journal(context)
        told = self.assert_outcomes_say_what_was_sent(intents, outcomes, context)
        self.assertGreater(left_open, 0, "no kill hit a change that was under way")
        self.assertGreater(sum(count for name, count in told.items() if "recovered" in name), 0)
        print(f"{KILLS} kills in {time.monotonic() - begin:.0f} s (seed {SEED}): {len(self.writes)} writes of {len(intents)} "
              f"intents, {left_open} left open; {dict(told)}", file=sys.stderr)


if __name__ == "__main__":
    support.main()
