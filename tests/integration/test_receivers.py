"""The receivers against a sink that plays the services over TLS, against Prometheus Alertmanager, and against programs of
this machine: what is sent, what is made of each answer, and that no secret ever shows."""

import datetime
import email.utils
import hashlib
import hmac
import json
import shutil
import time
import unittest
import urllib.request

import receivers_bench
import support
from receivers_bench import alert, notification

HOOK = "/services/T000/B000/hook-secret-9999"
TOKEN = "xoxb-token-secret-1234"
KEY = "routing-key-secret-0123456789abc"


class Answers(receivers_bench.ReceiverCase):
    """What is made of an answer, by the plainest of receivers."""

    def hook(self, **more):
        return {"url": self.sink.url + HOOK, **more}

    def test_answers_that_may_pass_and_those_that_last(self):
        for status in (408, 409, 425, 429, 500, 502, 503, 504):
            self.sink.answers = [(status, {}, "no")]
            self.refused(False, str(status), "webhook", self.hook())
        for status in (400, 401, 403, 404, 410, 413, 422):
            self.sink.answers = [(status, {}, json.dumps({"message": "not like this"}))]
            self.refused(True, f"{status} not like this", "webhook", self.hook())

    def test_retry_after_in_seconds_and_as_a_date(self):
        self.sink.answers = [(429, {"Retry-After": "7"}, "")]
        self.assertEqual(self.refused(False, "429", "webhook", self.hook())["retry_after_ms"], 7000)
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=120)
        self.sink.answers = [(503, {"Retry-After": email.utils.format_datetime(later, usegmt=True)}, "")]
        wait = self.refused(False, "503", "webhook", self.hook())["retry_after_ms"]
        self.assertTrue(115000 <= wait <= 125000, wait)
        for nonsense in ("soon", "nan", "-5", "Wed, 99 Foo 2026 00:00:00 GMT"):
            self.sink.answers = [(503, {"Retry-After": nonsense}, "")]
            self.assertEqual(self.refused(False, "503", "webhook", self.hook())["retry_after_ms"], 0)

    def test_a_redirect_is_not_followed(self):
        self.sink.answers = [(302, {"Location": self.sink.url + "/elsewhere"}, "")]
        self.refused(True, "redirect", "webhook", self.hook())
        self.assertEqual(len(self.sink.seen), 1)

    def test_a_page_of_html_is_no_answer(self):
        page = (200, {"Content-Type": "text/html"}, "<html><body>please log in</body></html>")
        self.sink.answer = page
        self.refused(False, "HTML", "webhook", self.hook())
        self.refused(False, "HTML", "slack", {"webhook_url": self.sink.url + HOOK})
        self.refused(False, "HTML", "pagerduty", {"routing_key": KEY, "url": self.sink.url})

    def test_drops_stalls_and_an_untrusted_certificate_may_pass(self):
        self.sink.answers = ["drop", "stall"]
        self.refused(False, "127.0.0.1", "webhook", self.hook())
        answer = self.refused(False, "imed out", "webhook", self.hook(timeout="1s"))
        self.assertLess(answer["ms"], 20000)
        self.stop()
        self.environment = support.clean_environment(SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")
        self.start()
        self.refused(False, "ertificate", "webhook", self.hook())
        self.unsaid(HOOK, "hook-secret-9999")

    def test_a_canceled_message_leaves_nothing(self):
        self.sink.answers = ["stall"]
        self.assertEqual(self.ask("cancel", "webhook", self.hook())["code"], "canceled")
        self.taken("webhook", self.hook())

    def test_five_mebibytes_emoji_and_right_to_left(self):
        words = "🌊 موج المد 밀물 \u202e gone"
        self.taken("webhook", self.hook(), notification(alert(description=words)))
        self.assertIn(words, self.sink.seen[-1]["json"]["alerts"][0]["description"])
        big = notification(alert(description="🌊" * (5 * 1024 * 1024 // 4)))
        for type_name, settings in (("webhook", self.hook()), ("slack", {"webhook_url": self.sink.url}),
                                    ("teams", {"webhook_url": self.sink.url}),
                                    ("discord", {"webhook_url": self.sink.url})):
            self.taken(type_name, settings, big)
            self.assertLess(len(self.sink.seen[-1]["body"]), 200000)
            said = json.dumps(self.sink.seen[-1]["json"], ensure_ascii=False)
            self.assertTrue("cut" in said and "🌊" in said and "\ufffd" not in said, f"{type_name}: {said[:200]}")

    def test_heartbeat(self):
        self.ask("heartbeat", "heartbeat", {"url": self.sink.url + HOOK})
        self.assertEqual([(s["method"], s["path"]) for s in self.sink.seen], [("GET", HOOK)])
        self.sink.answer = (500, {}, f"broken at {HOOK}")
        self.ask("heartbeat", "heartbeat", {"url": self.sink.url + HOOK, "method": "POST", "body": "alive"})
        self.assertEqual(self.sink.seen[-1]["body"], "alive")
        self.assertEqual(self.log().count("alert.heartbeat_failed"), 1)
        self.unsaid("hook-secret-9999")

    def test_secrets_never_show(self):
        self.sink.answer = lambda seen: (500, {}, f"no {seen['path']} {seen['headers'].get('authorization')} {KEY}")
        self.send("webhook", self.hook(headers={"authorization": TOKEN}, secret=KEY))
        self.send("slack", {"token": TOKEN, "channel": "c", "url": self.sink.url + "/chat.postMessage"})
        self.home.write("policies/lib/receiver_loud.lua", """
            return receiver { type = "loud", fields = { key = { "string", secret = true } },
              send = function(s) print(s.key) log.error("loud.event", { k = s.key }) error("key " .. s.key) end }""")
        self.refused(False, "receiver_loud.lua:3: key [secret]", "loud", {"key": KEY})
        self.assertIn("[secret]", self.log())
        self.unsaid(HOOK, "hook-secret-9999", TOKEN, KEY)


class Settings(receivers_bench.ReceiverCase):
    def test_what_is_wrong_is_named(self):
        self.assertIn("there is no receiver type 'slak' (did you mean 'slack'?)", self.check("slak"))
        self.assertIn("(did you mean 'webhook_url'?)", self.check("slack", webhok_url="https://x/"))
        self.assertIn("'routing_key' is missing", self.check("pagerduty"))
        self.assertIn("must be a text", self.check("pagerduty", routing_key=5))
        self.assertIn("http or https", self.check("webhook", url="ftp://x"))
        self.assertIn("line break", self.check("pagerduty", routing_key="a\nb"))
        self.assertIn("'channel' is missing", self.check("slack", token="x"))
        self.assertIn("only one is taken", self.check("slack", token="x", channel="c", webhook_url="https://x/"))
        self.assertIn("did you mean 'POST'?", self.check("webhook", url="https://x/", method="POSTT"))
        self.assertIn("a list of texts", self.check("command", argv="ls"))
        self.assertIn("must be one of en, ko", self.check("webhook", url="https://x/", language="fr"))
        self.assertIn("of 'vault'", self.check("webhook", url={"$secret": "vault", "name": "x"}))
        self.assertEqual(self.check("webhook", url={"$secret": "ssm", "name": "x"}), "")

    def test_an_own_receiver_is_read_again_when_it_changed(self):
        text = 'return receiver { type = "own", fields = {}, send = function() return { answer = "%s" } end }'
        for word in ("one", "two"):
            self.home.write("policies/lib/receiver_own.lua", text % word)
            self.assertEqual(self.taken("own", {})["answer"], word)
        self.home.write("policies/lib/receiver_own.lua", "return receiver {")
        self.refused(False, "receiver_own.lua:1", "own", {})

    def test_an_own_receiver_that_never_ends(self):
        self.home.write("policies/lib/receiver_own.lua", 'return receiver { type = "own", fields = {}, '
                        'send = function() while true do pcall(function() while true do end end) end end }')
        self.refused(False, "instructions", "own", {})
        self.taken("webhook", {"url": self.sink.url})

    def test_a_secret_is_read_once_in_five_minutes_and_again_when_it_is_refused(self):
        asked = []

        def secrets(seen):
            asked.append(seen["headers"]["x-amz-target"].split(".")[-1])
            value = f"{TOKEN}-{len(asked)}"
            if asked[-1] == "GetParameter":
                return 200, {}, json.dumps({"Parameter": {"Value": value}})
            return 200, {}, json.dumps({"SecretString": json.dumps({"slack": value})})
        aws = receivers_bench.Sink()
        self.addCleanup(aws.close)
        aws.answer = secrets
        self.environment = {**support.aws_environment(aws.port), "SSL_CERT_FILE": str(self.ca)}
        settings = {"url": self.sink.url, "headers": {"x-token": {"$secret": "secretsmanager", "name": "chat", "key": "slack"}}}
        for _ in range(2):
            self.taken("webhook", settings)
        self.assertEqual([s["headers"]["x-token"] for s in self.sink.seen], [TOKEN + "-1"] * 2)
        self.sink.answers = [(401, {}, "")]
        self.taken("webhook", settings)
        self.assertEqual(self.sink.seen[-1]["headers"]["x-token"], TOKEN + "-2")
        self.sink.answer = (202, {}, json.dumps({"status": "success"}))
        self.taken("pagerduty", {"url": self.sink.url, "routing_key": {"$secret": "ssm", "name": "/pd"}})
        self.assertEqual(self.sink.seen[-1]["json"]["routing_key"], TOKEN + "-3")
        self.assertEqual(asked, ["GetSecretValue", "GetSecretValue", "GetParameter"])
        aws.answer = (400, {}, json.dumps({"__type": "AccessDeniedException", "message": "no"}))
        self.refused(False, "secret other", "webhook", {"url": {"$secret": "ssm", "name": "other"}})
        self.unsaid(TOKEN)


class Templates(receivers_bench.ReceiverCase):
    def title(self):
        return self.sink.seen[-1]["json"]["message"]["title"]

    def test_a_template_makes_the_words(self):
        self.home.write("templates/message.lua", 'return { title = function(n, default) return "ours: " .. n.id end }')
        self.assertNotIn("warning", self.taken("webhook", {"url": self.sink.url}))
        self.assertEqual(self.title(), "ours: n-1")

    def test_a_faulty_or_endless_one_is_named_and_left_out(self):
        self.taken("webhook", {"url": self.sink.url})
        plain = self.title()
        for text, line in (("return {\n", 2), ("return { title = function()\n  return nil .. 1 end }", 2),
                           ("return { title = function()\n  while true do pcall(error) end end }", 2)):
            self.home.write("templates/message.lua", text)
            answer = self.taken("webhook", {"url": self.sink.url})
            self.assertIn(f"templates/message.lua:{line}", answer["warning"])
            self.assertEqual(self.title(), plain)


class Services(receivers_bench.ReceiverCase):
    def test_webhook_signs_what_it_sends(self):
        self.taken("webhook", {"url": self.sink.url + "/x", "secret": KEY, "headers": {"X-Team": "sea"}})
        seen = self.sink.seen[0]
        parts = dict(p.split("=") for p in seen["headers"]["x-moontide-signature"].split(","))
        wanted = hmac.new(KEY.encode(), f"{parts['t']}.{seen['body']}".encode(), hashlib.sha256).hexdigest()
        self.assertEqual(parts["v1"], wanted)
        self.assertLess(abs(int(parts["t"]) - time.time()), 60)
        self.assertEqual((seen["headers"]["idempotency-key"], seen["headers"]["x-team"]), ("n-1", "sea"))
        self.assertEqual(seen["json"]["alerts"][0]["id"], "alert-1")
        self.assertIn("api-1", seen["json"]["message"]["text"])

    def test_webhook_of_a_body_of_its_own(self):
        settings = {"url": self.sink.url + "/v2/alerts", "per_alert": True,
                    "body": {"message": "{title}", "alias": "{id}", "priority": "{priority}", "tags": ["{policy}"]},
                    "resolve_url": self.sink.url + "/v2/alerts/{id}/close?identifierType=alias", "resolve_body": {"note": "{state}"}}
        self.taken("webhook", settings, notification(alert(1), alert("2/x", "resolved")))
        seen = {s["path"]: s["json"] for s in self.sink.seen}
        body = seen["/v2/alerts"]
        self.assertEqual((body["alias"], body["priority"], body["tags"]), ("alert-1", "P1", ["performance"]))
        self.assertEqual(seen["/v2/alerts/alert-2%2Fx/close?identifierType=alias"], {"note": "resolved"})

    def test_slack_by_webhook(self):
        self.taken("slack", {"webhook_url": self.sink.url + HOOK},
                   notification(alert(description="a < b & c > d <!channel> " + "x" * 5000)))
        body = self.sink.seen[0]["json"]
        text = body["attachments"][0]["blocks"][0]["text"]["text"]
        self.assertIn("a &lt; b &amp; c &gt; d &lt;!channel&gt;", text)
        self.assertLessEqual(len(text), 3000)
        self.assertRegex(body["attachments"][0]["color"], "^#[0-9a-f]{6}$")
        self.taken("slack", {"webhook_url": self.sink.url}, notification(*(alert(i) for i in range(80))))
        self.assertLessEqual(len(self.sink.seen[1]["json"]["attachments"][0]["blocks"]), 50)
        self.sink.answers = [(404, {}, "no_service")]
        self.refused(True, "404 no_service", "slack", {"webhook_url": self.sink.url + HOOK})
        self.unsaid("hook-secret-9999")

    def test_slack_edits_and_replies(self):
        settings = {"token": TOKEN, "channel": "#ops", "url": self.sink.url + "/api/chat.postMessage"}
        self.sink.answer = (200, {}, json.dumps({"ok": True, "channel": "C1", "ts": "1.5"}))
        first = self.taken("slack", settings)
        self.assertEqual((first["state"]["channel"], first["state"]["ts"]), ("C1", "1.5"))
        over = self.taken("slack", settings, notification(alert(1, "resolved"), status="resolved"), first["state"])
        self.assertEqual([s["path"] for s in self.sink.seen],
                         ["/api/chat.postMessage", "/api/chat.update", "/api/chat.postMessage"])
        self.assertEqual((self.sink.seen[1]["json"]["ts"], self.sink.seen[2]["json"]["thread_ts"]), ("1.5", "1.5"))
        self.assertEqual(self.sink.seen[1]["headers"]["authorization"], "Bearer " + TOKEN)
        self.taken("slack", settings, notification(), over["state"])
        self.assertNotIn("thread_ts", self.sink.seen[-1]["json"])
        self.sink.answers = [(200, {}, json.dumps({"ok": False, "error": "message_not_found"}))]
        self.taken("slack", settings, notification(), first["state"])
        self.assertNotIn("thread_ts", self.sink.seen[-1]["json"])
        for error, permanent in (("ratelimited", False), ("invalid_auth", True), ("channel_not_found", True)):
            self.sink.answers = [(200, {}, json.dumps({"ok": False, "error": error}))]
            self.refused(permanent, error, "slack", settings)
        self.unsaid(TOKEN)

    def test_teams(self):
        settings = {"webhook_url": self.sink.url + HOOK}
        self.sink.answer = (202, {}, "")
        self.taken("teams", settings)
        card = self.sink.seen[0]["json"]["attachments"][0]
        self.assertEqual(card["contentType"], "application/vnd.microsoft.card.adaptive")
        self.assertIn("api-1", json.dumps(card["content"]["body"]))
        self.taken("teams", settings, notification(*(alert(i, description="d" * 4000) for i in range(25))))
        self.assertLess(len(self.sink.seen[1]["body"]), 28 * 1024)
        self.sink.answers = [(200, {}, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429")]
        self.refused(False, "429", "teams", settings)

    def test_discord(self):
        settings = {"webhook_url": self.sink.url + HOOK}
        self.sink.answer = (204, {}, "")
        self.taken("discord", settings, notification(*(alert(i, description="@everyone _x_ " + "d" * 4000) for i in range(25))))
        body = self.sink.seen[0]["json"]
        self.assertEqual((len(body["embeds"]), body["allowed_mentions"]), (10, {"parse": []}))
        self.assertLessEqual(sum(len(e["title"]) + len(e["description"]) for e in body["embeds"]), 6000)
        self.assertLessEqual(len(body["content"]), 2000)
        self.sink.answers = [(429, {}, json.dumps({"message": "slow down", "retry_after": 1.25}))]
        self.assertEqual(self.refused(False, "429", "discord", settings)["retry_after_ms"], 1250)

    def test_pagerduty_goes_on_where_it_failed(self):
        settings = {"routing_key": KEY, "url": self.sink.url + "/v2/enqueue", "severities": {"high": "error"}}
        ok = (202, {}, json.dumps({"status": "success"}))
        failing = {"alert-3"}
        self.sink.answer = lambda seen: (503, {}, KEY) if seen["json"]["dedup_key"] in failing else ok
        notice = notification(*(alert(i, "resolved" if i == 5 else "firing") for i in range(1, 6)))
        answer = self.refused(False, "503 [secret]", "pagerduty", settings, notice)
        taken = answer["state"]["taken"]
        self.assertNotIn("alert-3", taken)
        failing.clear()
        self.sink.seen.clear()
        self.taken("pagerduty", settings, notice, answer["state"])
        again = [s["json"] for s in self.sink.seen]
        self.assertEqual({e["dedup_key"] for e in again} | set(taken), {f"alert-{i}" for i in range(1, 6)})
        self.assertEqual({e["dedup_key"] for e in again} & set(taken), set())
        self.sink.seen.clear()
        more = self.taken("pagerduty", settings, {**notice, "id": "n-2", "more": 7}, answer["state"])
        self.assertIn("7 alerts are not listed", more["warning"])
        events = {s["json"]["dedup_key"]: s["json"] for s in self.sink.seen}
        self.assertEqual((len(events), events["alert-1"]["payload"]["severity"]), (5, "error"))
        self.assertEqual((events["alert-1"]["event_action"], events["alert-5"]["event_action"]), ("trigger", "resolve"))
        self.unsaid(KEY)

    def test_a_marked_test_reaches_each(self):
        empty = {**notification(status="test"), "alerts": [], "firing": 0}
        del empty["severity"]
        for type_name, settings, answer in (
                ("slack", {"webhook_url": self.sink.url}, (200, {}, "ok")),
                ("slack", {"token": TOKEN, "channel": "c", "url": self.sink.url}, (200, {}, '{"ok":true,"ts":"1"}')),
                ("teams", {"webhook_url": self.sink.url}, (202, {}, "")),
                ("discord", {"webhook_url": self.sink.url}, (204, {}, "")),
                ("pagerduty", {"routing_key": KEY, "url": self.sink.url}, (202, {}, '{"status":"success"}')),
                ("webhook", {"url": self.sink.url}, (200, {}, "")),
                ("webhook", {"url": self.sink.url, "per_alert": True}, (200, {}, "")),
                ("alertmanager", {"url": self.sink.url}, (200, {}, ""))):
            self.sink.answer = answer
            self.taken(type_name, settings, empty)
            self.assertIn("est", self.sink.seen[-1]["body"], type_name)
            self.sink.seen.clear()


class Command(receivers_bench.ReceiverCase):
    def program(self, text):
        path = self.home.path / "tell"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return {"argv": [str(path), "two words", "$HOME;`id`"]}

    def test_it_is_given_the_notification_and_a_clean_environment(self):
        self.environment["MOONTIDE_SECRET"] = TOKEN
        settings = self.program('cat > "$0.in"; env > "$0.env"; printf "%s|" "$@" > "$0.args"; echo done; echo more')
        settings["environment"] = {"KEY": KEY}
        self.assertEqual(self.taken("command", settings)["answer"], "done")
        given = {name: (self.home.path / f"tell.{name}").read_text() for name in ("in", "env", "args")}
        self.assertEqual(json.loads(given["in"])["alerts"][0]["id"], "alert-1")
        self.assertEqual(given["args"], "two words|$HOME;`id`|")
        names = {line.split("=")[0] for line in given["env"].splitlines()}
        self.assertEqual(names - {"PWD", "_", "SHLVL", "OLDPWD"},
                         {"PATH", "KEY", "MOONTIDE_STATUS", "MOONTIDE_ID", "MOONTIDE_RECEIVER", "MOONTIDE_SEVERITY",
                          "MOONTIDE_TITLE", "MOONTIDE_FIRING", "MOONTIDE_RESOLVED"})
        self.assertIn("MOONTIDE_STATUS=firing", given["env"])

    def test_its_exit_is_the_answer(self):
        self.refused(False, "exit 75: busy", "command", self.program("echo busy >&2; exit 75"))
        self.refused(True, "exit 3: [secret]", "command", {**self.program("echo $KEY >&2; exit 3"), "environment": {"KEY": KEY}})
        self.refused(False, "signal 9", "command", self.program("kill -9 $$"))
        self.refused(False, "no such file", "command", {"argv": ["/nonexistent/program"]})
        self.taken("command", self.program("exec 0<&-; yes | head -c 1000000"), notification(alert(description="x" * 500000)))
        self.unsaid(KEY)

    def test_a_late_one_is_killed_with_all_its_children(self):
        pids = self.home.path / "tell.pids"
        answer = self.refused(False, "killed", "command", {**self.program(f"sleep 600 & echo $! $$ > {pids}; wait"), "timeout": "1s"})
        self.assertLess(answer["ms"], 20000)
        for pid in pids.read_text().split():
            support.wait_until(lambda pid=pid: not alive(pid), f"{pid} to end")
        self.assertEqual(self.ask("cancel", "command", self.program(f"sleep 600 & echo $! > {pids}; wait"))["code"], "canceled")
        support.wait_until(lambda: not alive(pids.read_text().strip()), "the child of the canceled one to end")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Alertmanager(receivers_bench.ReceiverCase):
    def setUp(self):
        program = shutil.which("prometheus-alertmanager")
        if not program:
            raise unittest.SkipTest("SKIPPED: prometheus-alertmanager is not installed (see scripts/test)")
        super().setUp()
        config = self.home.path / "alertmanager.yml"
        config.write_text("route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n")
        self.port = support.free_port()
        server = support.server([program, f"--config.file={config}", f"--storage.path={self.home.path / 'am'}",
                                 f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="], self.port)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        self.settings = {"url": f"http://127.0.0.1:{self.port}", "labels": {"team": "sea"}}

    def alerts(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/alerts", timeout=support.DEADLINE_S) as answer:
            return {(a["labels"]["service"], a["labels"]["severity"]): a for a in json.load(answer)}

    def now(self, **more):
        return {"since": int(time.time() * 1000) - 60000, **more}

    def test_alerts_fire_change_and_end(self):
        low = notification(alert(1, severity="medium", **self.now()), alert(2, **self.now(description="🌊 موج")),
                           at=int(time.time() * 1000))
        first = self.taken("alertmanager", self.settings, low)
        found = support.wait_until(lambda: len(self.alerts()) == 2 and self.alerts(), "two alerts")
        one = found[("api-1", "medium")]
        self.assertEqual({k: one["labels"][k] for k in ("alertname", "policy", "environment", "team", "target")},
                         {"alertname": "slow", "policy": "performance", "environment": "prod", "team": "sea",
                          "target": "environment=prod,service=api-1"})
        self.assertEqual(found[("api-2", "high")]["annotations"]["description"], "🌊 موج")
        at = int(time.time() * 1000)
        second = self.taken("alertmanager", self.settings, notification(alert(1, **self.now()), at=at), first["state"])
        found = support.wait_until(lambda: ("api-1", "high") in self.alerts() and self.alerts(), "the severity to change")
        self.assertNotIn(("api-1", "medium"), found)
        over = alert(1, "resolved", resolved_at=int(time.time() * 1000), **self.now())
        for name in ("labels", "recommendation", "recommendations", "decisions", "series", "unknown"):
            del over[name]  # as the notifier writes what is over
        self.taken("alertmanager", self.settings, notification(over, status="resolved", at=at), second["state"])
        support.wait_until(lambda: set(self.alerts()) == {("api-2", "high")}, "the first to be over")


if __name__ == "__main__":
    support.main()
