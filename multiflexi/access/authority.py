"""What a caller may do, read at the beginning of each request or command, so that a revocation counts at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from multiflexi.access.matrix import RULES, Rule
from multiflexi.models import SUPER_ADMIN, CompanyRole, CompanyUser, User

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
    granted = user.role_assignments.in_force().values_list("role__name", "role__permissions__name")
    roles = {role for role, _ in granted}
    user.sees_every_company = SUPER_ADMIN in roles
    return Authority(
        super_admin=user.sees_every_company,
        permissions=frozenset(name for _, name in granted if name),
        companies={
            number: CompanyRole(role)
            for number, role in CompanyUser.objects.in_force().filter(user=user).values_list("company_id", "role")
        },
        scopes=None if scopes is None else frozenset(scopes),
        only_companies=None if only_companies is None else frozenset(only_companies),
    )
