"""Checks against a real SSH server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from multiflexi.credentials import registry
from multiflexi.credentials.contract import Given, Result
from tests.unit.credentials.samples import MARK
from tests.unit.credentials.standin import HOST, talking

asyncssh = pytest.importorskip("asyncssh")
SSH = registry.get("SSH")
SERVER_KEY, CLIENT_KEY, OTHER_KEY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
PASSWORD = f"{MARK}-ssh"


class Server(asyncssh.SSHServer):
    """Takes one user with one password or key."""

    attempts = 0

    def begin_auth(self, username: str) -> bool:
        type(self).attempts += 1
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("runner", PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "runner" and key.public_data == CLIENT_KEY.public_data


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    loop, found = asyncio.new_event_loop(), threading.Event()
    numbers: list[int] = []

    async def serve() -> None:
        server = await asyncssh.create_server(Server, HOST, 0, server_host_keys=[SERVER_KEY])
        numbers.append(server.get_port())
        found.set()

    loop.create_task(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert found.wait(10)
    yield numbers[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def check(port: int, key: asyncssh.SSHKey | None = SERVER_KEY, prefix: str = "", **values: str) -> Result:
    own = {"SSH_HOST": HOST, "SSH_PORT": str(port), "SSH_USERNAME": "runner", "SSH_PASSWORD": PASSWORD}
    known = prefix + key.export_public_key("openssh").decode() if key else ""
    result = SSH.check(Given({**own, "SSH_KNOWN_HOST": known, **values}))
    assert MARK not in repr(result)
    return result


def private(key: asyncssh.SSHKey, passphrase: str | None = None) -> str:
    return key.export_private_key("openssh", passphrase).decode()


@pytest.mark.parametrize("prefix", ["", f"{HOST} ", "|1|hash|ed= "])
def test_a_password_at_a_known_server(port: int, prefix: str) -> None:
    assert check(port, prefix=prefix).state == "available"


def test_a_key_with_and_without_passphrase(port: int) -> None:
    assert check(port, SSH_PASSWORD="", SSH_PRIVATE_KEY=private(CLIENT_KEY)).state == "available"
    sealed = private(CLIENT_KEY, f"{MARK}-phrase")
    assert check(port, SSH_PASSWORD="", SSH_PRIVATE_KEY=sealed, SSH_PASSPHRASE=f"{MARK}-phrase").state == "available"
    assert check(port, SSH_PASSWORD="", SSH_PRIVATE_KEY=sealed, SSH_PASSPHRASE="other").state == "misconfigured"
    assert check(port, SSH_PASSWORD="", SSH_PRIVATE_KEY=sealed).state == "misconfigured"


@pytest.mark.parametrize(
    "values",
    [
        {"SSH_PASSWORD": f"{MARK}-wrong"},
        {"SSH_USERNAME": "nobody"},
        {"SSH_PASSWORD": "", "SSH_PRIVATE_KEY": private(OTHER_KEY)},
        {"SSH_PASSWORD": "", "SSH_PRIVATE_KEY": MARK},
        {"SSH_PASSWORD": ""},
        {"SSH_PORT": "70000"},
        {"SSH_KNOWN_HOST": "no key"},
        {"SSH_KNOWN_HOST": f"{HOST} ssh-ed25519 AAAA"},
    ],
    ids=range(8),
)
def test_what_a_person_has_to_correct(port: int, values: dict[str, str]) -> None:
    assert check(port, **values).state == "misconfigured"


def test_another_key_of_the_server_gets_no_password(port: int) -> None:
    before = Server.attempts
    result = check(port, OTHER_KEY)
    assert (result.state, "SSH_KNOWN_HOST" in result.message) == ("misconfigured", True)
    assert Server.attempts == before


def test_an_unknown_server_gets_no_password_and_its_key_is_shown(port: int) -> None:
    before = Server.attempts
    result = check(port, None)
    assert result.state == "degraded"
    assert result.details["server_key"] == SERVER_KEY.export_public_key("openssh").decode().strip()
    assert result.details["fingerprint"].startswith("SHA256:")
    assert Server.attempts == before


def test_another_protocol(port: int) -> None:
    with talking(b"220 ftp\r\n" * 2000) as other:
        assert check(other).state == "unavailable"


def test_without_the_library_the_server_is_only_reached(port: int, monkeypatch) -> None:
    monkeypatch.setattr(SSH, "library", "no_such_library")
    assert check(port).state == "degraded"
