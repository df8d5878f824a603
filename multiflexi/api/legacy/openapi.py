"""OpenAPI 3.0 of the surface, made from its declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from multiflexi import __version__
from multiflexi.api.legacy import fields
from multiflexi.api.legacy.declare import Operation, Parameter
from multiflexi.api.legacy.fields import Field
from multiflexi.api.legacy.schemas import BOOL, INT64, OBJECT, REQUIRED, SCHEMAS, TEXT, list_of

Document = dict[str, Any]
ERRORS = {
    "400": "A value of the request cannot be used",
    "401": "Nobody, or a wrong credential",
    "403": "Known, but not permitted",
    "404": "No such record, or not for the caller",
    "409": "The state of things forbids it",
    "413": "The body is too large",
    "415": "The body is of a media type that is not read",
    "422": "The key of a repeated request belongs to another one",
    "429": "Too many requests",
    "503": "The database does not answer",
}
OTHERS: dict[str, Document] = {
    "Unassigned": {"success": BOOL, "company_id": INT64, "user_id": INT64, "deleted": INT64},
    "RolesSet": {
        "user_id": INT64,
        "replace": BOOL,
        "roles": {"type": "array", "items": {"type": "string"}},
        "role_details": list_of("RbacRole"),
    },
    "BulkResult": {
        "success": BOOL,
        "updated": INT64,
        "scheduled": INT64,
        "job_ids": {"type": "array", "items": INT64},
        "errors": {"type": "array", "items": OBJECT},
        "message": TEXT,
    },
    "JobsDeleted": {"dry_run": BOOL, "matched": INT64, "deleted": INT64, "job_ids": {"type": "array", "items": INT64}},
    "Reached": {"reachable": BOOL, "message": TEXT, "error": TEXT},
    "LoggedIn": {"token": TEXT, "user": OBJECT, "expires_at": TEXT, "message": TEXT, "status": TEXT},
    "LoggedOut": {"message": TEXT, "status": TEXT},
}
FILE: Document = {"type": "string", "format": "binary"}
# Generated clients get it as an array of one record, as it was published; others get it below a name.
ARRAYS_OF_ONE = {"getJobsStatus"}
GENERATED = (
    "Answers are as described for clients that call themselves OpenAPI-Generator/1.2 or newer, or that send "
    "X-MultiFlexi-Compat: 1.4. Make a client with packageVersion=1.4.0: with the 1.0.0 that openapi-generator gives it "
    "otherwise it is taken for one of the oldest, which read lists as arrays."
)
_PART = re.compile(r"\{(\w+)\}")


def document(operations: Iterable[Operation], base: str) -> Document:
    """The whole document; `base` is the address it was asked for under."""
    paths: dict[str, Document] = {}
    for one in operations:
        paths.setdefault(one.published_path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "MultiFlexi API",
            "version": "1.4.0",
            "description": f"The 1.0.0 surface of MultiFlexi {__version__}, for clients that know it. {GENERATED}",
        },
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": {**{name: _schema(name, SCHEMAS[name]) for name in SCHEMAS},
                        **{name: _schema(name, members) for name, members in OTHERS.items()}},
            "responses": {status: _error(text) for status, text in ERRORS.items()},
            "securitySchemes": {
                "basicAuth": {"type": "http", "scheme": "basic"},
                "bearerAuth": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }  # fmt: skip


def _schema(name: str, members: Mapping[str, Any]) -> Document:
    required = {"required": REQUIRED[name]} if name in REQUIRED else {}
    return {"type": "object", "properties": dict(members), **required}


def _error(text: str) -> Document:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    }


def _operation(one: Operation) -> Document:
    found: Document = {
        "operationId": one.id,
        "summary": one.summary,
        "tags": [one.tag or "index"],
        "parameters": _parameters(one),
        "responses": _responses(one),
        "security": _security(one),
    }
    if one.body is not None:
        found["requestBody"] = {"required": bool(one.required), "content": _body(one.body, one.required)}
    return {name: value for name, value in found.items() if value != [] or name == "security"}


def _security(one: Operation) -> list[Document]:
    """Whoever need not prove who they are may, where it makes a difference."""
    if one.blind:
        return []
    return [{"basicAuth": []}, {"bearerAuth": []}, {"apiKey": []}, *([{}] if one.public else [])]


def _parameters(one: Operation) -> list[Document]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "format": "int64"}}
        for name in _PART.findall(one.path)
    ]
    if one.suffixes:
        suffix = {"type": "string", "enum": list(one.suffixes), "default": one.suffixes[0]}
        parts.append({"name": "suffix", "in": "path", "required": True, "schema": suffix})
    token = [Parameter("token", fields.TEXT)] if one.token_parameter else []
    asked = {parameter.name: parameter for parameter in (*one.parameters, *token)}
    return [
        *parts,
        *({"name": name, "in": "query", "schema": _asked(name, one.kind.schema)} for name, one in asked.items()),
    ]


def _asked(name: str, schema: Mapping[str, Any]) -> Document:
    limits: Document = {"limit": {"minimum": 1}, "offset": {"minimum": 0}}.get(name, {})
    return {**{key: value for key, value in schema.items() if key != "nullable"}, **limits}


def _body(known: Mapping[str, Field], required: tuple[str, ...]) -> Document:
    schema: Document = {"type": "object", "properties": {name: dict(one.kind.schema) for name, one in known.items()}}
    if required:
        schema["required"] = list(required)
    return {kind: {"schema": schema} for kind in ("application/json", "application/x-www-form-urlencoded")}


def _responses(one: Operation) -> Document:
    found: Document = {str(one.status): _success(one)}
    wanted = ["404"] if one.blind and one.body is None else ["400", "401", "403", "404", "429"]
    if one.body is not None or one.method != "GET":
        wanted += ["409", "413", "415"]
    if one.id == "setjobById":
        wanted.append("422")
    if not one.blind:
        wanted.append("503")
    return found | {status: {"$ref": f"#/components/responses/{status}"} for status in wanted}


def _success(one: Operation) -> Document:
    if one.shape == "file":
        if one.status != 200:
            return {"description": "Elsewhere"}
        if one.suffixes:
            return {"description": "The document", "content": {"application/json": {"schema": dict(OBJECT)}}}
        if one.schema:
            others = {kind: {"schema": FILE} for kind in ("application/pdf", "application/zip", "application/xml")}
            content = {"application/json": {"schema": _reference(one.schema)}, **others}
            return {"description": "The file", "content": content}
        return {"description": "The content", "content": {"*/*": {"schema": FILE}}}
    reference = _reference(one.schema)
    shapes = {
        "array": {"type": "array", "items": reference},
        "map": {"type": "object", "additionalProperties": reference},
        "record": reference,
        "wrapper": {"type": "array", "items": reference} if one.id in ARRAYS_OF_ONE else reference,
    }
    return {"description": "Done", "content": {"application/json": {"schema": shapes[one.shape]}}}


def _reference(schema: str) -> Document:
    """A type by its name, or one of several joined by bars; without a name any object."""
    if not schema:
        return dict(OBJECT)
    found = [{"$ref": f"#/components/schemas/{name}"} for name in schema.split("|")]
    return {"oneOf": found} if len(found) > 1 else found[0]
