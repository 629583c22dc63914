"""Servers that go wrong on loopback: the answerer in one of its modes, sockets that never answer, a TLS end whose
certificate is for somebody else, and an endpoint for credentials."""

import contextlib
import http.server
import json
import re
import select
import socket
import ssl
import subprocess
import threading
import unittest

import support


class Answerer:
    """tests/support/answerer.c in a process of its own."""

    def __init__(self, mode="ok", times=-1, port=0):
        self.process = subprocess.Popen([str(support.ANSWERER), "--mode", mode, "--times", str(times), "--port", str(port)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        said = self.process.stdout.readline()
        if not said:
            raise AssertionError(f"the answerer did not start: {self.process.communicate()[1]}")
        self.port = int(said)

    def stop(self):
        """Ends it; gives its counts: connections, requests, and those by protocol."""
        if self.process.poll() is None:
            self.process.terminate()
        text = self.process.communicate(timeout=support.DEADLINE_S)[1]
        names = ("connections", "requests", "cbor", "json", "query")
        return dict(zip(names, map(int, re.findall(r"\d+", text))))


class Silent:
    """A port that takes connections (the kernel does) and never says a word; with `full`, one that does not even
    take connections: its backlog is full, so that a SYN is dropped as by a router that drops it."""

    def __init__(self, full=False):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0 if full else 64)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while full:
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)
            if not select.select([], [filler], [], 0.2)[1]:
                break

    def stop(self):
        for s in [self.listener, *self.fillers]:
            s.close()


class Served:
    """A threaded HTTP server that answers by a function: (method, path, headers, body) -> (status, headers, body).
    With a certificate file it speaks TLS."""

    def __init__(self, answer, certificate=None):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.requests.append((self.command, self.path, dict(self.headers)))
                status, headers, content = answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):  # it may be refused in the middle
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # a handshake that the client broke off is what a test is after
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def certificate(directory, host):
    """A self-signed certificate and its key for `host`, in one file, which is a CA bundle too."""
    path = directory / f"{host}.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                           "-keyout", str(path) + ".key", "-out", str(path)], capture_output=True, text=True)
    if made.returncode:
        raise unittest.SkipTest(f"SKIPPED: openssl makes no certificate: {made.stderr[-300:]}")
    with open(path, "a") as file:
        file.write((path.with_name(path.name + ".key")).read_text())
    return path


def credentials(name, secret, token=None, seconds=3600):
    """What a credentials endpoint answers."""
    import datetime
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    found = {"AccessKeyId": name, "SecretAccessKey": secret, "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if token:
        found["Token"] = token
    return json.dumps(found).encode()
