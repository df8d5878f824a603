"""What a caller may do, read at the beginning of each request or command, so that a revocation counts at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, CharField, QuerySet, Value
from django.utils import timezone

from multiflexi.access.matrix import RULES, Rule
from multiflexi.models import SUPER_ADMIN, CompanyRole, CompanyUser, Permission, Role, User, UserRole
from multiflexi.models.compiled import Compiled

_ORDER = {role: rank for rank, role in enumerate(CompanyRole)}


@dataclass(frozen=True, slots=True)
class Authority:
    """Permissions by system roles, roles in companies, and what a token leaves of both (None: all of it).

    `everything` is the authority of whoever holds the settings file: the command line and the daemons. `closed` are
    companies that do not exist for the address the caller comes from, whoever it is.
    """

    everything: bool = False
    super_admin: bool = False
    permissions: frozenset[str] = frozenset()
    companies: Mapping[int, CompanyRole] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    only_companies: frozenset[int] | None = None
    closed: frozenset[int] = frozenset()

    @property
    def company_ids(self) -> frozenset[int] | None:
        """Companies whose rows exist for the caller; None: all of them but the closed ones."""
        if self.everything or self.super_admin:
            return self.only_companies and self.only_companies - self.closed
        held = frozenset(self.companies) - self.closed
        return held if self.only_companies is None else held & self.only_companies

    @property
    def administered(self) -> frozenset[int]:
        """Companies the caller administers as a member."""
        held = frozenset(number for number, role in self.companies.items() if role == CompanyRole.ADMIN) - self.closed
        return held if self.only_companies is None else held & self.only_companies

    def permits(self, name: str) -> bool:
        """Whether the action is allowed at all, leaving aside whose object it concerns. KeyError without a rule."""
        rule = RULES[name]
        if self.everything:
            return True
        if not self._in_scope(rule) or (rule.company is None and not self._reaches(rule, None)):
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

    def covers_member(self, company_id: int, role: CompanyRole | str) -> bool:
        """Whether whoever has this role in the company can do nothing there that the caller cannot."""
        if self.everything:
            return True
        if company_id in self.closed or (self.only_companies is not None and company_id not in self.only_companies):
            return False
        return self.super_admin or self._holds(company_id, role)

    def _in_scope(self, rule: Rule) -> bool:
        return self.scopes is None or rule.scope in self.scopes

    def _reaches(self, rule: Rule, company_id: int | None) -> bool:
        if company_id in self.closed:
            return False
        if self.only_companies is not None and company_id not in self.only_companies:
            # A token for some companies still reads what is common to all.
            return rule.company is None and rule.name.endswith(".read")
        if rule.company is None or self.super_admin:
            return True
        return company_id is not None and self._holds(company_id, rule.company)

    def _holds(self, company_id: int, role: CompanyRole | str) -> bool:
        held = self.companies.get(company_id)
        return held is not None and _ORDER[held] >= _ORDER[CompanyRole(role)]


NOBODY = Authority()
INSTALLATION = Authority(everything=True)


def of_user(
    user: User | None,
    *,
    scopes: Iterable[str] | None = None,
    only_companies: Iterable[int] | None = None,
    closed: Iterable[int] = (),
) -> Authority:
    """Authority of an account, as far as a token and an address leave it; nothing for one disabled or deleted."""
    if user is None or not user.is_active:
        return NOBODY
    return replace(narrowed(of_users([user])[user.pk], scopes, only_companies), closed=frozenset(closed))


def narrowed(held: Authority, scopes: Iterable[str] | None, only_companies: Iterable[int] | None) -> Authority:
    """What a token leaves of an authority; None is no limit."""
    return replace(
        held,
        scopes=None if scopes is None else frozenset(scopes),
        only_companies=None if only_companies is None else frozenset(only_companies),
    )


def of_users(users: Collection[User]) -> dict[int, Authority]:
    """Authorities of several accounts by their ids, in one query; nothing for those disabled or deleted."""
    found: dict[int, Authority] = {user.pk: NOBODY for user in users}
    active = {user.pk: user for user in users if user.is_active}
    if not active:
        return found
    roles: defaultdict[int, set[str]] = defaultdict(set)
    permissions: defaultdict[int, set[str]] = defaultdict(set)
    companies: defaultdict[int, dict[int, CompanyRole]] = defaultdict(dict)
    for number, company_id, role, permission in _held_by(list(active), timezone.now()):
        if company_id != _NO_COMPANY:
            companies[number][company_id] = CompanyRole(role)
            continue
        roles[number].add(role)
        if permission:
            permissions[number].add(permission)
    for number, user in active.items():
        user.sees_every_company = SUPER_ADMIN in roles[number]
        found[number] = Authority(
            super_admin=user.sees_every_company,
            permissions=frozenset(permissions[number]),
            companies=companies[number],
        )
    return found


def _assignments(user_ids: list[int], now: datetime) -> QuerySet[Any, Any]:
    """System roles with each of their permissions, and memberships: account, company, role, permission."""
    number = Value(_NO_COMPANY, output_field=BigIntegerField())
    granted = UserRole.objects.in_force(now).filter(user__in=user_ids)
    memberships = CompanyUser.objects.in_force(now).filter(user__in=user_ids)
    return granted.values_list("user_id", number, "role__name", "role__permissions__name").union(
        memberships.values_list("user_id", "company_id", "role", Value("", output_field=CharField())), all=True
    )


_NO_COMPANY = 0
_held_by = Compiled(_assignments)


def of_roles(roles: Iterable[Role]) -> Authority:
    """What these system roles grant together."""
    held = list(roles)
    names = Permission.objects.filter(roles__in=[role.pk for role in held]).values_list("name", flat=True)
    return Authority(super_admin=any(role.name == SUPER_ADMIN for role in held), permissions=frozenset(names))
