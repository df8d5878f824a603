"""Somebody with a token."""

from __future__ import annotations

from collections.abc import Iterable

from multiflexi.models import CompanyRole, CompanyUser, Role, User, UserRole
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import token


def token_of(system_role: str, company_ids: Iterable[int] = (), login: str = "robot") -> str:
    """A new account with this role, administrator of the companies; its token."""
    user = User.objects.create(login=login, password="!", enabled=True)
    UserRole.objects.create(user=user, role=Role.objects.get(name=system_role))
    CompanyUser.objects.bulk_create(
        CompanyUser(user=user, company_id=number, role=CompanyRole.ADMIN) for number in sorted(set(company_ids))
    )
    made = token.create(Actor(user_id=user.pk, origin=Origin.CLI), user, label="measurement")
    return made.value
