"""Which rows a caller sees. Whoever may read the settings file has the rights of the installation."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from multiflexi.models import User
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
    user = User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
    scoped: QuerySet[M] = manager.visible_to(user)
    return scoped
