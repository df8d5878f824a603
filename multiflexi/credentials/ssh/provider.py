"""SSH and SFTP: signs in, once it knows the key of the server."""

from __future__ import annotations

import asyncio
import socket
from importlib import import_module
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import CannotResolve, Given, Result
from multiflexi.credentials.network import Network, place
from multiflexi.credentials.verdicts import available, degraded, misconfigured, port, require, unavailable

DEFAULT_PORT = 22
KNOWN, KEY, PASSPHRASE, PASSWORD = "SSH_KNOWN_HOST", "SSH_PRIVATE_KEY", "SSH_PASSPHRASE", "SSH_PASSWORD"


class SSH(ShippedProvider):
    """A server that is not known yet gets no password; its key is shown, so that it can be entered."""

    code = "SSH"
    library = "asyncssh"

    def probe(self, given: Given, network: Network) -> Result:
        host, user = require(given, "SSH_HOST", "SSH_USERNAME")
        number = port(given, "SSH_PORT", DEFAULT_PORT)
        if not given.text(PASSWORD) and not given.text(KEY):
            raise misconfigured(_("%(one)s or %(other)s is needed.") % {"one": PASSWORD, "other": KEY})
        connection = network.connect(host, number)
        try:
            library = import_module(self.library)
        except ImportError:
            connection.close()
            return degraded(
                _("%(place)s takes connections; the login was not tried, because the extra ssh is not installed.")
                % {"place": place(host, number)}
            )
        connection.setblocking(False)
        session = _Session(library, given, host, number, user)
        return asyncio.run(session.run(connection, network.left))


class _Session:
    """One attempt to sign in."""

    def __init__(self, library: Any, given: Given, host: str, number: int, user: str) -> None:
        self.library, self.given, self.host, self.number, self.user = library, given, host, number, user
        self.where = {"place": place(host, number)}

    async def run(self, connection: socket.socket, seconds: float) -> Result:
        """Sign in or fetch the server's key. Raises CannotResolve, and nothing else that the other side can cause."""
        known, keys = self._known_hosts(), self._keys()
        try:
            if known is None:
                return self._stranger(await asyncio.wait_for(self._host_key(connection), seconds))
            await asyncio.wait_for(self._sign_in(connection, known, keys), seconds)
        except TimeoutError:
            problem = unavailable(_("%(place)s did not answer in time.") % self.where)
        except self.library.HostKeyNotVerifiable:
            problem = misconfigured(
                _("%(place)s has another key than %(name)s says. Find out why before you enter the new one.")
                % {**self.where, "name": KNOWN}
            )
        except self.library.PermissionDenied:
            problem = misconfigured(_("%(place)s refuses the login; correct user, password or key.") % self.where)
        except (self.library.Error, OSError):
            problem = unavailable(_("%(place)s takes connections, but is not ready for a session.") % self.where)
        else:
            return available(_("%(place)s accepts the login.") % self.where)
        raise problem

    async def _sign_in(self, connection: socket.socket, known: Any, keys: list[Any]) -> None:
        # Nothing of our own account's settings, keys and agent takes part.
        session = await self.library.connect(
            self.host,
            self.number,
            sock=connection,
            config=None,
            known_hosts=known,
            username=self.user,
            password=self.given.values.get(PASSWORD) or None,
            client_keys=keys or None,
            agent_path=None,
            gss_auth=False,
            gss_kex=False,
            host_based_auth=False,
        )
        session.close()
        await session.wait_closed()

    async def _host_key(self, connection: socket.socket) -> Any:
        return await self.library.get_server_host_key(self.host, self.number, sock=connection, config=None)

    def _stranger(self, key: Any) -> Result:
        if key is None:
            raise unavailable(_("%(place)s takes connections, but is not ready for a session.") % self.where)
        line = key.export_public_key("openssh").decode().strip()
        return degraded(
            _("%(place)s answers; the login was not tried, because %(name)s does not say which key the server has.")
            % {**self.where, "name": KNOWN},
            details={"server_key": line, "fingerprint": key.get_fingerprint()},
        )

    def _known_hosts(self) -> Any:
        """The one server key that is trusted, from a line of a known_hosts file or the key alone; None without."""
        text = self.given.text(KNOWN)
        if not text:
            return None
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        keys = []
        for line in lines:
            words = line.split()
            try:
                keys.append(self.library.import_public_key(" ".join(words if _is_key(words[0]) else words[1:])))
            except (self.library.KeyImportError, ValueError, IndexError):
                keys = []
                break
        if not keys:
            raise misconfigured(
                _("%(name)s must be a server's public key, or its line of a known_hosts file.") % {"name": KNOWN}
            )
        return keys, [], []

    def _keys(self) -> list[Any]:
        text, found = self.given.values.get(KEY, ""), None
        if not text.strip():
            return []
        try:
            found = self.library.import_private_key(text.strip() + "\n", self.given.text(PASSPHRASE) or None)
        except (self.library.KeyImportError, self.library.KeyEncryptionError, ValueError):
            problem: CannotResolve = misconfigured(
                _("%(name)s is no private key, or %(passphrase)s is wrong.") % {"name": KEY, "passphrase": PASSPHRASE}
            )
        if found is None:
            raise problem
        return [found]


def _is_key(word: str) -> bool:
    return word.startswith(("ssh-", "ecdsa-", "sk-"))
