"""Servers on real sockets that stand in for those of banks, clouds and accounting systems."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"
_NOW = datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Route = Reply | Callable[[Request], Reply]


class StandIn:
    """An HTTP server with fixed answers; what it was asked is in `requests`, unknown paths are answered by 404."""

    def __init__(self, routes: dict[str, Route] | None = None, otherwise: Route | None = None) -> None:
        self.routes, self.otherwise = routes or {}, otherwise or Reply(404)
        self.requests: list[Request] = []
        self.encrypted = True
        self.server = ThreadingHTTPServer((HOST, 0), self._handler())
        self.port = self.server.server_port

    @property
    def url(self) -> str:
        return f"{'https' if self.encrypted else 'http'}://{HOST}:{self.port}"

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        path = request.path.partition("?")[0]
        route = self.routes.get(f"{request.method} {path}") or self.routes.get(path) or self.otherwise
        return route if isinstance(route, Reply) else route(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = standin.answer(Request(self.command, self.path, headers, body))
                content = reply.content()
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_HEAD = do_POST = handle_any

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@contextlib.contextmanager
def running(standin: StandIn, *, encrypted: bool = True, expired: bool = False) -> Iterator[StandIn]:
    standin.encrypted = encrypted
    if encrypted:
        standin.server.socket = server_context(expired).wrap_socket(standin.server.socket, server_side=True)
    standin.server.handle_error = lambda *args: None  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: standin.server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        standin.server.shutdown()
        standin.server.server_close()
        thread.join()


@contextlib.contextmanager
def talking(*lines: bytes, in_turn: bool = False) -> Iterator[int]:
    """A server that says these lines to everybody, whatever it is told, and then keeps silent; yields its port.

    `in_turn` it says each of them only after it was told something.
    """
    listener = socket.create_server((HOST, 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listener.accept()
                taken.append(connection)
                for line in lines:
                    if not in_turn or connection.recv(65536):
                        connection.sendall(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        thread.join()


def silent() -> contextlib.AbstractContextManager[int]:
    """A server that accepts and never answers."""
    return talking()


@contextlib.contextmanager
def dripping(beginning: bytes = b"HTTP/1.1 200 OK\r\nX-A: ") -> Iterator[int]:
    """A server that sends one byte after the other without an end, so that no single read ever times out."""
    listener, stop = socket.create_server((HOST, 0)), threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _address = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(beginning)
                while not stop.wait(0.02):
                    connection.sendall(b"a")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def refusing() -> int:
    """A port that nobody listens at."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


@cache
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_NOW - datetime.timedelta(days=1000))
        .not_valid_after(_NOW + datetime.timedelta(days=1000))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False),
            critical=True,
        )
    )
    return made.sign(key, hashes.SHA256()), key


@cache
def authority() -> str:
    """The certificate of the authority that all stand-ins are certified by, as PEM."""
    return _authority()[0].public_bytes(serialization.Encoding.PEM).decode()


def certified(
    common_name: str, begins: datetime.datetime, ends: datetime.datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate for this host and its key."""
    issuer, issuer_key = _authority()
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return made.sign(issuer_key, hashes.SHA256()), key


@cache
def server_context(expired: bool = False) -> ssl.SSLContext:
    """What a server on this host encrypts with."""
    ends = _NOW + datetime.timedelta(days=-1 if expired else 30)
    certificate, key = certified("Stand-in", _NOW - datetime.timedelta(days=60), ends)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "server.pem")
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(file)
    return context
