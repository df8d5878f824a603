"""Members of companies and their roles there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from multiflexi.models import Company, CompanyRole, CompanyUser, User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup, revocation
from multiflexi.services.errors import NotFound, NotPermitted, invalid_field
from multiflexi.services.rights import grants_of, may, need
from multiflexi.services.scope import visible
from multiflexi.services.standing import is_self
from multiflexi.services.user import NOUN as USER

# `editor` is what earlier plans called a manager.
ALIASES = {"editor": CompanyRole.MANAGER}


def query(actor: Actor, *, company: Company | None = None, user: User | None = None) -> QuerySet[CompanyUser]:
    """Memberships that are in force, in the companies the actor sees; one's own everywhere."""
    rows = visible(CompanyUser, actor) if user is None or not is_self(actor, user) else CompanyUser.objects.all()
    rows = rows.in_force().select_related("company", "user")  # type: ignore[attr-defined]
    if company:
        rows = rows.filter(company=company)
    found: QuerySet[CompanyUser] = rows.filter(user=user) if user else rows
    return found


def candidate(actor: Actor, company: Company, reference: Any) -> User:
    """An account to make a member: by exact login or exact e-mail, for those who may change members.

    By its id an account is found by those who see all accounts, or share a company with it: numbers can be counted
    up, logins cannot. Raises NotFound, and NotPermitted for everybody else.
    """
    need(actor, "companies.members", company.pk)
    rows = User.objects.filter(is_system=False, deleted_at=None)
    if lookup.is_id(reference):
        if may(actor, "users.read", None):
            return lookup.by_id(rows, USER, reference)
        return _acquaintance(actor, rows, int(reference))
    return rows.filter(login=str(reference)).first() or lookup.by_key(rows, USER, email=str(reference))


def assign(
    actor: Actor,
    company: Company,
    user: User,
    role: str | None = None,
    *,
    expires_at: datetime | None = None,
) -> CompanyUser:
    """Make the account a member, for ever or until a time, or change its role there; without a role it is viewer.

    Nobody gives a membership that lasts longer than their own. Raises NotPermitted and Invalid.
    """
    need(actor, "companies.members", company.pk)
    wanted = _role(role)
    if expires_at and expires_at <= timezone.now():
        raise invalid_field("expires_at", "this is over already; give a time to come or leave it empty.")
    _need_as_long(actor, company, expires_at)
    if user.is_system:
        raise invalid_field("user_id", "a technical account is no member of companies; choose a person's.")
    given = {"role": wanted, "expires_at": expires_at}
    with transaction.atomic():
        member, created = CompanyUser.objects.select_for_update().get_or_create(
            company=company, user=user, defaults=given
        )
        changed = {} if created else changes.assign(member, given)
        if created or changed:
            changes.save(member, changed) if changed else None
            audit.write(
                actor,
                "create" if created else "update",
                member,
                event_type="company_user_assigned",
                severity="medium",
                changes=changes.created(given) if created else changes.for_audit(changed),
                data={"user_id": user.pk},
            )
            revocation.recheck(actor, user)
    return member


def remove(actor: Actor, company: Company, number: int) -> bool:
    """End the membership of the account with this id; False when it has none there.

    Raises NotPermitted, and NotFound for those who see all accounts and named none of them.
    """
    need(actor, "companies.members", company.pk)
    member = CompanyUser.objects.filter(company=company, user_id=number).select_related("user").first()
    if member:
        return unassign(actor, company, member.user)
    if may(actor, "users.read", None):
        lookup.by_id(User.objects.filter(is_system=False), USER, number)
    return False


def unassign(actor: Actor, company: Company, user: User) -> bool:
    """End a membership; False when there was none. Raises NotPermitted."""
    need(actor, "companies.members", company.pk)
    with transaction.atomic():
        member = CompanyUser.objects.select_for_update().filter(company=company, user=user).first()
        if member is None:
            return False
        audit.write(
            actor,
            "delete",
            member,
            event_type="company_user_removed",
            severity="medium",
            changes=changes.for_audit({"role": (member.role, None)}),
            data={"user_id": user.pk},
        )
        member.delete()
        revocation.recheck(actor, user)
    return True


def _need_as_long(actor: Actor, company: Company, until: datetime | None) -> None:
    if grants_of(actor).company_ids is None:
        return
    own = CompanyUser.objects.in_force().filter(company=company, user_id=actor.user_id or 0).first()
    if own and own.expires_at and (until is None or until > own.expires_at):
        raise NotPermitted(
            f"Your own membership in company {company.name} ends on {own.expires_at:%Y-%m-%d %H:%M} UTC, and nobody "
            "gives one that lasts longer; name an end until then.",
            "longer_than_own",
            details={"company_id": company.pk},
        )


def _acquaintance(actor: Actor, rows: QuerySet[User], number: int) -> User:
    ids = grants_of(actor).company_ids
    shared = CompanyUser.objects.in_force().filter(user_id=number)
    if ids is not None:
        shared = shared.filter(company__in=ids)
    found = rows.filter(pk=number, memberships__in=shared).first()
    if found is None:
        raise NotFound(
            _("None of the accounts that you know has the number %(number)d; give the person's login or e-mail.")
            % {"number": number},
            "account_not_known",
        )
    return found


def _role(role: str | None) -> str:
    wanted = str(role or CompanyRole.VIEWER).lower()
    wanted = ALIASES.get(wanted, wanted)
    if wanted not in CompanyRole.values:
        raise invalid_field("role", f"use one of {', '.join(CompanyRole.values)}.")
    return CompanyRole(wanted).value
