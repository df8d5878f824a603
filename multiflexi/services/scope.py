"""Which rows a caller sees. Whoever may read the settings file has the rights of the installation."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet

from multiflexi.access.authority import Authority
from multiflexi.models import Credential, CredentialType, EventSource, Role, User
from multiflexi.models.base import TenantModel
from multiflexi.record.actor import Actor
from multiflexi.services.rights import OF_THE_INSTALLATION, grants_of, need

M = TypeVar("M", bound=Model)
READING = {
    Credential: "credentials.read",
    CredentialType: "credentials.read",
    EventSource: "system.config",
    User: "users.read",
    Role: "roles.read",
}


def visible(model: type[M], actor: Actor) -> QuerySet[M]:
    """Rows of a model the actor may know of; rows of other companies do not exist for members.

    Raises NotPermitted for those who may read nothing of the kind at all.
    """
    manager: Any = model._default_manager
    if actor.origin in OF_THE_INSTALLATION:
        everything: QuerySet[M] = manager.all()
        return everything
    need(actor, READING.get(model, "jobs.read" if issubclass(model, TenantModel) else "applications.read"))
    if not issubclass(model, TenantModel):
        common: QuerySet[M] = manager.all()
        return common
    # What was read at the beginning of the request tells the companies, too, without asking again for each list.
    grants = cast(Authority, grants_of(actor))
    rows: QuerySet[M] = manager.all()
    if not grants.super_admin:
        rows = rows.filter(**{f"{model.company_path}__in": sorted(grants.companies)})
    only = grants.only_companies
    return rows if only is None else rows.filter(**{f"{model.company_path}__in": sorted(only)})
