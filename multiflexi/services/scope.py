"""Which rows a caller sees. Whoever may read the settings file has the rights of the installation."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from django.db.models import Model, QuerySet

from multiflexi.models import Credential, CredentialType, EventSource, Role, RunTemplateCredential, User
from multiflexi.models.base import TenantModel
from multiflexi.record.actor import Actor
from multiflexi.services.errors import NotPermitted
from multiflexi.services.rights import OF_THE_INSTALLATION, grants_of, need

M = TypeVar("M", bound=Model)
READING = {
    Credential: "credentials.read",
    CredentialType: "credentials.read",
    RunTemplateCredential: "credentials.read",
    EventSource: "system.config",
    User: "users.read",
    Role: "roles.read",
}


def sees(actor: Actor, record: Model) -> bool:
    """Whether the actor may know of this row."""
    try:
        return visible(type(record), actor).filter(pk=record.pk).exists()
    except NotPermitted:
        return False


def visible(model: type[M], actor: Actor) -> QuerySet[M]:
    """Rows of a model the actor may know of; rows of other companies do not exist for members.

    Raises NotPermitted for those who may read nothing of the kind at all.
    """
    ids = companies_of_member(model, actor)
    if ids is not None:
        return of_companies(model, ids)
    rows: QuerySet[M] = model._default_manager.all()
    closed = grants_of(actor).closed if issubclass(model, TenantModel) else None
    return rows.exclude(**{f"{model.company_path}__in": closed}) if closed else rows  # type: ignore[attr-defined]


def companies_of_member(model: type[Model], actor: Actor) -> frozenset[int] | None:
    """The companies whose rows of a model a member sees; None for who is bounded otherwise. Raises as `visible`."""
    if actor.origin in OF_THE_INSTALLATION:
        return None
    need(actor, READING.get(model, "jobs.read" if issubclass(model, TenantModel) else "applications.read"))
    return grants_of(actor).company_ids if issubclass(model, TenantModel) else None


def of_companies(model: type[M], ids: Collection[int]) -> QuerySet[M]:
    """Rows of a model that belong to these companies."""
    path: str = model.company_path  # type: ignore[attr-defined]
    return model._default_manager.filter(**{f"{path}__in": ids})
