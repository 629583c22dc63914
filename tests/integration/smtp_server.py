"""Runs in build/venv: a mail server (aiosmtpd) on 127.0.0.1 for test_mail.py.

  smtp_server.py DIR PORT CERT KEY MODE PASSWORD     MODE: plain | starttls | auth | auth-without-tls | smtps

Each mail becomes DIR/<n>.json { from, to, data, tls, login }. Recipients: gone@... is refused with 550, busy@... with 450,
once@... with 450 the first time. DIR/next says how DATA is answered once: a reply, "stall" or "drop"; DIR/quit that QUIT is
not answered; DIR/echo that a refused login is told with the password."""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

directory, port, certificate, key, mode, password = sys.argv[1:]
directory = pathlib.Path(directory)
put_off = set()
count = 0


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "gone":
            return "550 5.1.1 no such user"
        if name == "busy" or (name == "once" and address not in put_off):
            put_off.add(address)
            return "450 4.2.1 mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        once = directory / "next"
        if once.exists():
            what = once.read_text()
            once.unlink()
            if what == "drop":
                server.transport.abort()
            if what == "stall":
                await asyncio.sleep(120)
            return what
        count += 1
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "data": envelope.original_content.decode("ascii"),
                "tls": session.ssl is not None or mode == "smtps",
                "login": session.auth_data.login.decode() if session.authenticated else None}
        draft = directory / f"{count}.draft"
        draft.write_text(json.dumps(mail))
        draft.rename(directory / f"{count}.json")
        return f"250 2.0.0 queued as {count}"

    async def handle_QUIT(self, server, session, envelope):
        if (directory / "quit").exists():
            await asyncio.sleep(120)
        return "221 Bye"


def authenticate(server, session, envelope, mechanism, data):
    if data.login == b"tide" and data.password == password.encode():
        return AuthResult(success=True, auth_data=data)
    message = "535 5.7.8 wrong login"
    if (directory / "echo").exists():
        message += " " + data.password.decode()
    return AuthResult(success=False, handled=False, message=message)


def make():
    context = None
    if mode in ("starttls", "auth"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    auth = mode in ("auth", "auth-without-tls", "smtps")
    return SMTP(Handler(), hostname="mail.test", tls_context=context, require_starttls=context is not None,
                authenticator=authenticate if auth else None, auth_required=auth,
                auth_require_tls=mode in ("auth", "plain"), timeout=120)


async def main():
    context = None
    if mode == "smtps":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", int(port), ssl=context)
    await server.serve_forever()


asyncio.run(main())
