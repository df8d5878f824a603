"""Requests to erase the data of a person: one's own, or with the permission anybody's."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.repeating import repeatable
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import ErasureAction, ErasureRequest, ErasureStatus, ErasureType
from multiflexi.services import erasure, user


class ErasureRequestRecord(Record):
    """A request, from being made to being carried out; `due_at` is the end of the cooling-off."""

    user_id = serializers.IntegerField(
        required=False, min_value=1, allow_null=True, help_text="For administrators: another account"
    )
    deletion_type = serializers.ChoiceField(ErasureType.choices, default=ErasureType.SOFT)
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=1000)
    requested_by_id = serializers.IntegerField(read_only=True, allow_null=True)
    reviewed_by_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = ErasureRequest
        fields: ClassVar = (
            "id",
            "user_id",
            "user_login",
            "deletion_type",
            "reason",
            "status",
            "request_date",
            "requested_by_id",
            "reviewed_by_id",
            "review_date",
            "review_notes",
            "due_at",
            "completed_date",
        )
        read_only_fields: ClassVar = (
            "user_login",
            "status",
            "request_date",
            "review_date",
            "review_notes",
            "due_at",
            "completed_date",
        )


class DecisionForm(Plain):
    """A remark on the decision; of a rejection it is the ground."""

    notes = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=1000)


class StepForm(Plain):
    """What happens to the rows of a table."""

    table = serializers.CharField()
    action = serializers.ChoiceField(ErasureAction.choices)
    rows = serializers.IntegerField()
    reason = serializers.CharField(allow_null=True)


class ErasureRequests(Resource):
    """Requests about the caller's account, for administrators those about all accounts."""

    noun = erasure.NOUN
    serializer_class = ErasureRequestRecord
    default_order = ("-pk",)
    orderings: ClassVar = {"id": "pk", "request_date": "request_date", "due_at": "due_at", "status": "status"}
    filters: ClassVar = {
        "user": by.number("user_id"),
        "status": by.choice("status", ErasureStatus.values),
        "deletion_type": by.choice("deletion_type", ErasureType.values),
        "request_date": by.moment("request_date"),
    }

    def rows(self) -> QuerySet[ErasureRequest]:
        if getattr(self, "swagger_fake_view", False):
            return ErasureRequest.objects.none()
        return erasure.query(self.actor)

    @repeatable
    def create(self, request: Request, **kwargs: Any) -> Response:
        return super().create(request, **kwargs)

    def make(self, values: dict[str, Any]) -> ErasureRequest:
        number = values.get("user_id") or self.actor.user_id
        owner = self.request.user if number == self.actor.user_id else user.find(self.actor, number)
        return erasure.create(self.actor, owner, deletion_type=values["deletion_type"], reason=values.get("reason"))

    @extend_schema(request=DecisionForm, responses=ErasureRequestRecord)
    @repeatable
    def approve(self, request: Request, id: int) -> Response:
        erasure.approve(self.actor, self.one(id), self.given(DecisionForm).get("notes"))
        return self.shown(self.one(id))

    @extend_schema(request=DecisionForm, responses=ErasureRequestRecord)
    @repeatable
    def reject(self, request: Request, id: int) -> Response:
        erasure.reject(self.actor, self.one(id), self.given(DecisionForm).get("notes"))
        return self.shown(self.one(id))

    @extend_schema(request=None, responses=ErasureRequestRecord)
    @repeatable
    def process(self, request: Request, id: int) -> Response:
        erasure.process(self.actor, self.one(id))
        return self.shown(self.one(id))

    @extend_schema(request=None, responses=ErasureRequestRecord)
    @repeatable
    def withdraw(self, request: Request, id: int) -> Response:
        erasure.withdraw(self.actor, self.one(id))
        return self.shown(self.one(id))

    @extend_schema(responses=StepForm(many=True), description="What carrying out an approved request would do.")
    def plan(self, request: Request, id: int) -> Response:
        return Response(erasure.plan(self.actor, self.one(id)))


_ONE = "erasure-requests/<int:id>"
routes = (
    ("erasure-requests", ErasureRequests, {"get": "list", "post": "create"}),
    (_ONE, ErasureRequests, {"get": "retrieve"}),
    *((f"{_ONE}/{name}", ErasureRequests, {"post": name}) for name in ("approve", "reject", "process", "withdraw")),
    (f"{_ONE}/plan", ErasureRequests, {"get": "plan"}),
)
