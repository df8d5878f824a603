"""Who asks, and what the permission matrix lets them do: worked out from its data, not by the code under test."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_application_model

from multiflexi.access.matrix import RULES, Scope
from multiflexi.http import sessions
from multiflexi.http.oauth import clients
from multiflexi.http.oauth.validator import PREFIX
from multiflexi.models import Company, CompanyRole, CompanyUser, OAuthClient, Permission, Role, User, UserRole
from tests.http import a_token, basic, bearer, password_of

ACME, GLOBEX = "acme", "globex"
RANKS = (CompanyRole.VIEWER, CompanyRole.MANAGER, CompanyRole.ADMIN)
ALL_SCOPES = frozenset(Scope.values)
# How somebody proves who they are: an API token, the session of a browser, an access token that a person gave to an
# OAuth client, and one that such a client got for itself.
TOKEN, SESSION, GIVEN, SERVICE = "token", "session", "given", "service"
# Headers and account of each persona.
Callers = dict[str, tuple[dict[str, str], int | None]]


@dataclass(frozen=True)
class Persona:
    """A caller: a system role, roles in companies, what a token leaves of them (None: all), and the way of proof."""

    name: str
    role: str | None = None
    companies: tuple[tuple[str, CompanyRole], ...] = ()
    scopes: frozenset[str] | None = None
    only: str | None = None
    anonymous: bool = False
    way: str = TOKEN

    @property
    def is_everywhere(self) -> bool:
        return self.role == "super_admin" and self.only is None

    def is_in(self, company: str) -> bool:
        held = self.is_everywhere or company in dict(self.companies)
        return held and self.only in (None, company)

    def holds(self, rule: str, permissions: dict[str | None, frozenset[str]]) -> bool:
        """Whether system role and token allow the action somewhere."""
        found = RULES[rule]
        if self.only is not None and found.company is None and not rule.endswith(".read"):
            # What concerns the installation is not within a few companies.
            return False
        in_scope = self.scopes is None or (found.scope is not None and found.scope.value in self.scopes)
        return in_scope and found.permissions <= permissions[self.role]

    def ranks(self, rule: str, company: str) -> bool:
        """Whether the role in the company suffices."""
        needed = RULES[rule].company
        if needed is None or self.is_everywhere:
            return True
        return RANKS.index(dict(self.companies)[company]) >= RANKS.index(needed)


ANONYMOUS = Persona("nobody", anonymous=True)
_IN_ACME = ((ACME, CompanyRole.ADMIN),)
PEOPLE = (
    ANONYMOUS,
    # The system role allows nearly everything, so that the role in the company decides.
    Persona("viewer of the company", "admin", ((ACME, CompanyRole.VIEWER),)),
    Persona("manager of the company", "admin", ((ACME, CompanyRole.MANAGER),)),
    Persona("admin of the company", "admin", _IN_ACME),
    Persona("admin of another company", "admin", ((GLOBEX, CompanyRole.ADMIN),)),
    Persona("member of no company", "admin"),
    # The role in the company allows everything, so that the system role decides.
    Persona("super_admin", "super_admin"),
    Persona("editor", "editor", _IN_ACME),
    Persona("user", "user", _IN_ACME),
    Persona("viewer", "viewer", _IN_ACME),
    Persona("without a system role", None, _IN_ACME),
    Persona("token that only runs", "admin", _IN_ACME, frozenset({Scope.RUN.value})),
    Persona("token for another company", "admin", (*_IN_ACME, (GLOBEX, CompanyRole.ADMIN)), ALL_SCOPES, GLOBEX),
)
_IN_GLOBEX = ((GLOBEX, CompanyRole.ADMIN),)
# The same rules, whatever the proof. Only sessions get beyond the sign-in page.
BY_OTHER_WAYS = (
    Persona("session of super_admin", "super_admin", way=SESSION),
    Persona("session of a viewer of the company", "admin", ((ACME, CompanyRole.VIEWER),), way=SESSION),
    Persona("session of an admin of another company", "admin", _IN_GLOBEX, way=SESSION),
    Persona("session without a system role", None, _IN_ACME, way=SESSION),
    Persona("client of an admin of the company", "admin", _IN_ACME, ALL_SCOPES, way=GIVEN),
    Persona("client of an admin of another company", "admin", _IN_GLOBEX, ALL_SCOPES, way=GIVEN),
    Persona("client that may only read", "super_admin", scopes=frozenset({"read"}), way=GIVEN),
    Persona("client for itself", "admin", _IN_GLOBEX, ALL_SCOPES, way=SERVICE),
)


def without(scope: str) -> Persona:
    """A token that may do everything but what takes this scope."""
    return Persona(f"token without {scope}", "super_admin", scopes=ALL_SCOPES - {scope})


def headers_of(people: Iterable[Persona], companies: dict[str, Company]) -> Callers:
    """Headers and account of each persona. Tokens prove who asks without a password hash for every request."""
    return {one.name: _headers(one, companies) for one in people}


def as_person(persona: Persona, user_id: int) -> dict[str, str]:
    """Headers with the password, for what tokens may not do."""
    is_token = persona.way == TOKEN and persona.scopes is None and persona.only is None
    return basic(User.objects.get(pk=user_id)) if is_token else {}


def _headers(one: Persona, companies: dict[str, Company]) -> tuple[dict[str, str], int | None]:
    if one.anonymous:
        return {}, None
    login = one.name.replace(" ", "-").replace(":", "-")
    user = User.objects.create(login=login, email=f"{login}@example.org")
    user.set_password(password_of(login))
    user.save()
    if one.role:
        UserRole.objects.create(user=user, role=Role.objects.get(name=one.role))
    for name, role in one.companies:
        CompanyUser.objects.create(user=user, company=companies[name], role=role)
    if one.way == SESSION:
        return _session(user), user.pk
    if one.way in (GIVEN, SERVICE):
        return _access_token(one, user), user.pk
    limits = {"scopes": sorted(one.scopes)} if one.scopes is not None else {}
    if one.only:
        limits["company_ids"] = [companies[one.only].pk]
    return bearer(a_token(user, **limits)), user.pk


def _session(user: User) -> dict[str, str]:
    """The cookie of a browser whose person has just proven who they are, and will have for as long as tests take."""
    browser = Client()
    browser.force_login(user)
    kept = browser.session
    kept[sessions.PROVEN] = int(time.time()) + 86400
    kept.save()
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={kept.session_key}"}


def _access_token(one: Persona, user: User) -> dict[str, str]:
    scopes = sorted(one.scopes or ())
    grant = clients.CREDENTIALS if one.way == SERVICE else clients.CODE
    client = get_application_model().objects.create(
        name=one.name, client_type="confidential", authorization_grant_type=grant, redirect_uris="https://example.org/"
    )
    account = user if one.way == SERVICE else None
    OAuthClient.objects.create(client_id=client.client_id, scopes=scopes, account=account)
    value = f"{PREFIX}{user.login}"
    get_access_token_model().objects.create(
        user=None if one.way == SERVICE else user,
        application=client,
        token=value,
        scope=" ".join(scopes),
        expires=timezone.now() + timedelta(days=1),
    )
    return bearer(value)


def permissions_of_roles() -> dict[str | None, frozenset[str]]:
    """What each system role grants."""
    found: dict[str | None, frozenset[str]] = {
        role.name: frozenset(Permission.objects.filter(roles=role).values_list("name", flat=True))
        for role in Role.objects.all()
    }
    return found | {None: frozenset()}
