"""What the tests of decision kinds share: a proxy in front of a server, which notes each request and can answer in its
place; the tool that drives the kinds; and boto3, to make what is there and to see what became of it."""

import contextlib
import http.client
import http.server
import json
import subprocess
import sys
import threading
import urllib.parse

import support

TOOL = support.BUILD / "tests" / "actor_tool"
BOTO = support.pathlib.Path(__file__).with_name("boto_calls.py")


def operation_of(headers, body):
    target = headers.get("x-amz-target")
    if target:
        return target.split(".")[-1]
    return urllib.parse.parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0]


class Proxy:
    """Forwards to a port of loopback. `seen` lists (operation, body); `faults` maps an operation to what is answered in
    its place: (status, body), or "close" for a connection that ends without an answer. `arrived` and `answered` are
    called, where they are set, with (operation, body) before a request goes on and before its answer goes back."""

    def __init__(self, backend):
        self.backend, self.seen, self.faults = backend, [], {}
        self.arrived = self.answered = None
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it has died
                    self.close_connection = True
                    return
                operation = operation_of(self.headers, body)
                text = body.decode(errors="replace")
                proxy.seen.append((operation, text))
                if proxy.arrived:
                    proxy.arrived(operation, text)
                fault = proxy.faults.get(operation)
                if fault == "close":
                    self.close_connection = True
                    return
                if fault:
                    self.reply(fault[0], [("Content-Type", "application/x-amz-json-1.1"),
                                          ("x-amzn-RequestId", "fault-1")], fault[1].encode())
                    return
                connection = http.client.HTTPConnection("127.0.0.1", proxy.backend, timeout=support.DEADLINE_S)
                connection.request("POST", self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if proxy.answered:
                    proxy.answered(operation, text)
                self.reply(answer.status, answer.getheaders(), content)

            do_GET = do_PUT = do_DELETE = do_POST

            def reply(self, status, headers, body):
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # nobody waits for it any more
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, address):
                if not isinstance(sys.exc_info()[1], ConnectionError):  # who asked has died
                    super().handle_error(request, address)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def writes(self):
        return [operation for operation, _ in self.seen if not operation.startswith(("Describe", "List", "Get"))]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Lines:
    """A program that answers each line of JSON with one."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"the program ended ({self.process.wait()})")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(support.DEADLINE_S)
        self.process.stdout.close()
        return status


class KindsCase(support.Case):
    """Tests against one server, which all tests of a class share; each has a project, a proxy and a tool of its own."""

    module = server = None
    config = 'return { region = "us-east-1", retry = { attempts = 1 }, allow = { "sqs:CreateQueue" }, ' \
        'accounts = { other = { role_arn = "arn:aws:iam::210987654321:role/moontide", region = "eu-west-1" } } }'

    @classmethod
    def setUpClass(cls):
        support.need(cls.module)
        support.need("boto3")
        cls.port = support.free_port()
        server = cls.server(cls.port)
        server.__enter__()
        cls.addClassCleanup(server.__exit__, None, None, None)
        environment = support.aws_environment(cls.port, AWS_DEFAULT_REGION="us-east-1")
        cls.boto_process = Lines([support.VENV, BOTO], environment)
        cls.addClassCleanup(cls.boto_process.close)

    def setUp(self):
        self.lab = self.project(shipped=False, config=self.config)
        self.proxy = Proxy(self.port)
        self.addCleanup(self.proxy.close)
        self.tool = Lines([TOOL, self.lab.path], support.aws_environment(self.proxy.port))
        self.addCleanup(lambda: self.assertEqual(self.tool.close(), 0))

    def boto(self, service, operation, /, **params):
        answer = self.boto_process.ask({"service": service, "operation": operation, "params": params})
        if "error" in answer:
            raise AssertionError(f"{service} {operation}: {answer['error']}")
        return answer["answer"]

    def ask(self, verb, *subjects):
        """subjects: (kind, resource, wanted [, region and account]). What became of each; notes requests anew."""
        self.proxy.seen.clear()
        return self.tool.ask({"do": verb, "subjects": [
            {"kind": kind, "resource": resource, "wanted": wanted, **(where[0] if where else {})}
            for kind, resource, wanted, *where in subjects]})

    def applied(self, subject, writes):
        """Applies one decision, which is to make just these calls that write."""
        answer = self.ask("apply", subject)[0]
        self.assertEqual(self.proxy.writes(), writes, answer)
        if writes:
            self.assertEqual(answer["applied"]["code"], "OK", answer)
            self.assertEqual([call["operation"].split(":")[1] for call in answer["applied"]["calls"]
                              if not call["operation"].split(":")[1].startswith("Describe")], writes)
        else:
            self.assertEqual(answer["changes"], [], answer)
        return answer

    def infeasible(self, subject, text):
        answer = self.ask("apply", subject)[0]
        self.assertIn(text, answer.get("infeasible", ""), answer)
        self.assertEqual(self.proxy.writes(), [])
