"""API tokens, one's own or, for administrators, those of others."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.access.matrix import Scope
from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import Token
from multiflexi.services import lookup, token, user


class TokenRecord(Record):
    """A token; null for scopes, companies or networks is no limit beyond those of the account."""

    user_id = serializers.IntegerField(required=False, min_value=1, help_text="For administrators: another account")
    login = serializers.CharField(source="user.login", read_only=True)
    name = serializers.CharField(source="label", max_length=64, required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(source="until", required=False, allow_null=True)
    created_at = serializers.DateTimeField(source="start", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices), required=False, allow_null=True)
    companies = serializers.ListField(
        child=serializers.IntegerField(), source="company_ids", required=False, allow_null=True
    )
    networks = serializers.ListField(child=serializers.CharField(max_length=64), required=False, allow_null=True)

    class Meta:
        model = Token
        fields: ClassVar[Any] = (
            "id",
            "user_id",
            "login",
            "name",
            "prefix",
            "scopes",
            "companies",
            "networks",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_ip",
            "revoked_at",
        )
        read_only_fields: ClassVar = ("prefix", "last_used_at", "last_used_ip", "revoked_at")


class MadeToken(TokenRecord):
    """A new token with its value, which is told this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenRecord.Meta):
        fields: ClassVar[Any] = (*TokenRecord.Meta.fields, "token")


class Tokens(Resource):
    """Tokens of the caller, with `user` those of another account."""

    noun = token.NOUN
    serializer_class = TokenRecord
    default_order = ("-pk",)
    orderings: ClassVar = {"id": "pk", "name": "label", "expires_at": "until", "last_used_at": "last_used_at"}
    filters: ClassVar = {
        "user": by.number("user_id"),
        "revoked": by.special(
            by.boolean, {"type": "boolean"}, lambda rows, wanted: rows.filter(revoked_at__isnull=not wanted)
        ),
    }

    def rows(self) -> QuerySet[Token]:
        told = "" if getattr(self, "swagger_fake_view", False) else self.request.query_params.get("user", "")
        other = user.find(self.actor, told) if lookup.is_id(told) and int(told) != self.actor.user_id else None
        return token.query(self.actor, user=other)

    def one(self, id: int) -> Token:
        return token.find(self.actor, id)

    @extend_schema(responses={201: MadeToken})
    def create(self, request: Request, **_kwargs: Any) -> Response:
        given = self.given(TokenRecord)
        number = given.get("user_id", self.actor.user_id)
        owner = request.user if number == self.actor.user_id else user.find(self.actor, number)
        made = token.create(
            self.actor,
            owner,
            label=given.get("label", ""),
            until=given.get("until"),
            scopes=given.get("scopes"),
            companies=given.get("company_ids"),
            networks=given.get("networks"),
        )
        shown = TokenRecord(made.token, context=self.get_serializer_context()).data
        headers = {"Location": f"{request.path.rstrip('/')}/{made.token.pk}"}
        return Response({**shown, "token": made.value}, status=201, headers=headers)

    def take_away(self, record: Token) -> None:
        token.revoke(self.actor, record)


routes = (
    ("tokens", Tokens, {"get": "list", "post": "create"}),
    ("tokens/<int:id>", Tokens, {"get": "retrieve", "delete": "destroy"}),
)
