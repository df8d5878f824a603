"""The base of all resources: who asks, in which language, and the five usual methods over a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.viewsets import GenericViewSet

from multiflexi.api.v2.frame import conditional, languages
from multiflexi.api.v2.frame.filters import Filter, boolean, unusable
from multiflexi.api.v2.frame.listing import Query
from multiflexi.api.v2.frame.paging import Pages
from multiflexi.api.v2.frame.parsing import MergePatch, OwnFormat, StrictJSON
from multiflexi.api.v2.frame.problems import TooLarge, answer
from multiflexi.api.v2.frame.records import Shape, shape_of
from multiflexi.api.v2.frame.schema import Described
from multiflexi.http import denials, idempotency, ranges
from multiflexi.http.requests import actor_of
from multiflexi.http.throttling import RateLimitedView, at_door
from multiflexi.jobs.queue import backend
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import lookup

VERSION = "2"


class View(RateLimitedView, GenericViewSet[Any]):
    """One or several addresses with JSON answers; rights are judged by the services that the methods call."""

    parser_classes = (StrictJSON, MergePatch)
    content_negotiation_class = OwnFormat
    schema: Any = Described()
    pagination_class: Any = None
    filter_backends: Any = ()
    queryset: Any = None
    renderer_classes = api_settings.DEFAULT_RENDERER_CLASSES[:1]
    extra_parameters: ClassVar[tuple[Any, ...]] = ()
    rate_scopes: ClassVar[Mapping[str, str]] = {}

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(status=status.HTTP_204_NO_CONTENT)

    def rate_scope(self, request: Request) -> str | None:
        """What requests are counted as, where they are counted apart."""
        return self.rate_scopes.get(str(self.action)) if request.user.is_authenticated else None

    def handle_exception(self, exc: Exception) -> Response:
        denials.note(self.request, exc)
        return super().handle_exception(at_door(self.request, exc))

    def get_exception_handler(self) -> Any:
        return answer

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if idempotency.HEADER in request.headers and _length(request) <= settings.API_BODY_MAX_BYTES:
            # Read here, because the fingerprint needs the body that the parser is going to read.
            request.body  # noqa: B018
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        translation.activate(languages.own_language(languages.spoken(request)))
        super().initial(request, *args, **kwargs)
        if _length(request) > settings.API_BODY_MAX_BYTES:
            raise TooLarge(
                _("The body is longer than %(most)d bytes (API_BODY_MAX_BYTES).")
                % {"most": settings.API_BODY_MAX_BYTES}
            )

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers.setdefault("API-Version", VERSION)
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)

    @cached_property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request, Origin.API)

    @cached_property
    def language(self) -> str:
        """The language of texts from definitions."""
        return languages.spoken(self.request)

    def flag(self, name: str) -> bool:
        """A yes-or-no parameter of the request; absent means no. Raises BadQuery."""
        told = self.request.query_params.get(name, "false")
        try:
            return boolean(told)
        except ValueError as error:
            raise unusable(name, told, str(error)) from None

    def given(self, kind: type[Any], *, partial: bool = False) -> Any:
        """The body of the request, checked; a record may come back as it was read. Raises ValidationError."""
        context = self.get_serializer_context() | {"shape": Shape()}
        form = kind(data=self.request.data, partial=partial, context=context)
        form.is_valid(raise_exception=True)
        known = {*form.fields, *getattr(kind, "expandable", ())}
        if strange := [name for name in self.request.data if name not in known]:
            raise ValidationError(dict.fromkeys(strange, _("There is no such member.")))
        return form.validated_data


class Resource(View):
    """A collection of records and each of them.

    A subclass declares its parts; `make`, `change` and `take_away` call the services for what it offers beyond
    reading.
    """

    noun: ClassVar[str]
    pagination_class = Pages
    filter_backends = (Query,)
    filters: ClassVar[dict[str, Filter]] = {}
    orderings: ClassVar[Mapping[str, str]] = {"id": "pk"}
    default_order: ClassVar[tuple[str, ...]] = ("pk",)
    searched: ClassVar[tuple[str, ...]] = ()
    append_only: ClassVar[bool] = False

    def rows(self) -> QuerySet[Any]:
        """The records the caller sees."""
        raise NotImplementedError

    def make(self, values: dict[str, Any]) -> Model:
        """Create a record."""
        raise NotImplementedError

    def change(self, record: Any, values: dict[str, Any]) -> None:
        """Change a record."""
        raise NotImplementedError

    def take_away(self, record: Any) -> None:
        """Delete a record."""
        raise NotImplementedError

    def prepare(self, found: Sequence[Any]) -> None:
        """Fetch what the records need beside their rows, for all of them at once."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = self.rows()
        wanted = self.shape.expand
        return rows.select_related(*wanted) if wanted else rows

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        if not getattr(self, "swagger_fake_view", False):
            context |= {"shape": self.shape, "language": self.language, "actor": self.actor}
        return context

    @cached_property
    def shape(self) -> Shape:
        """The members asked for."""
        return shape_of(self.request, self.get_serializer_class())

    def one(self, id: int) -> Any:
        """The record with this id. Raises NotFound."""
        return lookup.by_id(self.get_queryset(), self.noun, id)

    def list(self, request: Request, **_kwargs: Any) -> Response:
        return self.page_of(self.rows_of_list())

    def rows_of_list(self) -> QuerySet[Any]:
        return self.filter_queryset(self.get_queryset())

    def page_of(self, rows: QuerySet[Any]) -> Response:
        found = self.paginate_queryset(rows)
        self.prepare(found)
        return self.get_paginated_response(self.get_serializer(found, many=True).data)

    def retrieve(self, request: Request, id: int) -> Response:
        return self.shown(self.one(id))

    def create(self, request: Request, **_kwargs: Any) -> Response:
        made = self.make(self.given(self.get_serializer_class()))
        response = self.shown(self.one(made.pk), status.HTTP_201_CREATED)
        response["Location"] = f"{request.path.rstrip('/')}/{made.pk}"
        return response

    def update(self, request: Request, id: int) -> Response:
        return self._changed(id, partial=False)

    def partial_update(self, request: Request, id: int) -> Response:
        return self._changed(id, partial=True)

    def destroy(self, request: Request, id: int) -> Response:
        with transaction.atomic():
            self.guard(id)
            self.take_away(self.one(id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def shown(self, record: Any, code: int = status.HTTP_200_OK) -> Response:
        """A record with its tag, or 304 when the caller has it already."""
        self.prepare([record])
        data = self.get_serializer(record).data
        suffix = conditional.variant(self.request, self.language)
        tag = (conditional.tag_of(data) if not suffix else self._tag(record)) + suffix
        if code == status.HTTP_200_OK and self.request.method == "GET" and ranges.is_known(self.request._request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": f'"{tag}"'})
        return Response(data, status=code, headers={"ETag": f'"{tag}"'})

    def _changed(self, id: int, *, partial: bool) -> Response:
        with transaction.atomic():
            self.guard(id)
            record = self.one(id)
            values = self.given(self.get_serializer_class(), partial=partial)
            self.change(record, values if partial else self._completed(values))
        return self.shown(self.one(id))

    def guard(self, id: int) -> None:
        """Hold the record and refuse a caller who has not seen its present state."""
        if "If-Match" not in self.request.headers:
            return
        record = self.one(id)
        # Locked by its id alone: joins of the list cannot be locked everywhere.
        list(backend().lock_waiting(type(record)._default_manager.filter(pk=record.pk)).values_list("pk"))
        record = self.one(id)
        self.prepare([record])
        conditional.demand(self.request, self._tag(record))

    def _tag(self, record: Any) -> str:
        context = self.get_serializer_context() | {"shape": Shape(), "language": languages.MAIN}
        return conditional.tag_of(self.get_serializer_class()(record, context=context).data)

    def _completed(self, values: dict[str, Any]) -> dict[str, Any]:
        """All writable members: what a whole record leaves out goes back to its default."""
        model = self.get_serializer_class().Meta.model
        columns = {column.name: column for column in model._meta.fields}
        defaults = {
            name: columns[name].get_default()
            for name, one in self.get_serializer_class()(context={"shape": Shape()}).fields.items()
            if not one.read_only and name in columns and not columns[name].is_relation
        }
        return defaults | values


def _length(request: Any) -> int:
    told = request.META.get("CONTENT_LENGTH") or "0"
    return int(told) if told.isdigit() else 0
