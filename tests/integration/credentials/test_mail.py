"""Checks of mail servers: a real SMTP server, and one that speaks IMAP."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from multiflexi.credentials import registry
from multiflexi.credentials.contract import Given, Result
from tests.unit.credentials.samples import MARK
from tests.unit.credentials.standin import HOST, authority, refusing, server_context, talking

MAIL = registry.get("Mail")
PASSWORD = f"{MARK}/@:# ž"


class Sink:
    """Keeps the commands that would send something."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:
        self.sent.append(address)
        return "250 OK"


@contextlib.contextmanager
def smtp(*, starttls: bool = True, implicit: bool = False) -> Iterator[tuple[int, Sink]]:
    sink = Sink()

    def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"jobs", PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    controller = Controller(
        sink,
        hostname=HOST,
        port=refusing(),
        authenticator=authenticate,
        auth_require_tls=starttls and not implicit,
        tls_context=server_context() if starttls and not implicit else None,
        ssl_context=server_context() if implicit else None,
    )
    controller.start()
    try:
        yield controller.port, sink
    finally:
        controller.stop()


def check(port: int, password: str | None = PASSWORD, scheme: str = "smtp", **options: object) -> Result:
    login = f"jobs:{quote(password, safe='')}@" if password is not None else ""
    dsn = f"{scheme}://{login}{HOST}:{port}"
    return MAIL.check(Given({"MAIL_DSN": dsn}, options={"authority": authority(), **options}))


def test_starttls_and_login_without_sending() -> None:
    with smtp() as (port, sink):
        result = check(port)
        assert (result.state, result.message) == ("available", f"{HOST}:{port} accepts the login.")
        assert sink.sent == []


def test_implicit_tls() -> None:
    with smtp(implicit=True) as (port, _sink):
        assert check(port, scheme="smtps").state == "available"


def test_a_wrong_password() -> None:
    with smtp() as (port, _sink):
        result = check(port, f"{MARK}-wrong")
        assert result.state == "misconfigured"
        assert MARK not in repr(result)


def test_a_server_without_login() -> None:
    with smtp(starttls=False) as (port, _sink):
        assert check(port, None).state == "available"


def test_no_password_goes_over_a_plain_line() -> None:
    with smtp(starttls=False) as (port, _sink):
        assert check(port).state == "degraded"
        assert check(port, allow_plain_login="yes").state == "available"
        assert check(port, f"{MARK}-wrong", allow_plain_login="yes").state == "misconfigured"


def test_a_certificate_that_nobody_vouches_for() -> None:
    with smtp() as (port, _sink):
        assert check(port, authority="").state == "misconfigured"


@pytest.mark.parametrize(
    ("greeting", "state"), [(b"421 too busy\r\n", "unavailable"), (b"554 go away\r\n", "unavailable")]
)
def test_a_server_that_is_not_ready(greeting: bytes, state: str) -> None:
    with talking(greeting) as port:
        assert check(port).state == state


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        MARK,
        f"smtp://{MARK}",
        f"smtp://jobs:{MARK}/x@{HOST}:25",
        f"smtp://jobs:12/{MARK}@{HOST}",
        f"smtp://a:b@c/{MARK}@{HOST}",
        f"gopher://jobs:{MARK}@{HOST}",
        f"smtp://jobs:{MARK}@{HOST}:0",
        f"smtp://jobs:{MARK}@",
    ],
    ids=range(9),
)
def test_what_is_no_dsn(dsn: str, monkeypatch) -> None:
    result = MAIL.check(Given({"MAILER_DSN": dsn}))
    assert result.state in ("misconfigured", "unavailable")
    assert MARK not in repr(result)


def test_both_names_are_provided() -> None:
    made = MAIL.resolve(Given({"MAILER_DSN": f"smtp://{HOST}"}))
    assert made == {"MAIL_DSN": (f"smtp://{HOST}", True)}


class Imap(socketserver.StreamRequestHandler):
    """As much of an IMAP server as a login needs."""

    def handle(self) -> None:
        if self.server.encrypted:
            self.request = server_context().wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, _blank, command = line.decode().rstrip().partition(" ")
            self.server.commands.append(command.split(" ")[0])
            if command.startswith("CAPABILITY"):
                offered = b"" if self.server.encrypted or not self.server.starttls else b" STARTTLS"
                self.wfile.write(b"* CAPABILITY IMAP4rev1" + offered + b"\r\n")
            elif command.startswith("LOGIN") and MARK not in command:
                self.wfile.write(f"{tag} NO [AUTHENTICATIONFAILED] {MARK}\r\n".encode())
                continue
            self.wfile.write(f"{tag} OK done\r\n".encode())
            if command.startswith("STARTTLS"):
                self.server.encrypted = True
                return self.handle_after_tls()
            if command.startswith("LOGOUT"):
                return None
        return None

    def handle_after_tls(self) -> None:
        self.server.encrypted = True
        self.request = server_context().wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        for line in self.rfile:
            tag, _blank, command = line.decode().rstrip().partition(" ")
            self.server.commands.append(command.split(" ")[0])
            if command.startswith("CAPABILITY"):
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            self.wfile.write(f"{tag} OK done\r\n".encode())


@contextlib.contextmanager
def imap(*, encrypted: bool = True, starttls: bool = True) -> Iterator[socketserver.ThreadingTCPServer]:
    server = socketserver.ThreadingTCPServer((HOST, 0), Imap)
    server.daemon_threads, server.block_on_close = True, False
    server.encrypted, server.starttls, server.commands = encrypted, starttls, []
    server.handle_error = lambda *args: None
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def check_imap(server: socketserver.ThreadingTCPServer, password: str = MARK, **options: object) -> Result:
    values = {
        "IMAP_HOST": HOST,
        "IMAP_PORT": str(server.server_address[1]),
        "IMAP_USERNAME": "jobs",
        "IMAP_PASSWORD": password,
    }
    return MAIL.check(Given(values, options={"authority": authority(), **options}))


def test_imap_over_tls() -> None:
    with imap() as server:
        assert check_imap(server, imap_tls=True).state == "available"
        assert server.commands == ["CAPABILITY", "LOGIN", "LOGOUT"]


def test_imap_with_starttls() -> None:
    with imap(encrypted=False) as server:
        assert check_imap(server).state == "available"
        assert "LOGIN" in server.commands


def test_imap_without_encryption_gets_no_password() -> None:
    with imap(encrypted=False, starttls=False) as server:
        assert check_imap(server).state == "degraded"
        assert "LOGIN" not in server.commands


def test_imap_with_a_wrong_password() -> None:
    with imap() as server:
        result = check_imap(server, "other", imap_tls=True)
        assert (result.state, MARK in repr(result)) == ("misconfigured", False)


def test_the_worse_of_both_servers_counts() -> None:
    with smtp() as (port, _sink), talking(b"* BYE\r\n") as imap_port:
        dsn = f"smtp://jobs:{quote(PASSWORD, safe='')}@{HOST}:{port}"
        values = {"MAIL_DSN": dsn, "IMAP_HOST": HOST, "IMAP_PORT": str(imap_port)}
        values |= {"IMAP_USERNAME": "jobs", "IMAP_PASSWORD": MARK}
        assert MAIL.check(Given(values, options={"authority": authority()})).state == "unavailable"
