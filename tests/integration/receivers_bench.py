"""What the tests of receivers share: a sink that speaks HTTPS with a certificate made for the test, and answers as it
is told; the tool that drives the courier; and notifications."""

import contextlib
import http.server
import json
import ssl
import subprocess
import sys
import tempfile
import threading

import support

TOOL = support.BUILD / "tests" / "courier_tool"
SINCE = 1760000000000


def make_certificate(directory):
    """An authority and a certificate of 127.0.0.1; gives the paths of both and of the key."""
    ca, ca_key, key, request, cert = (directory / n for n in ("ca.pem", "ca.key", "key.pem", "request.pem", "cert.pem"))
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new, "-keyout", ca_key, "-out", ca, "-days", 2, "-subj", "/CN=authority of a test")
    openssl("req", *new, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", cert, "-days", 2,
            "-extfile", extensions)
    return ca, cert, key


class Sink:
    """Takes everything. `seen` lists { method, path, headers, body (text), json }. `answers` are given in turn, then
    `answer` for ever: (status, headers, body), "drop", "stall", or a function of what was seen that gives one."""

    def __init__(self, certificate=None):
        self.seen, self.answers, self.answer = [], [], (200, {}, "ok")
        self.lock, self.over = threading.Lock(), threading.Event()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def take(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                entry = {"method": self.command, "path": self.path, "body": body,
                         "headers": {k.lower(): v for k, v in self.headers.items()}}
                with contextlib.suppress(ValueError):
                    entry["json"] = json.loads(body)
                with sink.lock:
                    sink.seen.append(entry)
                    answer = sink.answers.pop(0) if sink.answers else sink.answer
                answer = answer(entry) if callable(answer) else answer
                if answer == "stall":
                    sink.over.wait(support.DEADLINE_S)
                if isinstance(answer, str):
                    self.close_connection = True
                    return
                status, headers, text = answer
                data = text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = take

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
                    super().handle_error(request, address)

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


def alert(number=1, state="firing", **more):
    made = {"id": f"alert-{number}", "policy": "performance", "target": f"environment=prod,service=api-{number}",
            "type": "slow", "key": "", "severity": "high", "state": state, "unknown": False, "since": SINCE,
            "description": f"p99 of api-{number} is 900 ms", "recommendation": "look at it",
            "labels": {"environment": "prod", "service": f"api-{number}"},
            "recommendations": [{"type": "scale", "action": "add a task", "impact": "high", "effort": "low"}],
            "decisions": [], "series": []}
    if state == "resolved":
        made["resolved_at"] = SINCE + 60000
    return {**made, **more}


def notification(*alerts, status="firing", name="n-1", **more):
    alerts = list(alerts) or [alert()]
    return {"id": name, "receiver": "one", "status": status, "at": SINCE + 1000, "group": {"environment": "prod"},
            "group_key": "{}", "repeat": False, "severity": "high", "firing": len(alerts), "resolved": 0, "more": 0,
            "alerts": alerts, **more}


class ReceiverCase(support.Case):
    """A sink with TLS and a courier that trusts it."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.ca, *cls.certificate = make_certificate(support.pathlib.Path(cls.directory.name))

    def setUp(self):
        self.sink = Sink(self.certificate)
        self.addCleanup(self.sink.close)
        self.home = self.project(shipped=False)
        self.environment = support.clean_environment(SSL_CERT_FILE=self.ca)
        self.log_path = self.home.path / "log"
        self.tool, self.said = None, []

    def start(self):
        log = open(self.log_path, "wb")
        self.tool = subprocess.Popen([str(TOOL), str(self.home.path), str(self.home.path / "templates")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=log, text=True, env=self.environment)
        log.close()
        self.addCleanup(self.stop)

    def stop(self):
        if self.tool and not self.tool.stdin.closed:
            self.tool.stdin.close()
            code = self.tool.wait(support.DEADLINE_S)
            self.tool.stdout.close()
            self.assertEqual(code, 0, self.log())

    def log(self):
        return self.log_path.read_text(errors="replace")

    def ask(self, verb, type_name, settings, notice=None, state=None):
        if not self.tool:
            self.start()
        line = {"do": verb, "type": type_name, "settings": settings, "notification": notice or notification()}
        if state is not None:
            line["state"] = state
        self.tool.stdin.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.tool.stdin.flush()
        text = self.tool.stdout.readline()
        if not text:
            raise AssertionError(f"the tool ended: {self.log()}")
        self.said.append(text)
        return json.loads(text)

    def send(self, type_name, settings, notice=None, state=None):
        return self.ask("send", type_name, settings, notice, state)

    def taken(self, *arguments):
        answer = self.send(*arguments)
        self.assertEqual(answer["code"], "OK", answer)
        return answer

    def refused(self, permanent, words, *arguments):
        answer = self.send(*arguments)
        self.assertNotEqual(answer["code"], "OK", answer)
        self.assertEqual(answer["permanent"], permanent, answer)
        self.assertIn(words, answer["answer"])
        return answer

    def check(self, type_name, **settings):
        return self.ask("check", type_name, settings)["text"]

    def unsaid(self, *secrets):
        """None of them is in anything that came out."""
        for secret in secrets:
            self.assertNotIn(secret, "".join(self.said))
            self.assertNotIn(secret, self.log())
