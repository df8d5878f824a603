"""Bodies of requests: JSON of a bounded depth, with nothing in it that a database cannot keep."""

from __future__ import annotations

import json
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from multiflexi.services import storable


class StrictJSON(BaseParser):
    """`application/json`."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            value = json.loads(stream.read().decode(), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is no JSON: %(error)s") % {"error": error}) from None
        try:
            storable.check(value)
        except ValueError as error:
            raise ParseError(_("The body cannot be taken: %(error)s") % {"error": error}) from None
        return value


class MergePatch(StrictJSON):
    """RFC 7396, which is how PATCH reads JSON anyway."""

    media_type = "application/merge-patch+json"


class OwnFormat(BaseContentNegotiation):
    """Every answer has the one format of its view, whatever the caller prefers."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
