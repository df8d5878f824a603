"""What Microsoft Graph tells about an application: mailbox and calendar of its user, and when its secret expires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.contract import CannotResolve, Given
from multiflexi.credentials.microsoft import Token
from multiflexi.credentials.network import Network, Trouble
from multiflexi.credentials.verdicts import misconfigured
from multiflexi.models import Availability

# Permissions that allow to look at a thing, by the thing; those that allow to send or write only are not enough.
_LOOKS = {
    "mail": ("mailFolders/inbox", ("Mail.Read", "Mail.ReadBasic", "Mail.ReadBasic.All", "Mail.ReadWrite")),
    "calendar": (
        "calendar",
        ("Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadBasic.All", "Calendars.ReadWrite"),
    ),
}
_KNOWS_SECRETS = frozenset({"Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
# Graph shows so many first characters of a secret.
_HINT = 3


@dataclass(frozen=True)
class Graph:
    """Graph with one token."""

    server: str
    network: Network
    given: Given
    token: Token

    def get(self, target: str) -> web.Answer:
        """The answer for a place. Raises Trouble."""
        address = web.url(self.given, "graph", self.server).at(target)
        headers = {"Authorization": f"Bearer {self.token.text}"}
        return web.ask(self.network, self.given, "GET", address, headers=headers)

    def look(self, user: str, name: str) -> list[str]:
        """Which of mail and calendar of the user in field `name` could be looked at; what the application may not see
        is left out. Nothing is opened. Raises CannotResolve, and Trouble."""
        return [thing for thing in self._allowed() if self._seen(thing, user, name)]

    def secret_expires(self, client: str, secret: str) -> datetime | None:
        """When the secret expires, if the application may know; of several that begin alike, the last."""
        if not _KNOWS_SECRETS & set(self.token.roles):
            return None
        place = f"/v1.0/applications(appId='{quote(client, safe='')}')?$select=passwordCredentials"
        try:
            answer = self.get(place)
        except Trouble:
            return None
        document = answer.json() if answer.status == 200 else None
        rows = document.get("passwordCredentials") if isinstance(document, dict) else None
        ends = (_end(row, secret) for row in rows) if isinstance(rows, list) else ()
        return max((end for end in ends if end is not None), default=None)

    def _allowed(self) -> Iterator[str]:
        return (thing for thing, (_place, roles) in _LOOKS.items() if set(roles) & set(self.token.roles))

    def _seen(self, thing: str, user: str, name: str) -> bool:
        answer = self.get(f"/v1.0/users/{quote(user, safe='@')}/{_LOOKS[thing][0]}?$select=id")
        found = classify.answer(answer)
        if found.state is Availability.MISCONFIGURED:
            words = {"mail": _("mail"), "calendar": _("calendar")}
            told = {"name": name, "thing": words[thing], "status": answer.status}
            raise misconfigured(
                _(
                    "Microsoft accepts the sign-in, but %(thing)s of the user in %(name)s cannot be looked at "
                    "(status %(status)d); correct the user, or let the application have access."
                )
                % told,
                {"status": answer.status, "missing": thing},
            )
        if found.state is not Availability.AVAILABLE:
            raise CannotResolve(found)
        return True


def _end(row: Any, secret: str) -> datetime | None:
    if not isinstance(row, Mapping) or row.get("hint") != secret[:_HINT]:
        return None
    try:
        end = datetime.fromisoformat(str(row.get("endDateTime")))
    except ValueError:
        return None
    return end if end.tzinfo else end.replace(tzinfo=UTC)
