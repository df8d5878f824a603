"""Which rows a caller sees. Whoever may read the settings file has the rights of the installation."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from multiflexi.models import CompanyRole, User
from multiflexi.models.base import TenantModel
from multiflexi.record.actor import Actor

M = TypeVar("M", bound=Model)
OF_THE_INSTALLATION = {"cli", "daemon", "import"}


def visible(model: type[M], actor: Actor) -> QuerySet[M]:
    """Rows of a model the actor may know of; rows of other companies do not exist for members."""
    manager: Any = model._default_manager
    if actor.origin in OF_THE_INSTALLATION or not issubclass(model, TenantModel):
        rows: QuerySet[M] = manager.all()
        return rows
    scoped: QuerySet[M] = manager.visible_to(_user(actor))
    return scoped


def administers(actor: Actor, company_id: int | None) -> bool:
    """Whether the actor may change what binds a company; None stands for what binds all of them."""
    return _is(actor, company_id, CompanyRole.ADMIN)


def manages(actor: Actor, company_id: int | None) -> bool:
    """Whether the actor may say what runs in a company, and with which credentials."""
    return _is(actor, company_id, CompanyRole.MANAGER, CompanyRole.ADMIN)


def _is(actor: Actor, company_id: int | None, *roles: CompanyRole) -> bool:
    return actor.origin in OF_THE_INSTALLATION or is_member(_user(actor), company_id, *roles)


def is_member(user: User | None, company_id: int | None, *roles: CompanyRole) -> bool:
    """Whether an account in use has one of these roles in the company; a super administrator has all in each."""
    if user is None or not user.is_active:
        return False
    return user.sees_every_company or (
        company_id is not None and user.memberships.filter(company=company_id, role__in=roles).exists()
    )


def _user(actor: Actor) -> User | None:
    return User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
