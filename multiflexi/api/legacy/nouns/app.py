"""Applications."""

from __future__ import annotations

from typing import Any

from django.urls import get_script_prefix

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import JOINED, REQUIRED_TEXT, TEXT, TRUTH, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import AppConsumes, Application, AppProduces, ConfField, FieldType
from multiflexi.services import application, definitions
from multiflexi.services.presenters import application as presenter
from multiflexi.services.presenters.secrets import shown

ADDED = ("appversion", "sandbox", "time_limit", "memory_limit_mb", "pids_limit", "file_limit_mb", "output_limit_mb",
         "cpu_limit")  # fmt: skip
# Published words for kinds of fields; the others are given as they are.
PUBLISHED_TYPES = {FieldType.SECRET: "password"}
FIELDS = {
    **{
        name: Field(TEXT)
        for name in ("description", "image", "homepage", "ociimage", "version", "deploy", "setup", "cmdparams", "code",
                     "uuid", "resultfile")
    },
    "name": Field(REQUIRED_TEXT),
    "executable": Field(REQUIRED_TEXT),
    "enabled": Field(TRUTH),
    "requirements": Field(JOINED),
    "topics": Field(JOINED, "tags"),
    "tags": Field(JOINED),
}  # fmt: skip


def _row(app: Application) -> Row:
    return {name: value for name, value in presenter.row(app).items() if name not in ADDED}


def _rows(call: Call, found: list[Application]) -> list[Row]:
    """In lists pictures are addresses."""
    base = f"{get_script_prefix()}appimage.php?uuid="
    return [{**_row(app), "image": f"{base}{app.uuid}" if app.image else ""} for app in found]


def _detail(call: Call, app: Application) -> Row:
    codes = app.exit_codes.order_by("exit_code").prefetch_related("translations")
    promised = app.artifact_definitions.order_by("pk").prefetch_related("translations")
    return _row(app) | {
        "environment": {
            one.keyname: _variable(one) for one in app.fields.filter(obsolete=False).order_by("position", "pk")
        },
        "exitCodes": {
            str(one.exit_code): {
                "severity": one.severity,
                "retry": one.retry,
                "description": {text.lang: text.description for text in one.translations.all()},
            }
            for one in codes
        },
        "produces": {one.name: _produced(one) for one in app.produces.order_by("name")},
        "consumes": {one.name: _consumed(one) for one in app.consumes.order_by("name")},
        "artifactDefinitions": [
            {
                "path": one.path,
                "type": one.type,
                "name": {text.lang: text.name for text in one.translations.all() if text.name},
                "description": {text.lang: text.description for text in one.translations.all() if text.description},
            }
            for one in promised
        ],
    }


def _variable(one: ConfField) -> Row:
    default = shown(one.defval, secret=True) if one.is_secret and one.defval else one.defval
    return {
        "type": PUBLISHED_TYPES.get(FieldType(one.type), one.type),
        "description": one.description,
        "defval": default or "",
        "required": one.required,
        "field_type": one.type,
        "category": one.category,
        "hint": one.hint,
        "note": one.note,
        "secret": one.is_secret,
        "multiline": one.multiline,
        "expiring": one.expiring,
        "options": one.options,
    }


def _produced(one: AppProduces) -> Row:
    return {
        "format": one.format,
        "description": one.description or {},
        "patterns": one.patterns or [],
        "fields": one.fields or {},
    }


def _consumed(one: AppConsumes) -> Row:
    return {
        "format": one.format,
        "required": one.required,
        "description": one.description or {},
        "target": one.target_env_key,
        "fields": one.fields or {},
    }


def _create(call: Call) -> Application:
    values: dict[str, Any] = call.given(FIELDS)
    return application.create(call.actor, **values)


def _update(call: Call, app: Application) -> None:
    application.update(call.actor, app, **call.given(FIELDS))


def _warnings(call: Call, app: Application) -> list[str]:
    return application.remarks(app, call.given({"uuid": FIELDS["uuid"]}), created="appId" not in call.values)


def _remove(call: Call, app: Application) -> None:
    definitions.delete_application(call.actor, app)


Noun(
    one="app",
    many="apps",
    key="appId",
    name=application.NOUN,
    schema="App",
    item="application",
    query=application.query,
    rows=_rows,
    sortable=presenter.SORTABLE,
    find=application.find,
    detail=_detail,
    filters={"enabled": Filter(TRUTH), "active": Filter(TRUTH, "enabled"), "search": Filter(TEXT)},
    limit=None,
    keyed=True,
    fields=FIELDS,
    required=("name", "executable"),
    create=_create,
    update=_update,
    remove=_remove,
    warn=_warnings,
    ids={"list": "listApps", "get": "getAppById", "set": "setAppById"},
).declare()
