"""What the network and AWS do wrong, seen through the public face: a clear error and exit status, targets that are
unknown where data is missing (never healthy, never resolved), no secret anywhere, and a daemon that goes on."""

import gzip
import json
import os
import re
import subprocess
import time
import unittest

import faulty
import support

SECRET, TOKEN = "wJalrXUtnFEMIsecretKEYofTESTS", "IQoJb3JpZ2luX2VjsessionTOKENofTESTS"

CONFIG = """return {
  region = "us-east-1", settle = "0s",
  limits = { request = "%s", connect = "300ms" },
  retry = { base = "10ms" },
}"""

# One target of two metrics, `a` asked first. It is critical whenever a value of `a` is there.
POLICY = """
return policy {
  name = "net", every = "1s", targets = { { name = "one" } },
  metrics = function(t)
    return { a = cloudwatch { namespace = "Net", name = "A", stat = "Sum", period = "%(period)s", window = "%(window)s" },
             b = cloudwatch { namespace = "Net", name = "B", stat = "Sum", period = "%(period)s", window = "%(window)s" } }
  end,
  evaluate = function(t, m)
    issue { type = "hot", severity = "high", when = m.a:above(-1),
            description = json.encode { a = m.a:values(), last = m.a:last(), max = m.a:max() } }
    issue { type = "warm", severity = "low", when = m.b:above(1e6), description = "b" }
    issue { type = "blind", severity = "low", when = m.a:last() == nil, description = "nothing of a" }
  end,
}
"""


class Network(support.Case):
    def setUp(self):
        self.dir = self.make_project()

    def make_project(self, period="1m", window="12m", request="2s"):
        project = self.project(shipped=False, config=CONFIG % request)
        project.write("policies/net.lua", POLICY % {"period": period, "window": window})
        return project

    def environment(self, port, **extra):
        settings = dict(AWS_ACCESS_KEY_ID="AKIDofTESTS", AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=TOKEN)
        if port:
            settings["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        settings.update(extra)
        return support.clean_environment(**{k: v for k, v in settings.items() if v is not None})

    def answerer(self, *arguments, **named):
        server = faulty.Answerer(*arguments, **named)
        self.addCleanup(server.stop)
        return server

    def served(self, *arguments):
        server = faulty.Served(*arguments)
        self.addCleanup(server.stop)
        return server

    def silent(self, **named):
        server = faulty.Silent(**named)
        self.addCleanup(server.stop)
        return server

    def assert_no_secret(self, project, *texts):
        kept = [path.read_bytes().decode(errors="replace") for path in project.path.rglob("*") if path.is_file()]
        for text in [*texts, *kept]:
            self.assertNotIn(SECRET, text)
            self.assertNotIn(TOKEN, text)

    def once(self, environment, project=None):
        """(exit status, document, what was said on standard error, seconds); no secret in any of it."""
        project = project or self.make_project()  # a new one: what the last tick found is of no concern
        begin = time.monotonic()
        result = project.run("run", "--once", "--format", "json", environment=environment)
        seconds = time.monotonic() - begin
        self.assert_no_secret(project, result.stdout, result.stderr)
        return result.returncode, json.loads(result.stdout), result.stderr, seconds

    def assert_fails(self, environment, error, unknown=("a", "b"), project=None):
        """A tick that failed: it says so, and what it does not know is unknown."""
        status, document, said, seconds = self.once(environment, project)
        self.assertEqual(status, 1, document)
        messages = [e["message"] for e in document["errors"]]
        self.assertEqual(len(messages), 1, messages)
        self.assertRegex(messages[0], error)
        self.assertEqual(document["errors"][0]["policy"], "net")
        self.assertIn("metrics.failed", said)
        self.assert_unknown(document, unknown)
        return seconds

    def assert_unknown(self, document, unknown):
        target = document["targets"][0]
        self.assertEqual(sorted(u["metric"] for u in target["unknown"]), sorted(unknown))
        for entry in target["unknown"]:
            self.assertTrue(entry["reason"])
        if "a" in unknown:
            self.assertEqual(target["status"], "unknown")
            self.assertNotIn("hot", [i["type"] for i in target["issues"]])
        else:
            self.assertEqual(target["status"], "critical")

    def assert_works(self, environment, project=None):
        """A tick that has all data; gives what the policy saw of `a`."""
        status, document, said, _ = self.once(environment, project)
        self.assertEqual((status, document["errors"]), (0, []), said)
        self.assert_unknown(document, ())
        return json.loads(next(i for i in document["targets"][0]["issues"] if i["type"] == "hot")["description"])


class Transport(Network):
    def test_refused(self):
        self.assert_fails(self.environment(support.free_port()), r"127\.0\.0\.1:\d+: .*refused")

    def test_no_such_host(self):
        self.assert_fails(self.environment(None, AWS_ENDPOINT_URL="http://nowhere.invalid"), r"nowhere\.invalid:80: .*resolve")

    def test_packets_that_are_dropped(self):
        # libcurl has two sentences for it: its own clock's, and that of the socket which tells first.
        seconds = self.assert_fails(self.environment(self.silent(full=True).port),
                                    r"127\.0\.0\.1:\d+: (Connection timeout after 3\d\d ms|.*after 3\d\d ms: Timeout)")
        self.assertLess(seconds, 10)  # three attempts of 300 ms each, not the kernel's minutes

    def test_a_server_that_never_answers(self):
        project = self.make_project(request="300ms")
        seconds = self.assert_fails(self.environment(self.silent().port), r"127\.0\.0\.1:\d+: .*timed out after 3\d\d",
                                    project=project)
        self.assertLess(seconds, 10)
        self.assert_fails(self.environment(self.answerer("stall").port), "timed out", project=project)

    def test_half_an_answer_is_asked_for_again(self):
        server = self.answerer("truncate")
        self.assert_fails(self.environment(server.port), r"closed with \d+ bytes remaining")
        self.assertEqual(server.stop()["requests"], 3)
        self.assert_works(self.environment(self.answerer("truncate", times=2).port))

    def test_a_certificate_for_another_name(self):
        page = (200, {"content-type": "text/html"}, b"hello")
        other, right = (faulty.certificate(self.dir.path, host) for host in ("other.example", "localhost"))
        server = self.served(lambda *_: page, other)
        endpoint = {"AWS_ENDPOINT_URL": f"https://localhost:{server.port}"}
        self.assert_fails(self.environment(None, SSL_CERT_FILE=other, **endpoint), r"localhost:\d+: .*name matches.*localhost")
        self.assert_fails(self.environment(None, SSL_CERT_FILE=right, **endpoint), r"localhost:\d+: .*certificate")
        self.assertEqual(server.requests, [])  # nothing was sent to it
        server = self.served(lambda *_: page, right)
        self.assert_fails(self.environment(None, SSL_CERT_FILE=right, AWS_ENDPOINT_URL=f"https://localhost:{server.port}"),
                          "no answer of CloudWatch")
        self.assertTrue(server.requests)

    def test_an_answer_of_a_gibibyte_is_refused_in_bounded_memory(self):
        def peak_kib(port):
            """ru_maxrss of one tick."""
            with open(os.devnull, "wb") as null:
                process = subprocess.Popen([str(support.MOONTIDE), "run", "--once"], cwd=self.dir.path, stdout=null,
                                           stderr=null, stdin=subprocess.DEVNULL, env=self.environment(port))
                _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0  # waited for above
            return usage.ru_maxrss

        ordinary = peak_kib(self.answerer().port)
        for mode in ("huge", "endless"):
            server = self.answerer(mode)
            self.assert_fails(self.environment(server.port), "33554432")
            self.assertLess(peak_kib(server.port) - ordinary, 200 * 1024, mode)
        packed = gzip.compress(bytes(1 << 30), compresslevel=1)
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "content-encoding": "gzip"}
        server = self.served(lambda *_: (200, headers, packed))
        self.assert_fails(self.environment(server.port), "33554432")
        self.assertLess(peak_kib(server.port) - ordinary, 200 * 1024)


class Answers(Network):
    def test_statuses_and_error_codes(self):
        for mode, error, requests in (
                ("invalid", "400 ValidationError: no", 1),
                ("throttle", "400 ThrottlingException", 3),
                ("denied", "403 AccessDeniedException", 1),
                ("expired", "403 ExpiredToken", 2),
                ("busy", "429", 3),
                ("error500", "500 with text/html", 3),
                ("retry-after", "503", 3),
                ("retry-long", "503", 1),  # an hour is longer than a call may wait
                ("html-200", "200 with text/html.*no answer of CloudWatch", 3),
                ("garbage", "CBOR answer is wrong at byte", 1),
                ("wrong-type", "a number was expected", 1),
                ("same-token", "same NextToken twice", 2)):
            with self.subTest(mode):
                server = self.answerer(mode)
                unknown = () if mode == "same-token" else ("a", "b")  # its first page had them all
                self.assert_fails(self.environment(server.port), error, unknown)
                self.assertEqual(server.stop()["requests"], requests)

    def test_what_passes_by_itself_is_only_retried(self):
        for mode, least_s in (("throttle", 0), ("busy", 1), ("error500", 0), ("retry-after", 1)):
            with self.subTest(mode):
                server = self.answerer(mode, times=1)
                begin = time.monotonic()
                self.assert_works(self.environment(server.port))
                self.assertGreaterEqual(time.monotonic() - begin, least_s)  # Retry-After: 1
                self.assertEqual(server.stop()["requests"], 2)

    def test_a_proxys_page_is_not_remembered_as_a_protocol(self):
        server = self.answerer("html-403")
        self.assert_fails(self.environment(server.port), "403 with text/html.*no answer of CloudWatch")
        counts = server.stop()
        self.assertEqual((counts["cbor"], counts["json"], counts["query"]), (1, 1, 1))
        project = self.make_project(period="1s", window="5s")
        server = self.answerer("html-403", times=3)
        daemon = self.daemon(project, environment=self.environment(server.port))
        daemon.wait_for("metrics.failed")
        daemon.wait_for("metrics.collected", lambda event: event["calls"] > 0)
        self.assertEqual(daemon.stop(), 0)
        counts = server.stop()
        self.assertEqual((counts["json"], counts["query"]), (1, 1))  # those of the page
        self.assertFalse(daemon.events("cloudwatch.protocol"))

    def test_an_endpoint_without_cbor_is_remembered(self):
        for mode, index in (("no-cbor", "json"), ("query-only", "query")):
            with self.subTest(mode):
                project = self.make_project(period="1s", window="5s")
                server = self.answerer(mode)
                daemon = self.daemon(project, environment=self.environment(server.port))
                support.wait_until(lambda: len([e for e in daemon.events("metrics.collected") if e["calls"]]) > 2, "three ticks")
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual([e["protocol"] for e in daemon.events("cloudwatch.protocol")], [index])
                counts = server.stop()
                self.assertEqual(counts["cbor"], 1)
                self.assertGreaterEqual(counts[index], 3)

    def test_a_thousand_pages_but_not_more(self):
        saw = self.assert_works(self.environment(self.answerer("pages:1000").port))
        self.assertEqual(len(saw["a"]), 12)
        self.assert_fails(self.environment(self.answerer("pages:1001").port), "more than 1000 pages", ())


class Datapoints(Network):
    def saw(self, mode):
        return self.assert_works(self.environment(self.answerer(mode).port))

    def test_values_that_are_no_numbers_are_no_datapoints(self):
        saw = self.saw("nan")  # the first is NaN, the second infinite
        self.assertEqual(len(saw["a"]), 10)
        self.assertLess(saw["max"], 1000)

    def test_datapoints_come_in_any_order(self):
        saw = self.saw("unordered")
        self.assertEqual(len(saw["a"]), 12)
        self.assertEqual(saw["last"], saw["a"][-1])
        for older, newer in zip(saw["a"], saw["a"][1:]):
            self.assertEqual(newer, (older + 1) % 100)  # the answerer counts up, minute by minute

    def test_a_value_less_than_timestamps(self):
        self.assertEqual(len(self.saw("uneven")["a"]), 11)

    def test_datapoints_of_the_future_are_none(self):
        status, document, _, _ = self.once(self.environment(self.answerer("future").port))
        self.assertEqual((status, document["errors"]), (0, []))
        self.assert_unknown(document, ["a"])

    def test_no_datapoints_are_unknown_and_no_error(self):
        status, document, _, _ = self.once(self.environment(self.answerer("empty").port))
        self.assertEqual((status, document["errors"]), (0, []))
        self.assert_unknown(document, ["a", "b"])

    def test_a_query_that_fails_alone_is_an_error_of_its_own(self):
        for mode, error in (("partial", "1 of its 2 metrics could not be had: the answer was not complete"),
                            ("internal", "1 of its 2 metrics could not be had: the query failed"),
                            ("missing", "1 of its 2 metrics could not be had: the query failed"),
                            ("forbidden", "1 of its 2 metrics could not be had: AccessDenied")):
            with self.subTest(mode):
                self.assert_fails(self.environment(self.answerer(mode).port), error, ["a"])
        self.assert_works(self.environment(self.answerer("partial", times=1).port))
        self.assert_works(self.environment(self.answerer("internal", times=1).port))


class Credentials(Network):
    def test_missing_credentials_name_every_place(self):
        environment = self.environment(self.answerer().port, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None,
                                       AWS_SESSION_TOKEN=None)
        self.assert_fails(environment, r"AWS_ACCESS_KEY_ID.*credentials.*AWS_CONTAINER_CREDENTIALS.*AWS_EC2_METADATA_DISABLED")

    def test_half_of_a_pair_of_keys_is_said(self):
        environment = self.environment(self.answerer().port, AWS_ACCESS_KEY_ID=None)
        self.assert_fails(environment, "AWS_ACCESS_KEY_ID")

    def test_expired_ones_are_fetched_again_once(self):
        given = []

        def answer(method, path, headers, body):
            given.append(headers.get("authorization"))
            return 200, {"content-type": "application/json"}, faulty.credentials(f"AKID{len(given)}", SECRET, TOKEN)

        endpoint = self.served(answer)
        for times, requests, fetched in ((1, 2, 2), (-1, 2, 2)):
            with self.subTest(times=times):
                given.clear()
                server = self.answerer("expired", times=times)
                environment = self.environment(
                    server.port, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_SESSION_TOKEN=None,
                    AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{endpoint.port}/creds",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN=SECRET)
                if times > 0:
                    self.assert_works(environment)
                else:
                    self.assert_fails(environment, "ExpiredToken")
                self.assertEqual(given, [SECRET] * fetched)
                self.assertEqual(server.stop()["requests"], requests)

    def test_a_metadata_service_that_hangs_does_not_hang_the_tick(self):
        hole = self.silent()
        environment = self.environment(
            self.answerer().port, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_SESSION_TOKEN=None,
            AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://127.0.0.1:{hole.port}",
            AWS_METADATA_SERVICE_TIMEOUT="0.3", AWS_METADATA_SERVICE_NUM_ATTEMPTS="1")
        seconds = self.assert_fails(environment, rf"imds: 127\.0\.0\.1:{hole.port}: .*timed out")
        self.assertLess(seconds, 10)
        daemon = self.dir.run("run", environment=environment)
        self.assertEqual(daemon.returncode, 1)
        self.assertIn("timed out", daemon.stderr)

    def test_a_clock_that_is_off_is_corrected_once(self):
        server = self.answerer("skew")
        status, document, said, _ = self.once(self.environment(server.port))
        self.assertEqual((status, document["errors"]), (0, []))
        self.assertIn("cloudwatch.clock_skew", said)
        self.assertEqual(server.stop()["requests"], 2)


class Outages(Network):
    FAULTS = (("error500", "500"), ("html-200", "no answer of CloudWatch"), ("truncate", "closed"), ("stall", "timed out"),
              ("garbage", "CBOR answer"), ("throttle", "Throttling"), ("expired", "ExpiredToken"), (None, "refused"))

    def test_the_daemon_goes_on_after_each_fault(self):
        project = self.make_project(period="1s", window="5s", request="300ms")
        port = support.free_port()
        daemon = self.daemon(project, environment=self.environment(port))
        daemon.wait_for("metrics.failed", lambda event: "refused" in event["error"])
        target = lambda: daemon.policy("net")["targets"][0]
        support.wait_until(lambda: daemon.policy("net")["targets"], "the target to be judged")
        self.assertEqual(target()["status"], "unknown")
        for mode, error in self.FAULTS:
            with self.subTest(mode):
                failures = len(daemon.events("metrics.failed"))
                server = self.answerer(mode, port=port) if mode else None
                daemon.wait_for("metrics.failed", lambda event: re.search(error, event["error"]), after=failures)
                self.assertNotEqual(target()["status"], "healthy")
                if server:
                    server.stop()
                successes = len(daemon.events("metrics.collected"))
                server = self.answerer(port=port)
                daemon.wait_for("metrics.collected", lambda event: event["calls"] > 0, after=successes)
                support.wait_until(lambda: target()["status"] == "critical", "data again")
                server.stop()
        self.assertEqual(daemon.stop(), 0)
        self.assert_no_secret(project)

    def test_an_outage_never_resolves_an_issue(self):
        project = self.make_project(period="1s", window="5s")
        server = self.answerer()
        daemon = self.daemon(project, environment=self.environment(server.port))
        daemon.wait_for("analysis.completed")
        types = lambda: [i["type"] for t in daemon.policy("net")["targets"] for i in t["issues"]]
        support.wait_until(lambda: types() == ["hot"], "the issue")
        server.stop()
        support.wait_until(lambda: "blind" in types(), "the last datapoint to leave the window")
        ticks = daemon.policy("net")["ticks"]
        support.wait_until(lambda: daemon.policy("net")["ticks"] > ticks + 1, "more ticks")
        self.assertIn("hot", types())
        self.assertEqual(daemon.policy("net")["targets"][0]["status"], "critical")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    support.main()
