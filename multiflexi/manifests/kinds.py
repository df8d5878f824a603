"""The three kinds of definition files, and how to tell them apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a definition file defines."""

    APPLICATION = "application"
    CREDENTIAL_PROTOTYPE = "credential-prototype"
    CREDENTIAL_TYPE = "credential-type"

    @property
    def with_article(self) -> str:
        """The kind in a sentence."""
        return f"{'an' if self is Kind.APPLICATION else 'a'} {self.value.replace('-', ' ')}"


_TYPE_ONLY_FIELD_TYPES = {"secret", "number"}


def recognise(document: dict[str, Any], origin: str) -> Kind:
    """Kind of a document by its content; the file name decides only between prototype and type."""
    if "executable" in document or "environment" in document:
        return Kind.APPLICATION
    if not ("code" in document and isinstance(document.get("fields", []), list)):
        return Kind.APPLICATION
    label = str(document.get("$schema", document.get("schema", "")))
    for kind in (Kind.CREDENTIAL_PROTOTYPE, Kind.CREDENTIAL_TYPE):
        if kind in label:
            return kind
    return Kind.CREDENTIAL_TYPE if _looks_like_type(document, origin) else Kind.CREDENTIAL_PROTOTYPE


def _looks_like_type(document: dict[str, Any], origin: str) -> bool:
    if "id" in document or "localized" in document or origin.endswith((".credtype.json", ".credential-type.json")):
        return True
    fields = [field for field in document.get("fields", []) if isinstance(field, dict)]
    return any(
        str(field.get("type")) in _TYPE_ONLY_FIELD_TYPES
        or any(isinstance(option, str) for option in _listed(field.get("options")))
        for field in fields
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
