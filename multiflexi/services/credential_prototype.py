"""Credential prototypes: kinds of credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs.queue import backend
from multiflexi.manifests.identity import is_uuid
from multiflexi.models import CredentialPrototype
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup
from multiflexi.services.errors import Conflict, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Credential prototype"
CODE = re.compile(r"[A-Za-z0-9_-]{2,64}")
VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
FIRST_VERSION = "1.0"


def query(actor: Actor, *, search: str | None = None) -> QuerySet[CredentialPrototype]:
    rows = visible(CredentialPrototype, actor)
    return containing(rows, search, "code", "name")


def find(actor: Actor, reference: Any) -> CredentialPrototype:
    """By id, else by uuid, else by code. Raises NotFound."""
    rows = query(actor)
    if lookup.is_id(reference):
        return lookup.by_id(rows, NOUN, reference)
    key = {"uuid": str(reference)} if is_uuid(str(reference)) else {"code": str(reference)}
    return lookup.by_key(rows, NOUN, **key)


def create(actor: Actor, *, code: str, name: str, uuid: str | None = None, **columns: Any) -> CredentialPrototype:
    """Make a prototype without fields, which come with a definition file. Raises Invalid, Conflict and Refused."""
    need(actor, "applications.create")
    given = _usable({"version": FIRST_VERSION, **columns, "code": code, "name": name, "uuid": uuid or str(uuid4())})
    with transaction.atomic():
        _refuse_duplicate(given, None)
        prototype = CredentialPrototype(**given)
        changes.check(prototype)
        prototype.save(force_insert=True)
        audit.write(actor, "create", prototype, changes=changes.created({**given, "uuid": str(prototype.uuid)}))
    return prototype


def update(actor: Actor, prototype: CredentialPrototype, **columns: Any) -> bool:
    """Change columns and say whether anything changed; a new code reaches the types, too.

    Raises Invalid, Conflict and Refused.
    """
    need(actor, "applications.create")
    with transaction.atomic():
        prototype = lookup.by_id(backend().lock_waiting(query(actor)), NOUN, prototype.pk)
        given = _usable(columns)
        _refuse_duplicate(given, prototype)
        changed = changes.assign(prototype, given)
        if not changed:
            return False
        changes.check(prototype)
        changes.save(prototype, changed)
        if "code" in changed:
            prototype.types.update(prototype=prototype.code)
        audit.write(actor, "update", prototype, changes=changes.for_audit(changed))
    return True


def _usable(given: Mapping[str, Any]) -> dict[str, Any]:
    usable = dict(given)
    if "code" in usable and not CODE.fullmatch(usable["code"] or ""):
        raise invalid_field("code", "write 2 to 64 letters, digits, underscores or dashes.")
    if "name" in usable and not (usable["name"] or "").strip():
        raise invalid_field("name", "a credential prototype needs a name; give one.")
    if "version" in usable and not VERSION.fullmatch(usable["version"] or ""):
        raise invalid_field("version", "write two or three numbers with dots, e.g. 1.0.")
    if "uuid" in usable:
        if not is_uuid(usable["uuid"]):
            raise invalid_field("uuid", "write a UUID such as f79aaa38-2eaf-453a-beee-3a2afa1221d5.")
        usable["uuid"] = UUID(usable["uuid"].strip())
    return usable


def _refuse_duplicate(given: Mapping[str, Any], own: CredentialPrototype | None) -> None:
    for key in ("uuid", "code"):
        found = CredentialPrototype.objects.filter(**{key: given[key]}).first() if key in given else None
        if found and found != own:
            raise Conflict(
                f"A credential prototype with {key} {given[key]} already exists (id {found.pk}).",
                "credential_prototype_exists",
                details={"id": found.pk, "field": key},
            )
