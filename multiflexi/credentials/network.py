"""The network as a check may use it: one time limit over everything, and no addresses of this host.

A name is resolved once, and the connection goes to the very address that was looked at; an answer of the name server
that changes meanwhile has no effect.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from django.conf import settings

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 15.0

Address = IPv4Address | IPv6Address
T = TypeVar("T")

# Where clouds answer with the machine's own credentials; not all of these addresses are link-local.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"))
)
_THIS_HOST = ipaddress.IPv4Network("0.0.0.0/8")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Cause(StrEnum):
    """Why there is no answer."""

    UNKNOWN_NAME = "unknown_name"
    NO_NAME_SERVER = "no_name_server"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    TLS = "tls"
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"


class Trouble(Exception):
    """The network gave no usable answer. Host and port are the only parts of an address that it keeps."""

    def __init__(self, cause: Cause, host: str, port: int, expires: str = "") -> None:
        super().__init__(f"{cause.value} {place(host, port)}")
        self.cause, self.host, self.port, self.expires = cause, host, port, expires


class Found(NamedTuple):
    """An address that a name stands for and that may be connected to."""

    family: socket.AddressFamily
    address: tuple[object, ...]


class Network:
    """Connections of one check. On leaving, and at the latest after its time limit, all of them are cut.

    Cutting is done from outside of the reading thread, because a server that sends one byte every second never lets
    a read time out.
    """

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self._end = time.monotonic() + seconds
        self._cuts: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._cut_all()

    @property
    def left(self) -> float:
        """Seconds that are left, never less than a hundredth."""
        return max(self._end - time.monotonic(), 0.01)

    @property
    def is_over(self) -> bool:
        """Whether the time limit has passed."""
        return time.monotonic() >= self._end

    def resolve(self, host: str, port: int) -> list[Found]:
        """The permitted addresses of a name. Raises Trouble."""
        try:
            answers = self.within(lambda: _ask(host, port), CONNECT_SECONDS)
        except TimeoutError:
            raise Trouble(Cause.NO_NAME_SERVER, host, port) from None
        except socket.gaierror as error:
            passing = error.errno in (socket.EAI_AGAIN, socket.EAI_SYSTEM, socket.EAI_MEMORY)
            raise Trouble(Cause.NO_NAME_SERVER if passing else Cause.UNKNOWN_NAME, host, port) from None
        except (UnicodeError, ValueError, OSError):
            raise Trouble(Cause.UNKNOWN_NAME, host, port) from None
        permitted = [found for found in answers if is_permitted(host, str(found.address[0]))]
        if not permitted:
            raise Trouble(Cause.FORBIDDEN, host, port)
        return permitted

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to the first permitted address that takes it, with the rest of the time as limit."""
        found = self.resolve(host, port)
        end = time.monotonic() + min(CONNECT_SECONDS, self.left)
        cause = Cause.TIMEOUT
        for tried, target in enumerate(found):
            try:
                connection = _open(target, max((end - time.monotonic()) / (len(found) - tried), 0.01))
            except TimeoutError:
                cause = Cause.TIMEOUT
            except OSError:
                cause = Cause.REFUSED
            else:
                self._watch(connection)
                connection.settimeout(self.left)
                return connection
        raise Trouble(cause, host, port)

    def reach(self, host: str, port: int) -> None:
        """See whether a server takes connections. Raises Trouble."""
        with self.connect(host, port) as connection, contextlib.suppress(OSError):
            # The duplicate would keep the connection open.
            connection.shutdown(socket.SHUT_RDWR)

    def within(self, work: Callable[[], T], seconds: float = TOTAL_SECONDS) -> T:
        """What the work returns or raises; TimeoutError when it takes longer than the limit.

        For libraries that cannot be interrupted: their thread is left behind and ends by itself.
        """
        answer: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                answer.put((work(), None))
            except BaseException as error:
                answer.put((None, error))

        threading.Thread(target=run, name="credential-check", daemon=True).start()
        try:
            result, error = answer.get(timeout=min(seconds, self.left))
        except queue.Empty:
            raise TimeoutError from None
        if error is not None:
            raise error
        return result  # type: ignore[return-value]

    def trouble(self, error: OSError, host: str, port: int) -> Trouble:
        """What an error on an open connection means."""
        is_timeout = self.is_over or isinstance(error, TimeoutError)
        return Trouble(Cause.TIMEOUT if is_timeout else Cause.BROKEN, host, port)

    def _watch(self, connection: socket.socket) -> None:
        # A duplicate stays valid when TLS takes the connection over, and cuts it all the same.
        with self._lock:
            self._cuts.append(connection.dup())
        if self._timer is None:
            self._timer = threading.Timer(self.left, self._cut_all)
            self._timer.daemon = True
            self._timer.start()

    def _cut_all(self) -> None:
        with self._lock:
            cuts, self._cuts = self._cuts, []
        for connection in cuts:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def is_permitted(host: str, address: str) -> bool:
    """Whether checks may connect to an address; MULTIFLEXI_CHECK_ALLOW makes exceptions by name, address or network."""
    found = _plain(address)
    allowed = [entry.lower() for entry in settings.MULTIFLEXI_CHECK_ALLOW]
    if host.lower().rstrip(".") in allowed or any(found in network for network in _networks(allowed)):
        return True
    return not (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or found in _METADATA
        or found in _THIS_HOST
    )


def place(host: str, port: int) -> str:
    """Host and port as messages show them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _plain(address: str) -> Address:
    """The address itself, without zone, and out of the IPv6 addresses that only wrap an IPv4 one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return found
    if found in _NAT64:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or found


def _networks(allowed: list[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for entry in allowed:
        with contextlib.suppress(ValueError):
            networks.append(ipaddress.ip_network(entry, strict=False))
    return networks


def _ask(host: str, port: int) -> list[Found]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Found(family, address) for family, _, _, _, address in infos]


def _open(target: Found, seconds: float) -> socket.socket:
    connection = socket.socket(target.family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(target.address)
    except OSError:
        connection.close()
        raise
    return connection
