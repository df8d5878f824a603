"""The server's protocol: sign in, fetch everything, open the items of one folder."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.contract import CannotResolve, Given
from multiflexi.credentials.network import Network
from multiflexi.credentials.vaultwarden import cipher
from multiflexi.credentials.verdicts import misconfigured, unavailable
from multiflexi.models import Availability

URL, EMAIL, PASSWORD, FOLDER = (
    "VAULTWARDEN_URL",
    "VAULTWARDEN_EMAIL",
    "VAULTWARDEN_PASSWORD",
    "VAULTWARDEN_FOLDER",
)
_LOGIN_ITEM = 1
_LARGEST = 32 * 1024 * 1024
# The type that the official command line has on Linux.
_DEVICE_TYPE = "8"


class Item(NamedTuple):
    """A login of the folder."""

    name: str
    user: str
    password: str


@dataclass
class Safe:
    """One signed-in account; its keys live no longer than the call that made it."""

    content: Mapping[str, Any] = field(repr=False)
    keys: cipher.Keys = field(repr=False)
    organizations: Mapping[str, cipher.Keys] = field(repr=False)

    def folder(self, name: str) -> str | None:
        """The id of the folder of that name."""
        for folder in _list(self.content, "folders"):
            if self._text(folder.get("name"), self.keys) == name:
                return str(folder.get("id"))
        return None

    def items(self, folder: str) -> Iterator[Item]:
        """The logins that are members of a folder and can be opened, without those in the bin."""
        for entry in _list(self.content, "ciphers"):
            login = entry.get("login")
            is_member = entry.get("folderId") == folder and not entry.get("deletedDate")
            if not is_member or entry.get("type") != _LOGIN_ITEM or not isinstance(login, dict):
                continue
            keys = self._keys_of(entry)
            yield Item(
                *(self._text(part, keys) for part in (entry.get("name"), login.get("username"), login.get("password")))
            )

    def _keys_of(self, entry: Mapping[str, Any]) -> cipher.Keys:
        organization = entry.get("organizationId")
        keys = self.organizations.get(str(organization)) if organization else self.keys
        if keys is None:
            raise cipher.Undecipherable
        return cipher.pair(cipher.opened(entry["key"], keys)) if entry.get("key") else keys

    @staticmethod
    def _text(sealed: Any, keys: cipher.Keys) -> str:
        return cipher.opened(str(sealed), keys).decode(errors="replace") if sealed else ""


def sign_in(given: Given, network: Network) -> Safe:
    """Open the safe of an account. Raises CannotResolve or Trouble."""
    server = web.url(given, URL)
    email, password = given.text(EMAIL), given.internal.get(PASSWORD) or given.values.get(PASSWORD, "")
    kdf = _post(network, given, server.below("identity/accounts/prelogin"), *web.as_json({"email": email}))
    try:
        key = network.within(lambda: cipher.master_key(password, email, kdf))
        granted = _grant(network, given, server, email, cipher.password_hash(key, password))
        keys = cipher.pair(cipher.opened(str(granted.get("key", "")), cipher.stretched(key)))
        content = _sync(network, given, server, str(granted.get("accessToken") or granted.get("access_token", "")))
        return Safe(content, keys, _organizations(content, keys))
    except TimeoutError:
        problem = unavailable(_("The server asks for more work on the password than fits into the time limit."))
    except cipher.Undecipherable:
        problem = misconfigured(
            _("The safe cannot be opened: the server's parameters are unsafe, or the content has an unknown form.")
        )
    raise problem


def _grant(network: Network, given: Given, server: web.Url, email: str, proof: str) -> dict[str, Any]:
    headers, body = web.form(
        {
            "grant_type": "password",
            "username": email,
            "password": proof,
            "scope": "api offline_access",
            "client_id": "cli",
            "deviceType": _DEVICE_TYPE,
            # Always the same, so that the account does not fill up with devices.
            "deviceIdentifier": str(
                uuid.uuid5(uuid.NAMESPACE_URL, f"https://multiflexi.eu/device/{server.host}/{email}")
            ),
            "deviceName": "MultiFlexi",
        }
    )
    headers["Auth-Email"] = base64.urlsafe_b64encode(email.encode()).decode().rstrip("=")
    return _post(network, given, server.below("identity/connect/token"), headers, body)


def _sync(network: Network, given: Given, server: web.Url, token: str) -> dict[str, Any]:
    answer = web.ask(
        network,
        given,
        "GET",
        server.below("api/sync").at(server.below("api/sync").target + "?excludeDomains=true"),
        headers={"Authorization": f"Bearer {token}"},
        largest=_LARGEST,
    )
    return _content(answer)


def _post(network: Network, given: Given, address: web.Url, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return _content(web.ask(network, given, "POST", address, headers=headers, body=body))


def _content(answer: web.Answer) -> dict[str, Any]:
    document = answer.json()
    if answer.status == 400 and isinstance(document, dict):
        if any("twofactor" in key.lower() for key in document):
            raise misconfigured(_("The account asks for a second factor; use one without for the platform."))
        raise misconfigured(
            _("The server refuses the sign-in; correct %(email)s and %(password)s.")
            % {"email": EMAIL, "password": PASSWORD}
        )
    result = classify.answer(answer)
    if result.state is not Availability.AVAILABLE:
        raise CannotResolve(result)
    if not isinstance(document, dict):
        raise misconfigured(_("%(name)s is not the address of a Bitwarden server.") % {"name": URL})
    found: dict[str, Any] = _small(document)
    return found


def _small(value: Any) -> Any:
    """Older servers begin the names of members with a capital letter."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _small(item) for key, item in value.items()}
    return [_small(item) for item in value] if isinstance(value, list) else value


def _list(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = content.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _organizations(content: Mapping[str, Any], keys: cipher.Keys) -> dict[str, cipher.Keys]:
    """The keys of the organizations whose items the account may see."""
    profile = content.get("profile")
    if not isinstance(profile, dict) or not profile.get("privateKey"):
        return {}
    private = cipher.opened(str(profile["privateKey"]), keys)
    return {
        str(entry.get("id")): cipher.pair(cipher.opened_for(str(entry.get("key")), private))
        for entry in _list(profile, "organizations")
        if entry.get("key")
    }
