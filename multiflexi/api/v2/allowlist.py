"""The lists of addresses that may connect."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import AllowedNetwork
from multiflexi.services import allowlist, company
from multiflexi.services.errors import Refused


class AllowedNetworkRecord(Record):
    """A range that may connect: to the installation, or with a company to the rows of that company."""

    network = serializers.CharField(max_length=64)
    company_id = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    note = serializers.CharField(
        source="description", max_length=255, allow_blank=True, allow_null=True, required=False
    )
    created_by = serializers.IntegerField(source="created_by_id", read_only=True, allow_null=True)

    class Meta:
        model = AllowedNetwork
        fields: ClassVar = (
            "id",
            "network",
            "company_id",
            "note",
            "expires_at",
            "active",
            "created_by",
            "created_at",
        )
        read_only_fields: ClassVar = ("created_at",)


class AllowedNetworks(Resource):
    """Entries of all lists; the first one puts a list in force."""

    noun = allowlist.NOUN
    serializer_class = AllowedNetworkRecord
    searched = ("network", "description")
    orderings: ClassVar = {"id": "pk", "network": "network", "expires_at": "expires_at"}
    filters: ClassVar = {"company": by.number("company_id", null=True)}

    def rows(self) -> QuerySet[AllowedNetwork]:
        return allowlist.query(self.actor)

    def make(self, values: dict[str, Any]) -> AllowedNetwork:
        company_id = values.get("company_id")
        return allowlist.add(
            self.actor,
            values["network"],
            company=company.find(self.actor, company_id) if company_id is not None else None,
            note=values.get("description") or "",
            expires_at=values.get("expires_at"),
        )

    def change(self, record: AllowedNetwork, values: dict[str, Any]) -> None:
        for name in ("network", "company_id"):
            if values.get(name, getattr(record, name)) != getattr(record, name):
                raise Refused(_("An entry keeps its network and its list; make another one."), "other_entry")
        given = {name: values[name] for name in ("description", "expires_at", "active") if name in values}
        allowlist.update(self.actor, record, **given)

    def take_away(self, record: AllowedNetwork) -> None:
        allowlist.remove(self.actor, record)


routes = (
    ("security/allowlist", AllowedNetworks, {"get": "list", "post": "create"}),
    (
        "security/allowlist/<int:id>",
        AllowedNetworks,
        {"get": "retrieve", "patch": "partial_update", "delete": "destroy"},
    ),
)
