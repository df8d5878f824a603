"""What a caller may do, read at the beginning of each request or command, so that a revocation counts at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from multiflexi.access.matrix import RULES, Rule
from multiflexi.models import SUPER_ADMIN, CompanyRole, CompanyUser, Permission, Role, User, UserRole

_ORDER = {role: rank for rank, role in enumerate(CompanyRole)}


@dataclass(frozen=True, slots=True)
class Authority:
    """Permissions by system roles, roles in companies, and what a token leaves of both (None: all of it).

    `everything` is the authority of whoever holds the settings file: the command line and the daemons.
    """

    everything: bool = False
    super_admin: bool = False
    permissions: frozenset[str] = frozenset()
    companies: Mapping[int, CompanyRole] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    only_companies: frozenset[int] | None = None

    @property
    def company_ids(self) -> frozenset[int] | None:
        """Companies whose rows exist for the caller; None: all of them."""
        if self.everything or self.super_admin:
            return self.only_companies
        held = frozenset(self.companies)
        return held if self.only_companies is None else held & self.only_companies

    @property
    def administered(self) -> frozenset[int]:
        """Companies the caller administers as a member."""
        held = frozenset(number for number, role in self.companies.items() if role == CompanyRole.ADMIN)
        return held if self.only_companies is None else held & self.only_companies

    def permits(self, name: str) -> bool:
        """Whether the action is allowed at all, leaving aside whose object it concerns. KeyError without a rule."""
        rule = RULES[name]
        if self.everything:
            return True
        if not self._in_scope(rule):
            return False
        return rule.permissions <= self.permissions or rule.own in self.permissions

    def allows(self, name: str, company_id: int | None = None, *, own: bool = False) -> bool:
        """Whether the action is allowed on an object of this company, or on one of no company when it is None.

        `own` says that the job concerned was launched by the caller. KeyError for an action without a rule.
        """
        rule = RULES[name]
        if self.everything:
            return True
        if not self._in_scope(rule):
            return False
        granted = rule.permissions <= self.permissions or (own and rule.own in self.permissions)
        return granted and self._reaches(rule, company_id)

    def covers(self, other: Authority) -> bool:
        """Whether everything the other one holds by system roles is held here as well."""
        if self.everything:
            return True
        return other.permissions <= self.permissions and (self.super_admin or not other.super_admin)

    def _in_scope(self, rule: Rule) -> bool:
        return self.scopes is None or rule.scope in self.scopes

    def _reaches(self, rule: Rule, company_id: int | None) -> bool:
        if self.only_companies is not None and company_id not in self.only_companies:
            # A token for some companies still reads what is common to all.
            return rule.company is None and rule.name.endswith(".read")
        if rule.company is None or self.super_admin:
            return True
        held = self.companies.get(company_id) if company_id is not None else None
        return held is not None and _ORDER[held] >= _ORDER[rule.company]


NOBODY = Authority()
INSTALLATION = Authority(everything=True)


def of_user(
    user: User | None, *, scopes: Iterable[str] | None = None, only_companies: Iterable[int] | None = None
) -> Authority:
    """Authority of an account, as far as a token leaves it; nothing for an account that is disabled or deleted."""
    if user is None or not user.is_active:
        return NOBODY
    held = of_users([user])[user.pk]
    if scopes is None and only_companies is None:
        return held
    return replace(
        held,
        scopes=None if scopes is None else frozenset(scopes),
        only_companies=None if only_companies is None else frozenset(only_companies),
    )


def of_users(users: Collection[User]) -> dict[int, Authority]:
    """Authorities of several accounts by their ids, in two queries; nothing for those disabled or deleted."""
    active = {user.pk: user for user in users if user.is_active}
    roles: defaultdict[int, set[str]] = defaultdict(set)
    permissions: defaultdict[int, set[str]] = defaultdict(set)
    granted = UserRole.objects.in_force().filter(user__in=list(active))
    for number, role, permission in granted.values_list("user_id", "role__name", "role__permissions__name"):
        roles[number].add(role)
        if permission:
            permissions[number].add(permission)
    companies: defaultdict[int, dict[int, CompanyRole]] = defaultdict(dict)
    memberships = CompanyUser.objects.in_force().filter(user__in=list(active))
    for number, company_id, role in memberships.values_list("user_id", "company_id", "role"):
        companies[number][company_id] = CompanyRole(role)
    found: dict[int, Authority] = {user.pk: NOBODY for user in users}
    for number, user in active.items():
        user.sees_every_company = SUPER_ADMIN in roles[number]
        found[number] = Authority(
            super_admin=user.sees_every_company,
            permissions=frozenset(permissions[number]),
            companies=companies[number],
        )
    return found


def of_roles(roles: Iterable[Role]) -> Authority:
    """What these system roles grant together."""
    held = list(roles)
    names = Permission.objects.filter(roles__in=[role.pk for role in held]).values_list("name", flat=True)
    return Authority(super_admin=any(role.name == SUPER_ADMIN for role in held), permissions=frozenset(names))
