"""Values of variables: texts for everybody, of secrets only whether they are set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from multiflexi.services.presenters.secrets import fingerprint
from multiflexi.vault.errors import VaultError

MOST_KEYS, MOST_BYTES = 256, 128 * 1024
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": ["string", "null"]}, "maxProperties": 256}


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {
                "type": "object",
                "description": "A secret: whether it is set, since when, and eight characters to compare it by.",
                "required": ["set", "updated_at", "fingerprint"],
                "properties": {
                    "set": {"type": "boolean"},
                    "updated_at": {"type": ["string", "null"], "format": "date-time"},
                    "fingerprint": {"type": ["string", "null"]},
                },
            },
        ]
    }
)
class Value(serializers.JSONField):
    """A value as it is shown."""


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "object", "additionalProperties": {"type": "string"}, "description": "By language, for lang=*"},
        ]
    }
)
class Text(serializers.CharField):
    """A text that exists in several languages."""


def shown(
    stored: str | None, *, secret: bool, opened: Callable[[], str | None], updated_at: datetime | None = None
) -> Any:
    """What is shown of a value; `opened` decrypts it for its fingerprint, which is missing where that fails."""
    if not secret:
        return stored
    try:
        mark = fingerprint(opened()) if stored else None
    except VaultError:
        mark = None
    return {"set": bool(stored), "updated_at": updated_at, "fingerprint": mark}


def texts(body: Any, *, null: bool = True) -> dict[str, str | None]:
    """Names and values of a body; null clears. Raises ValidationError."""
    if not isinstance(body, Mapping):
        raise serializers.ValidationError(_("Give an object of names and texts."))
    if len(body) > MOST_KEYS:
        raise serializers.ValidationError(_("At most %(most)d names are possible.") % {"most": MOST_KEYS})
    found: dict[str, str | None] = {}
    for name, value in body.items():
        found[name] = _text(name, value, null=null)
    return found


def _text(name: str, value: Any, *, null: bool) -> str | None:
    rule = ""
    if not NAME.fullmatch(name):
        rule = _("use letters, digits and underscores for a name.")
    elif value is None and not null:
        rule = _("give a text.")
    elif isinstance(value, bool):
        return "true" if value else "false"
    elif isinstance(value, int | float):
        return str(value)
    elif value is not None and not isinstance(value, str):
        rule = _("give a text, or null to clear it.")
    elif isinstance(value, str) and len(value.encode()) > MOST_BYTES:
        rule = _("a value has at most %(most)d bytes.") % {"most": MOST_BYTES}
    if rule:
        raise serializers.ValidationError({name: rule})
    return value


class Texts(serializers.DictField):
    """A member with names and texts."""

    def __init__(self, *, null: bool = False, **options: Any) -> None:
        self.null = null
        child = serializers.CharField(allow_null=null, allow_blank=True, trim_whitespace=False)
        super().__init__(child=child, **options)

    def to_internal_value(self, data: Any) -> dict[str, str | None]:
        return texts(data, null=self.null)
