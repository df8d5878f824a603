"""Named limits: at most so many jobs at once against one thing."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import Application, CredentialType, NamedLimit
from multiflexi.services import application, company, credential_type, limit
from multiflexi.services.errors import Refused

User = Application | CredentialType


class LimitRecord(Record):
    """A limit of a company, or without one of the whole installation; `holders` are jobs the caller may see."""

    company_id = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    used = serializers.IntegerField(read_only=True)
    holders = serializers.SerializerMethodField()
    apps = serializers.ListField(child=serializers.IntegerField(), required=False, source="app_ids")
    credential_types = serializers.ListField(child=serializers.IntegerField(), required=False, source="type_ids")

    class Meta:
        model = NamedLimit
        fields: ClassVar = ("id", "name", "company_id", "maximum", "used", "holders", "apps", "credential_types")

    def get_holders(self, one: NamedLimit) -> list[int]:
        return [holder.job_id for holder in getattr(one, "seen_holders", ())]

    def to_representation(self, one: NamedLimit) -> Any:
        users: Any = sorted(one.users.all(), key=lambda user: user.pk)
        known: Any = one
        known.app_ids = [user.app_id for user in users if user.app_id]
        known.type_ids = [user.credential_type_id for user in users if user.credential_type_id]
        return super().to_representation(known)


class Limits(Resource):
    """Limits of the companies the caller is a member of."""

    noun = limit.NOUN
    serializer_class = LimitRecord
    searched = ("name",)
    orderings: ClassVar = {"id": "pk", "name": "name", "maximum": "maximum", "used": "used"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "company": by.number("company_id", null=True),
        "name": by.text("name", part=True),
    }

    def rows(self) -> QuerySet[NamedLimit]:
        return limit.query(self.actor)

    def make(self, values: dict[str, Any]) -> NamedLimit:
        company_id = values.get("company_id")
        return limit.create(
            self.actor,
            name=values["name"],
            maximum=values["maximum"],
            company=company.find(self.actor, company_id) if company_id is not None else None,
            users=[*self._apps(values.get("app_ids", ())), *self._types(values.get("type_ids", ()))],
        )

    def change(self, record: NamedLimit, values: dict[str, Any]) -> None:
        given = dict(values)
        if given.pop("company_id", record.company_id) != record.company_id:
            raise Refused("A limit stays with its company; make another one.", "foreign_company")
        users = list(record.users.all())
        add: list[User] = []
        remove: list[User] = []
        for name, find, held in (
            ("app_ids", self._apps, [user.app_id for user in users if user.app_id]),
            ("type_ids", self._types, [user.credential_type_id for user in users if user.credential_type_id]),
        ):
            if name in given:
                wanted = given.pop(name)
                add += find([one for one in wanted if one not in held])
                remove += find([one for one in held if one not in wanted])
        limit.update(self.actor, record, add=add, remove=remove, **given)

    def take_away(self, record: NamedLimit) -> None:
        limit.remove(self.actor, record)

    def _apps(self, ids: Any) -> list[User]:
        return [application.find(self.actor, one) for one in ids]

    def _types(self, ids: Any) -> list[User]:
        return [credential_type.find(self.actor, one) for one in ids]


routes = (
    ("limits", Limits, {"get": "list", "post": "create"}),
    (
        "limits/<int:id>",
        Limits,
        {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
    ),
)
