"""Building blocks shared by all models."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from multiflexi.models.user import User

M = TypeVar("M", bound=models.Model)


class ColouredChoices(models.TextChoices):
    """Enumeration whose members are written as value, Bootstrap colour, label."""

    colour: str

    def __new__(cls, value: str, colour: str = "secondary") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.colour = colour
        return member


class JSONTextField(models.TextField):
    """JSON kept as text, so that the order of its members survives on every database (jsonb sorts them)."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def value_to_string(self, obj: models.Model) -> Any:
        return self.value_from_object(obj)


class Timestamped(models.Model):
    """Creation and change time, kept by the services (`updated_at` is never set behind their back)."""

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class TenantQuerySet(models.QuerySet[M]):
    """Queryset of a model that belongs to a company, directly or through a chain of foreign keys."""

    def visible_to(self, user: User | None) -> Self:
        """Rows of the companies the user is a member of; all of them for a super administrator, none for nobody."""
        if user is None or not user.is_active:
            return self.none()
        if user.sees_every_company:
            return self
        path: str = self.model.company_path  # type: ignore[attr-defined]
        return self.filter(**{f"{path}__in": user.company_ids()})


class TenantModel(models.Model):
    """A row owned by one company; `company_path` is the lookup of that company's id."""

    company_path: ClassVar[str] = "company_id"

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True


def one_of(field: str, choices: Iterable[str], table: str) -> models.CheckConstraint:
    """Check that a column holds one of the values of its enumeration."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": list(choices)}), name=f"{table}_{field}_known")
