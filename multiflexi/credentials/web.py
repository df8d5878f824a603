"""HTTP for checks: verified, limited in time and size, and never led to another host."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from django.utils.translation import gettext as _
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from multiflexi import __version__
from multiflexi.credentials import tls
from multiflexi.credentials.contract import Given
from multiflexi.credentials.network import Cause, Network, Trouble
from multiflexi.credentials.verdicts import allows, misconfigured

LARGEST_ANSWER = 256 * 1024
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[\w.:-]{1,253}")
_SAFE_IN_TARGET = "/:@!$&'()*+,;=?%~-._"


@dataclass(frozen=True)
class Url:
    """An address as checks use it: without user, password and fragment. Only host and port may be shown."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    def at(self, target: str) -> Url:
        """Another place of the same server."""
        return Url(self.scheme, self.host, self.port, target)

    def below(self, path: str) -> Url:
        """A place below this one."""
        return self.at(f"{self.target.partition('?')[0].rstrip('/')}/{path.lstrip('/')}")


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names are in lower case."""

    host: str
    port: int
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def url(given: Given, name: str, text: str = "", *, plain: bool = False) -> Url:
    """The address in a field, or in `text`; http only if `plain` or the type allows it. Raises CannotResolve."""
    split = _split(text or given.text(name))
    if split is None:
        raise misconfigured(
            _("%(name)s must be an address such as https://server.example.org; special characters must be escaped.")
            % {"name": name}
        )
    if split.scheme == "http" and not (plain or allows(given, "allow_http")):
        raise misconfigured(
            _("%(name)s must begin with https://, unless its credential type has the option allow_http.")
            % {"name": name}
        )
    target = quote(split.path or "/", safe=_SAFE_IN_TARGET)
    query = f"?{quote(split.query, safe=_SAFE_IN_TARGET)}" if split.query else ""
    return Url(split.scheme, split.hostname or "", split.port or _PORTS[split.scheme], target + query)


def basic(user: str, password: str) -> dict[str, str]:
    """The header that signs in with user and password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def form(fields: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Header and body of a form that is sent by POST."""
    return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(fields).encode()


def as_json(value: Any) -> tuple[dict[str, str], bytes]:
    """Header and body of a JSON document that is sent by POST."""
    return {"Content-Type": "application/json"}, json.dumps(value).encode()


def ask(
    network: Network,
    given: Given,
    method: str,
    address: Url,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    largest: int = LARGEST_ANSWER,
    trust: ssl.SSLContext | None = None,
    follow: bool = True,
) -> Answer:
    """Send one request. Redirects are followed within one server only. Raises Trouble or CannotResolve.

    `trust` replaces the authorities of the credential type; without `follow` a redirect is an answer like others.
    """
    trust = (trust or tls.context(given)) if address.scheme == "https" else None
    for _attempt in range(_MOST_REDIRECTS + 1):
        answer = _ask_once(network, trust, method, address, headers=headers or {}, body=body, largest=largest)
        if not follow or answer.status not in _REDIRECTS:
            return answer
        following = _following(address, answer.headers.get("location", ""))
        if following is None or method not in ("GET", "HEAD"):
            break
        address = following
    raise Trouble(Cause.REDIRECT, address.host, address.port)


def _split(text: str) -> SplitResult | None:
    """The parts of a web address; None for anything that two programs might read differently."""
    try:
        split = urlsplit(text)
        usable = split.scheme in _PORTS and bool(_HOST.fullmatch(split.hostname or "")) and split.port != 0
    except ValueError:
        return None
    # A password with an unescaped / or ? ends the host too early; what would be taken as host is a part of it.
    is_misread = "@" in split.path + split.query + split.fragment
    return split if usable and not is_misread and text.isprintable() and " " not in text else None


def _following(address: Url, location: str) -> Url | None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    try:
        split = _split(urljoin(f"{address.scheme}://{host}:{address.port}{address.target}", location))
    except ValueError:
        split = None
    if not location or split is None:
        return None
    there = (split.scheme, split.hostname, split.port or _PORTS[split.scheme])
    if there != (address.scheme, address.host, address.port):
        return None
    return address.at(split.path + (f"?{split.query}" if split.query else "") or "/")


def _ask_once(
    network: Network,
    trust: ssl.SSLContext | None,
    method: str,
    address: Url,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    largest: int,
) -> Answer:
    connection = _connection(network, trust, address)
    trouble = None
    try:
        connection.request(
            method,
            address.target,
            body=body,
            headers={"User-Agent": f"MultiFlexi/{__version__}", "Accept-Encoding": "identity", **headers},
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        content = b"" if method == "HEAD" else response.read(largest + 1)
        found = {name.lower(): value for name, value in response.headers.items()}
    except OSError as error:
        trouble = tls.trouble(error, address.host, address.port, network)
    except (HTTPException, HTTPError, ValueError):
        cause = Cause.TIMEOUT if network.is_over else Cause.NOT_HTTP
        trouble = Trouble(cause, address.host, address.port)
    finally:
        connection.close()
    if trouble is not None:
        raise trouble
    if len(content) > largest:
        raise Trouble(Cause.TOO_LARGE, address.host, address.port)
    return Answer(address.host, address.port, response.status, found, content)


def _connection(network: Network, trust: ssl.SSLContext | None, address: Url) -> HTTPConnection:
    if trust is None:
        plain = _Plain(address.host, address.port)
        plain.network = network
        return plain
    secure = _Secure(address.host, address.port, ssl_context=trust)
    secure.network = network
    return secure


class _Plain(HTTPConnection):
    """Connects where the rules for checks allow it."""

    network: Network

    def _new_conn(self) -> socket.socket:
        return self.network.connect(self.host, self.port or _PORTS["http"])


class _Secure(HTTPSConnection):
    """Connects where the rules for checks allow it."""

    network: Network

    def _new_conn(self) -> socket.socket:
        return self.network.connect(self.host, self.port or _PORTS["https"])
