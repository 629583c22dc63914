"""Mails: by SMTP to aiosmtpd (STARTTLS, TLS, AUTH), read back and taken apart by Python's email package; by SES to moto and
MiniStack; and SNS of moto, whose queue is read."""

import email
import email.policy
import email.utils
import json
import pathlib
import subprocess
import tempfile
import unittest
import urllib.request

import receivers_bench
import support
from receivers_bench import alert, notification

PASSWORD = "pass-secret-é-4711"
SERVER = pathlib.Path(__file__).with_name("smtp_server.py")
WORDS = "p99 지연 시간이 900 ms 를 넘었습니다 🌊\n.a line that begins with a dot\n" + "long " * 60 + "\ntrailing space \n= equals"
FROM, TO = "밀물 감시 <tide@example.com>", ["Desk <desk@example.com>", "night@example.com"]


def parsed(mail):
    data = mail["data"] if isinstance(mail, dict) else mail
    return email.message_from_string(data.replace("\r\n", "\n"), policy=email.policy.default)


class MailCase(receivers_bench.ReceiverCase):
    def setUp(self):
        support.need("aiosmtpd")
        super().setUp()
        self.mails = 0

    def serve(self, mode, certificate=None):
        """A server of its own; gives the settings of a receiver that reaches it."""
        self.box = pathlib.Path(tempfile.mkdtemp(prefix="mail-", dir=self.home.path))
        self.port = support.free_port()
        cert, key = certificate or self.certificate
        server = support.server([str(support.VENV), str(SERVER), str(self.box), str(self.port), str(cert), str(key), mode,
                                 PASSWORD], self.port, support.clean_environment())
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return {"host": "127.0.0.1", "port": self.port, "from": FROM, "to": TO}

    def login(self, **more):
        return {"username": "tide", "password": PASSWORD, **more}

    def received(self):
        return [json.loads((self.box / f"{n}.json").read_text()) for n in
                sorted(int(p.stem) for p in self.box.glob("*.json"))]

    def says(self, name, text=""):
        (self.box / name).write_text(text)


class Mails(MailCase):
    def test_a_mail_as_it_arrives(self):
        settings = {**self.serve("auth"), **self.login()}
        answer = self.taken("email", settings, notification(alert(description=WORDS), name="n/1 밀"))
        self.assertIn("250 2.0.0 queued as 1", answer["answer"])
        mail, = self.received()
        self.assertEqual((mail["from"], mail["to"]), ("tide@example.com", ["desk@example.com", "night@example.com"]))
        self.assertEqual((mail["tls"], mail["login"]), (True, "tide"))
        self.assertLessEqual(max(map(len, mail["data"].split("\r\n"))), 78)
        self.assertNotIn("\n", mail["data"].replace("\r\n", ""))
        got = parsed(mail)
        self.assertEqual(got.defects + [d for p in got.walk() for d in p.defects], [])
        self.assertEqual([(a.display_name, a.addr_spec) for a in got["From"].addresses + got["To"].addresses],
                         [("밀물 감시", "tide@example.com"), ("Desk", "desk@example.com"), ("", "night@example.com")])
        self.assertEqual(got["Message-ID"], "<n=2F1=20=EB=B0=80@example.com>")
        self.assertEqual(got["Date"].datetime.timestamp(), (receivers_bench.SINCE + 1000) // 1000)
        self.assertEqual((got["Auto-Submitted"], got["List-Id"]), ("auto-generated", "<one.moontide.example.com>"))
        self.assertIsNone(got["In-Reply-To"])
        text, html = got.iter_parts()
        self.assertEqual((got.get_content_type(), text.get_content_type(), html.get_content_type()),
                         ("multipart/alternative", "text/plain", "text/html"))
        for line in WORDS.split("\n")[:2]:
            self.assertIn(line, text.get_content())
        self.unsaid(PASSWORD)

    def test_a_message_of_any_words(self):
        self.serve("starttls")
        svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0L9 9"/></svg>'
        subject = "심각: api-1 이 느립니다 🌊🌊 " + "가나다라" * 30 + " end =?x"
        self.home.write("policies/lib/receiver_words.lua", """
            local mime = require "moontide.mime"
            return receiver { type = "words", fields = { s = { "table" }, m = { "table" } },
              send = function(s, message, notification)
                local data = mime.of(s.m, notification, s.s)
                mail.send { url = s.s.url, from = "tide@example.com", to = { "desk@example.com" }, data = data }
                return { answer = "ok" }
              end }""")
        for title in (subject, "plain words", "x" * 300, "a\r\nBcc: thief@example.com", "🌊" * 100, 'quote " and \\'):
            self.taken("words", {"s": {"url": f"smtp://127.0.0.1:{self.port}", "from": FROM, "to": TO},
                                 "m": {"title": title, "text": WORDS, "html": f"<p>{'물결' * 500}</p>{svg}", "status": "firing"}})
            mail = self.received()[-1]
            got = parsed(mail)
            self.assertLessEqual(max(map(len, mail["data"].split("\r\n"))), 78)
            self.assertEqual(got["Subject"], title.replace("\r\n", " "))
            self.assertIsNone(got["Bcc"])
            text, html = got.iter_parts()
            self.assertEqual(text.get_content().rstrip("\n"), WORDS)
            self.assertIn(svg, html.get_content())
            self.assertIn("물결" * 500, html.get_content())

    def test_a_large_one(self):
        self.serve("starttls")
        self.home.write("policies/lib/receiver_words.lua", """
            return receiver { type = "words", fields = { url = { "string" } },
              send = function(s, message, notification)
                local m = { title = "t", text = ("밀물"):rep(60000), html = "", status = "firing" }
                local data = require "moontide.mime".of(m, notification, { from = "a@example.com", to = { "b@example.com" } })
                mail.send { url = s.url, from = "a@example.com", to = { "b@example.com" }, data = data }
                return { answer = "ok" }
              end }""")
        self.taken("words", {"url": f"smtp://127.0.0.1:{self.port}"})
        got = parsed(self.received()[0])
        self.assertEqual(got.get_body(("plain",)).get_content().strip(), "밀물" * 60000)

    def test_the_date_on_each_day_of_a_week(self):
        settings = self.serve("starttls")
        for day in range(7):
            at = 1709164800 + day * 86400 + 3723  # 2024-02-29
            self.taken("email", settings, notification(at=at * 1000))
            wanted = email.utils.formatdate(at).replace("-0000", "+0000")
            self.assertIn(f"Date: {wanted}\r\n", self.received()[-1]["data"])

    def test_no_command_hides_in_a_message_or_an_address(self):
        self.serve("starttls")
        self.home.write("policies/lib/receiver_sly.lua", """
            return receiver { type = "sly", fields = { url = { "string" }, to = { "table" }, data = { "table" } },
              send = function(s)
                mail.send { url = s.url, from = "a@example.com", to = s.to, data = s.data[1] }
                return { answer = "ok" }
              end }""")
        url = f"smtp://127.0.0.1:{self.port}"
        for end in ("\r\n", "\n", "\r"):
            data = end.join(["Subject: x", "", ".", "..", "MAIL FROM:<thief@example.com>", "."])
            self.taken("sly", {"url": url, "to": ["b@example.com"], "data": [data]})
            self.assertEqual(self.received()[-1]["data"], data.replace(end, "\r\n") + "\r\n")
        self.assertEqual(len(self.received()), 3)
        for address in ("b@example.com>\r\nDATA", "b@example.com> SIZE=1", "<b@example.com", "b@example.com\n", "b@", "é@example.com"):
            self.refused(True, "the address", "sly", {"url": url, "to": [address], "data": ["x"]})
        for wrong in ("http://127.0.0.1", "smtp://", "smtp://u:p@127.0.0.1", url + "/?x"):
            self.refused(True, "is no smtp://host:port", "sly", {"url": wrong, "to": ["b@example.com"], "data": ["x"]})

    def test_what_follows_is_a_reply(self):
        settings = self.serve("starttls")
        first = self.taken("email", settings)
        second = self.taken("email", settings, notification(alert(1), alert(2), name="n-2"), first["state"])
        third = self.taken("email", settings, notification(alert(1, "resolved"), status="resolved", name="n-3"), second["state"])
        self.taken("email", settings, notification(name="n-4"), third["state"])
        got = [parsed(m) for m in self.received()]
        ids = [f"<n-{n}@example.com>" for n in (1, 2, 3, 4)]
        self.assertEqual([m["Message-ID"] for m in got], ids)
        self.assertEqual([m["In-Reply-To"] for m in got], [None, ids[0], ids[1], None])
        self.assertEqual([m["References"] for m in got], [None, ids[0], f"{ids[0]} {ids[1]}", None])

    def test_tls_from_the_first_byte_and_none(self):
        settings = {**self.serve("smtps"), **self.login(tls="tls")}
        self.taken("email", settings)
        self.assertEqual([(m["tls"], m["login"]) for m in self.received()], [(True, "tide")])
        settings = {**self.serve("plain"), "tls": "none"}
        self.taken("email", settings)
        self.taken("email", {**settings, "tls": "optional"})
        self.assertEqual([m["tls"] for m in self.received()], [False, False])
        settings = {**self.serve("starttls"), "tls": "optional"}
        self.taken("email", settings)
        self.assertEqual([m["tls"] for m in self.received()], [True])


class Refusals(MailCase):
    def test_what_may_pass_and_what_lasts(self):
        settings = self.serve("starttls")
        for line, permanent in (("451 4.3.0 try later", False), ("421 4.3.2 closing", False),
                                ("550 5.7.1 spam", True), ("552 5.3.4 too large", True)):
            self.says("next", line)
            self.refused(permanent, line, "email", settings)
        self.says("next", "drop")
        self.refused(False, f"127.0.0.1:{self.port}", "email", settings)
        first = self.taken("email", settings)
        mail, = self.received()
        self.assertEqual(parsed(mail)["Message-ID"], "<n-1@example.com>")
        self.assertEqual(first["state"]["root"], "<n-1@example.com>")

    def test_a_recipient_that_is_put_off_is_tried_alone(self):
        settings = {**self.serve("starttls"), "to": ["desk@example.com", "once@example.com", "gone@example.com"]}
        answer = self.refused(False, "once@example.com (450 4.2.1 mailbox busy)", "email", settings)
        self.assertEqual(answer["state"]["pending"], ["once@example.com"])
        self.taken("email", settings, None, answer["state"])
        self.assertEqual([m["to"] for m in self.received()], [["desk@example.com"], ["once@example.com"]])
        settings["to"] = ["desk@example.com", "gone@example.com"]
        self.assertIn("gone@example.com (550 5.1.1 no such user)", self.taken("email", settings)["warning"])
        self.refused(True, "gone@example.com (550", "email", {**settings, "to": ["gone@example.com"]})
        self.refused(False, "busy@example.com (450", "email", {**settings, "to": ["gone@example.com", "busy@example.com"]})

    def test_passwords(self):
        settings = self.serve("auth")
        self.taken("email", {**settings, **self.login()})
        self.refused(True, "535 5.7.8 wrong login", "email", {**settings, **self.login(password="not-this-one")})
        self.says("echo")
        self.refused(True, "535 [secret]", "email", {**settings, **self.login(password="not-this-one")})
        self.refused(True, "530", "email", settings)
        settings = self.serve("plain")
        self.refused(True, "offers no AUTH", "email", {**settings, **self.login(tls="none")})
        settings = self.serve("auth-without-tls")
        self.refused(False, "STARTTLS is required", "email", {**settings, **self.login()})
        self.taken("email", {**settings, **self.login(tls="none")})
        self.unsaid(PASSWORD, "not-this-one")

    def test_starttls_that_is_not_offered_and_a_certificate_of_nobody(self):
        settings = self.serve("plain")
        self.refused(False, "STARTTLS is required", "email", settings)
        self.assertEqual(self.received(), [])
        other = tempfile.TemporaryDirectory()
        self.addCleanup(other.cleanup)
        _, *certificate = receivers_bench.make_certificate(pathlib.Path(other.name))
        for mode, tls in (("starttls", "starttls"), ("smtps", "tls")):
            self.refused(False, "ertificate", "email", {**self.serve(mode, certificate), "tls": tls})
            self.assertEqual(self.received(), [])
        self.refused(False, "onnect", "email", {**settings, "port": support.free_port()})

    def test_a_server_that_stalls_blocks_nothing(self):
        settings = self.serve("starttls")
        self.says("next", "stall")
        answer = self.refused(False, "timed out", "email", {**settings, "timeout": "1s"})
        self.assertLess(answer["ms"], 5000)
        self.says("next", "stall")
        # The timer of 300 ms fires, as nothing waits on the loop.
        self.assertLess(self.ask("cancel", "email", settings)["ms"], 2000)
        self.says("quit")
        answer = self.taken("email", settings)
        self.assertLess(answer["ms"], 5000)
        self.assertEqual(len(self.received()), 1)

    def test_settings(self):
        good = {"host": "mail.example.com", "from": "tide@example.com", "to": ["desk@example.com"]}
        self.assertEqual(self.check("email", **good), "")
        for change, words in (({"host": None}, "'host', or 'url', is missing"),
                              ({"from": "tide@example.com\r\nBcc: x@example.com"}, "line break"),
                              ({"to": ["a\nb@example.com"]}, "'to': the address 'a?b@example.com' contains a line break"),
                              ({"to": ["nobody"]}, "'nobody' is no address"), ({"to": ["é@example.com"]}, "not ASCII"),
                              ({"to": ["a b@example.com"]}, "contains a character"), ({"to": []}, "a list of texts"),
                              ({"tls": "startls"}, "did you mean 'starttls'?"), ({"password": "x"}, "'username' is missing"),
                              ({"username": "x"}, "'password' is missing"), ({"port": 70000}, "'port' is 1 to 65535"),
                              ({"username": "x", "password": "y", "tls": "optional"}, "not sent where TLS is optional"),
                              ({"host": None, "url": "http://x/"}, "smtp://host:port"),
                              ({"host": None, "url": "smtps://x", "tls": "none"}, "belongs to smtps://")):
            settings = {k: v for k, v in {**good, **change}.items() if v is not None}
            self.assertIn(words, self.check("email", **settings))
        self.assertIn("'topic_arn' is no ARN", self.check("sns", topic_arn="arn:aws:sqs:x:1:y"))
        self.assertIn("at most 50", self.check("ses", **{"from": "a@b.c", "to": ["a@b.c"] * 51}))


class Services(MailCase):
    def start_service(self, server, module):
        support.need(module)
        port = support.free_port()
        running = server(port)
        running.__enter__()
        self.addCleanup(running.__exit__, None, None, None)
        self.url = f"http://127.0.0.1:{port}"
        self.environment.update(support.aws_environment(port), SSL_CERT_FILE=str(self.ca))

    def boto(self, code):
        """What a program of boto3 prints as JSON."""
        text = ("import boto3, json\nmade = lambda name, at='us-east-1': boto3.client(name, region_name=at, "
                f"endpoint_url={self.url!r}, aws_access_key_id='x', aws_secret_access_key='y')\n{code}")
        run = subprocess.run([str(support.VENV), "-c", text], capture_output=True, text=True, timeout=support.DEADLINE_S,
                             env=support.clean_environment())
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout or "null")

    def read(self, path):
        with urllib.request.urlopen(self.url + path, timeout=support.DEADLINE_S) as answer:
            return json.load(answer)


class Moto(Services):
    def setUp(self):
        super().setUp()
        self.start_service(support.moto, "moto")

    def test_ses(self):
        settings = {"region": "us-east-1", "from": FROM, "to": TO}
        self.refused(True, "MessageRejected", "ses", settings)
        self.boto("made('sesv2').create_email_identity(EmailIdentity='tide@example.com')")
        first = self.taken("ses", settings, notification(alert(description=WORDS)))
        ses_id = first["state"]["root"]
        self.assertRegex(ses_id, "^<[^@ ]+@email.amazonses.com>$")
        self.taken("ses", settings, notification(name="n-2"), first["state"])
        kept = self.read("/moto-api/data.json")["ses"]["RawMessage"]
        one, two = (parsed(m["raw_data"]) for m in sorted(kept, key=lambda m: "n-2" in m["raw_data"]))
        self.assertEqual({m["source"] for m in kept}, {"tide@example.com"})
        self.assertEqual(one["From"].addresses[0].display_name, "밀물 감시")
        self.assertIn(WORDS.split("\n")[0], one.get_body(("plain",)).get_content())
        self.assertIn("api-1", one.get_body(("html",)).get_content())
        self.assertEqual((one["In-Reply-To"], two["In-Reply-To"]), (None, ses_id))

    def test_a_password_that_is_a_secret_of_aws(self):
        self.boto("made('secretsmanager').create_secret(Name='mail', SecretString=json.dumps({'smtp': %r}))" % PASSWORD)
        self.boto("made('ssm').put_parameter(Name='/mail/user', Value='tide', Type='SecureString')")
        settings = {**self.serve("auth"), "username": {"$secret": "ssm", "name": "/mail/user", "region": "us-east-1"},
                    "password": {"$secret": "secretsmanager", "name": "mail", "key": "smtp", "region": "us-east-1"}}
        self.assertEqual(self.check("email", **settings), "")
        self.taken("email", settings)
        self.assertEqual([m["login"] for m in self.received()], ["tide"])
        self.boto("made('secretsmanager').put_secret_value(SecretId='mail', SecretString=json.dumps({'smtp': 'wrong-one-now'}))")
        self.taken("email", settings)
        self.refused(True, "535", "email", {**settings, "password": "wrong-one-now"})
        self.unsaid(PASSWORD, "wrong-one-now")

    def test_sns_to_a_queue(self):
        made = self.boto("""
sns, sqs = made('sns'), made('sqs')
topic = sns.create_topic(Name='tide')['TopicArn']
queue = sqs.create_queue(QueueName='tide')['QueueUrl']
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)
print(json.dumps([topic, queue]))""")
        topic, queue = made
        words = "🌊 밀물 " * 20000
        self.taken("sns", {"topic_arn": topic}, notification(*(alert(i, description=words) for i in range(20))))
        self.taken("sns", {"topic_arn": topic}, notification(alert(1, "resolved"), status="resolved", name="n-2"))
        got = self.boto(f"""
sqs, got = made('sqs'), []
while len(got) < 2:
    got += [json.loads(m['Body']) for m in sqs.receive_message(QueueUrl={queue!r}, WaitTimeSeconds=1)['Messages']]
print(json.dumps(got))""")
        got.sort(key=lambda m: m["MessageAttributes"]["status"]["Value"])
        for message in got:
            self.assertTrue(message["Subject"].isascii() and 8 < len(message["Subject"]) <= 100, message["Subject"])
            self.assertLessEqual(len(message["Message"].encode()), 256 * 1024)
        self.assertEqual([m["MessageAttributes"]["status"]["Value"] for m in got], ["firing", "resolved"])
        self.assertEqual({k: v["Value"] for k, v in got[0]["MessageAttributes"].items()},
                         {"status": "firing", "severity": "high", "policy": "performance", "type": "slow",
                          "environment": "prod", "notification_id": "n-1"})
        self.assertIn("밀물", got[0]["Message"])
        self.refused(True, "NotFound", "sns", {"topic_arn": topic + "-gone"})


class MiniStack(Services):
    def setUp(self):
        super().setUp()
        self.start_service(support.ministack, "ministack")

    def test_ses(self):
        self.boto("made('sesv2', 'eu-west-1').create_email_identity(EmailIdentity='tide@example.com')")
        settings = {"region": "eu-west-1", "from": FROM, "to": TO, "endpoint": self.url}
        answer = self.taken("ses", settings, notification(alert(description=WORDS)))
        kept, = [m for mails in self.read("/_ministack/ses/messages")["messages"].values() for m in mails]
        self.assertIn(kept["MessageId"], answer["answer"])
        self.assertEqual(answer["state"]["root"], f"<{kept['MessageId']}@eu-west-1.amazonses.com>")
        self.assertEqual(kept["To"], ["desk@example.com", "night@example.com"])
        self.assertIn(WORDS.split("\n")[0], kept["BodyText"])
        self.assertIn("api-1", kept["BodyHtml"])


if __name__ == "__main__":
    support.main()
