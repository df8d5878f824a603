"""Who does something, through which surface."""

from dataclasses import dataclass, field
from typing import Protocol

from django.db import models
from django.utils.translation import gettext_lazy as _


class Origin(models.TextChoices):
    """The surface a change came through."""

    WEB = "web", _("Web")
    API = "api", _("API")
    CLI = "cli", _("Command line")
    DAEMON = "daemon", _("Daemon")
    IMPORT = "import", _("Import")


class Grants(Protocol):
    """What an actor may do; see `multiflexi.access.authority`."""

    @property
    def only_companies(self) -> frozenset[int] | None: ...

    @property
    def company_ids(self) -> frozenset[int] | None: ...

    @property
    def closed(self) -> frozenset[int]: ...

    @property
    def administered(self) -> frozenset[int]: ...

    @property
    def scopes(self) -> frozenset[str] | None: ...

    def permits(self, name: str) -> bool: ...

    def allows(self, name: str, company_id: int | None = None, *, own: bool = False) -> bool: ...


@dataclass(frozen=True, slots=True)
class Client:
    """A program that acts for an account by OAuth2; `id` is the one it is registered by."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a token, a worker or the system itself; `real_user_id` is the person behind an impersonation.

    `grants` is read once per request by surfaces that serve people; without it services read it each time.
    Raises ValueError for an origin outside of Origin.
    """

    user_id: int | None
    origin: str = Origin.CLI
    token_id: int | None = None
    real_user_id: int | None = None
    request_id: str | None = None
    worker_id: int | None = None
    ip: str | None = None
    agent: str | None = None
    client: Client | None = None
    grants: Grants | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        Origin(self.origin)

    @property
    def label(self) -> str:
        """The acting thing in one word: `token:4`, `client:ID`, `worker:3`, `user:1` or `system`, the most specific."""
        if self.client and self.token_id is None:
            return f"client:{self.client.id}"[:64]
        for kind, number in (("token", self.token_id), ("worker", self.worker_id), ("user", self.user_id)):
            if number is not None:
                return f"{kind}:{number}"
        return "system"


SYSTEM = Actor(user_id=None, origin=Origin.DAEMON)
