"""Credential prototypes: kinds of credentials."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from multiflexi.manifests.identity import is_uuid
from multiflexi.models import CredentialPrototype
from multiflexi.record.actor import Actor
from multiflexi.services import lookup
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Credential prototype"


def query(actor: Actor, *, search: str | None = None) -> QuerySet[CredentialPrototype]:
    rows = visible(CredentialPrototype, actor)
    return containing(rows, search, "code", "name")


def find(actor: Actor, reference: Any) -> CredentialPrototype:
    """By id, else by uuid, else by code. Raises NotFound."""
    rows = visible(CredentialPrototype, actor)
    if lookup.is_id(reference):
        return lookup.by_id(rows, NOUN, reference)
    key = {"uuid": str(reference)} if is_uuid(str(reference)) else {"code": str(reference)}
    return lookup.by_key(rows, NOUN, **key)
