"""Applications: what can be run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from multiflexi.manifests import identity
from multiflexi.models import Application, RunTemplate, Sandbox
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, job_limits, lookup
from multiflexi.services.errors import Conflict, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.schedules import refresh
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Application"
REQUIRED = ("name", "executable")
LISTS = ("requirements", "tags")
# What decides which program runs, in every company: to change it takes as much as to import a definition.
EXECUTED = frozenset({"executable", "cmdparams", "setup", "deploy", "ociimage", "sandbox"})
NOT_NULL_TEXTS = ("description", "image", "homepage", "ociimage", "version", "deploy", "setup", "cmdparams")


def query(actor: Actor, *, enabled: bool | None = None, search: str | None = None) -> QuerySet[Application]:
    """Applications that are not retired, with their artifact definitions."""
    rows = visible(Application, actor).filter(retired_at=None).prefetch_related("artifact_definitions")
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return containing(rows, search, "name", "code", "executable")


def find(actor: Actor, reference: Any) -> Application:
    """By id, else by uuid, code or name. Raises NotFound, and Refused when several have the name."""
    rows = query(actor)
    if lookup.is_id(reference):
        return lookup.by_id(rows, NOUN, reference)
    text = str(reference)
    found = rows.filter(uuid=_uuid_of(text)).first() or rows.filter(code=text).first()
    return found or lookup.by_key(rows, NOUN, name=text)


def find_by_uuid(actor: Actor, text: str) -> Application:
    """By uuid; a text that is no UUID stands for the deterministic one of that text. Raises NotFound."""
    found = query(actor).filter(uuid=_uuid_of(text)).first()
    if found is None:
        raise lookup.not_found(NOUN, f"uuid {text}")
    return found


def find_by_name(actor: Actor, name: str) -> Application:
    return lookup.by_key(query(actor), NOUN, name=name)


def create(actor: Actor, *, uuid: str | None = None, **values: Any) -> Application:
    """Create an application; without a UUID the deterministic one of executable and name is taken.

    Raises Invalid, and Conflict when the uuid or the code already exists.
    """
    need(actor, "applications.create")
    values = _usable(values)
    for name in REQUIRED:
        if not values.get(name):
            raise invalid_field(name, "an application needs one; give it.")
    values["uuid"] = identity.application_uuid(uuid, values["executable"], values["name"])
    with transaction.atomic():
        _refuse_duplicate(uuid=values["uuid"])
        values["code"] = _code(values)
        app = Application(**values, uuid_source=uuid if uuid and not identity.is_uuid(uuid) else None)
        changes.check(app)
        app.save(force_insert=True)
        audit.write(actor, "create", app, changes=changes.created(values))
    return app


def update(actor: Actor, app: Application, **values: Any) -> bool:
    """Change an application and say whether anything changed. Raises Invalid and Conflict."""
    need(actor, "applications.update")
    values = _usable(values)
    if values.get("uuid"):
        values["uuid"] = _uuid_of(str(values["uuid"]))
    with transaction.atomic():
        app.refresh_from_db(from_queryset=Application.objects.select_for_update())
        for name in REQUIRED:
            if name in values and not values[name]:
                raise invalid_field(name, "an application needs one; give it.")
        for name in ("uuid", "code"):
            if values.get(name) and values[name] != getattr(app, name):
                _refuse_duplicate(**{name: values[name]})
        changed = changes.assign(app, values)
        if not changed:
            return False
        if EXECUTED & set(changed):
            need(actor, "applications.create")
        changes.check(app)
        changes.save(app, changed)
        if "enabled" in changed:
            refresh(RunTemplate.objects.filter(app=app))
        audit.write(actor, "update", app, changes=changes.for_audit(changed))
    return True


def remarks(app: Application, given: Mapping[str, Any], *, created: bool) -> list[str]:
    """What of the given values an application was stored without, in words."""
    uuid = given.get("uuid")
    if uuid and not identity.is_uuid(str(uuid)):
        text = _("uuid: %(given)s is no UUID; it was replaced by %(uuid)s, which is derived from it.")
    elif created and not uuid:
        text = _("uuid: none was given; %(uuid)s is derived from executable and name.")
    else:
        return []
    return [text % {"given": uuid, "uuid": app.uuid}]


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    given = {name: one for name, one in values.items() if one is not None}
    for name in LISTS:
        if name in given:
            given[name] = [part.strip() for part in re.split(r"[,\s]+", str(given[name])) if part.strip()]
    if given.get("uuid") == "":
        del given["uuid"]
    if given.get("code") and not identity.is_code(given["code"]):
        raise invalid_field("code", f"use at most {identity.MAX_CODE} letters, digits, dashes and underscores.")
    if "sandbox" in given and given["sandbox"] not in Sandbox.values:
        raise invalid_field("sandbox", f'"{given["sandbox"]}" is unknown; use one of {", ".join(Sandbox.values)}.')
    return job_limits.usable(given)


def _code(values: dict[str, Any]) -> str:
    if values.get("code"):
        _refuse_duplicate(code=values["code"])
        return str(values["code"])
    return identity.unique_code(
        identity.code_slug(values["executable"]), lambda code: Application.objects.filter(code=code).exists()
    )


def _uuid_of(text: str) -> UUID:
    return identity.application_uuid(text, "", "")


def _refuse_duplicate(**key: Any) -> None:
    ((name, wanted),) = key.items()
    found = Application.objects.filter(**key).first()
    if found:
        raise Conflict(
            f"An application with {name} {wanted} already exists (id {found.pk}); update it or choose another {name}.",
            "application_exists",
            details={"id": found.pk, "field": name},
        )
