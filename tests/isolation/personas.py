"""Who asks, and what the permission matrix lets them do: worked out from its data, not by the code under test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from multiflexi.access.matrix import RULES, Scope
from multiflexi.models import Company, CompanyRole, CompanyUser, Permission, Role, User, UserRole
from tests.http import a_token, basic, bearer, password_of

ACME, GLOBEX = "acme", "globex"
RANKS = (CompanyRole.VIEWER, CompanyRole.MANAGER, CompanyRole.ADMIN)
ALL_SCOPES = frozenset(Scope.values)
# Headers and account of each persona.
Callers = dict[str, tuple[dict[str, str], int | None]]


@dataclass(frozen=True)
class Persona:
    """A caller: a system role, roles in companies, and what a token leaves of them (None: all of it)."""

    name: str
    role: str | None = None
    companies: tuple[tuple[str, CompanyRole], ...] = ()
    scopes: frozenset[str] | None = None
    only: str | None = None
    anonymous: bool = False

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
    Persona("token for another company", "admin", (*_IN_ACME, (GLOBEX, CompanyRole.ADMIN)), ALL_SCOPES, GLOBEX),
)


def without(scope: str) -> Persona:
    """A token that may do everything but what takes this scope."""
    return Persona(f"token without {scope}", "super_admin", scopes=ALL_SCOPES - {scope})


def headers_of(people: Iterable[Persona], companies: dict[str, Company]) -> Callers:
    """Headers and account of each persona. Tokens prove who asks without a password hash for every request."""
    return {one.name: _headers(one, companies) for one in people}


def as_person(persona: Persona, user_id: int) -> dict[str, str]:
    """Headers with the password, for what tokens may not do."""
    return basic(User.objects.get(pk=user_id)) if persona.scopes is None and persona.only is None else {}


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
    limits = {"scopes": sorted(one.scopes)} if one.scopes is not None else {}
    if one.only:
        limits["company_ids"] = [companies[one.only].pk]
    return bearer(a_token(user, **limits)), user.pk


def permissions_of_roles() -> dict[str | None, frozenset[str]]:
    """What each system role grants."""
    found: dict[str | None, frozenset[str]] = {
        role.name: frozenset(Permission.objects.filter(roles=role).values_list("name", flat=True))
        for role in Role.objects.all()
    }
    return found | {None: frozenset()}
