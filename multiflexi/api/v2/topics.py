"""Topics, the coloured labels of companies and run templates, and tags of applications."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource, View
from multiflexi.models import Topic
from multiflexi.services import tag, topic


class TopicRecord(Record):
    """A coloured label."""

    name = serializers.CharField(source="topic", max_length=190)

    class Meta:
        model = Topic
        fields: ClassVar = ("id", "name", "color")


class TagForm(Plain):
    """A tag, and how many applications carry it."""

    name = serializers.CharField(max_length=128)
    apps = serializers.IntegerField(read_only=True)


class Topics(Resource):
    """Topics, common to all companies."""

    noun = topic.NOUN
    serializer_class = TopicRecord
    searched = ("topic",)
    orderings: ClassVar = {"id": "pk", "name": "topic"}
    filters: ClassVar = {"id": by.number("pk"), "name": by.text("topic", part=True)}

    def rows(self) -> QuerySet[Topic]:
        return topic.query(self.actor)

    def make(self, values: dict[str, Any]) -> Topic:
        return topic.create(self.actor, **values)

    def change(self, record: Topic, values: dict[str, Any]) -> None:
        topic.update(self.actor, record, **values)

    def take_away(self, record: Topic) -> None:
        topic.remove(self.actor, record)


class Tags(View):
    """Tags of applications; one comes to be with the application that carries it."""

    @extend_schema(operation_id="tags_list", responses=TagForm(many=True))
    def read(self, request: Request) -> Response:
        return Response(tag.counted(self.actor))

    @extend_schema(request=TagForm, responses=TagForm(many=True))
    def rename(self, request: Request, name: str) -> Response:
        tag.rename(self.actor, name, self.given(TagForm)["name"])
        return Response(tag.counted(self.actor))

    def remove(self, request: Request, name: str) -> Response:
        tag.remove(self.actor, name)
        return Response(status=204)


routes = (
    ("topics", Topics, {"get": "list", "post": "create"}),
    ("topics/<int:id>", Topics, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    ("tags", Tags, {"get": "read"}),
    ("tags/<str:name>", Tags, {"put": "rename", "delete": "remove"}),
)
