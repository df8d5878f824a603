"""Refusals of what a person may see but not do."""

from __future__ import annotations

from multiflexi.models import TECHNICAL_LOGIN, Company, CompanyRole, User, UserRole
from multiflexi.record.actor import Actor, Origin
from multiflexi.services.errors import Refused
from multiflexi.services.scope import administers, is_member, manages

# The operating system vouches for these logins: whoever has them can read the master key anyway.
KEEPERS = frozenset({"root", TECHNICAL_LOGIN})


def need_administrator(actor: Actor, company_id: int | None, described: str) -> None:
    """Raises Refused; `described` is the thing that shall be changed, at the beginning of a sentence."""
    if not administers(actor, company_id):
        whose = _company(company_id)
        raise Refused(f"{described} can be changed by administrators of {whose} only; ask one.", "not_permitted")


def need_manager(actor: Actor, company_id: int, described: str) -> None:
    """Raises Refused; `described` is what shall be done, at the beginning of a sentence."""
    if not manages(actor, company_id):
        raise Refused(f"{described} takes a manager of {_company(company_id)}; ask one.", "not_permitted")


def may_reveal(actor: Actor, company_id: int) -> bool:
    """Whether the actor may see stored secrets of a company: on the command line, with the permission and as its
    administrator."""
    user = User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
    if user is None or actor.origin != Origin.CLI:
        return False
    if user.login in KEEPERS:
        return True
    held = UserRole.objects.in_force().filter(user=user, role__permissions__name="credentials.reveal")
    return is_member(user, company_id, CompanyRole.ADMIN) and held.exists()


def _company(company_id: int | None) -> str:
    if company_id is None:
        return "the installation"
    return f"company {Company.objects.get(pk=company_id).name}"
