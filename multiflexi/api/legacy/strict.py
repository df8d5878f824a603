"""Answers for generated clients, which refuse a whole list for one value outside of the published types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from multiflexi.api.legacy.answers import Answer, Row
from multiflexi.api.legacy.profiles import Profile
from multiflexi.api.legacy.schemas import SCHEMAS

FIELD_TYPES = ("text", "string", "password", "file-path", "bool", "integer", "set")
SEVERITIES = {"critical": "error"}


def shaped(answer: Answer, profile: Profile) -> Any:
    """The document of an answer in the shape that the client's profile asks for."""
    if answer.rows is not None:
        rows = [_record(row, answer.schema, profile) for row in answer.rows] if profile.strict else answer.rows
        return {str(row["id"]): row for row in rows} if answer.keyed and not profile.arrays else rows
    if not profile.strict:
        return answer.document
    if answer.schema == "JobsStatus":
        return [answer.document[answer.wrapper]]
    return _record(answer.document, answer.schema, profile) if isinstance(answer.document, dict) else answer.document


def _record(row: Row, schema: str, profile: Profile) -> Row:
    if schema not in SCHEMAS:
        return row
    found = {name: _fitting(value, SCHEMAS[schema].get(name, {})) for name, value in row.items()}
    if schema in _MORE:
        _MORE[schema](found, profile)
    return found


def _fitting(value: Any, published: Any) -> Any:
    if isinstance(value, str):
        if "enum" in published and value not in published["enum"]:
            return None
        return value[: published.get("maxLength")]
    return value


def _app(row: Row, profile: Profile) -> None:
    for variable in (row.get("environment") or {}).values():
        if variable["type"] not in FIELD_TYPES:
            variable["type"] = "string"
    for code in (row.get("exitCodes") or {}).values():
        code["severity"] = SEVERITIES.get(code["severity"], code["severity"])
    if profile.arrays:
        # That client reads tags as records, and exit codes as a list that nothing was ever published for.
        row["tags"] = [{"name": tag} for tag in (row["tags"] or "").split(",") if tag]
        if "exitCodes" in row:
            row["exitCodes"] = None


def _job(row: Row, profile: Profile) -> None:
    if profile.arrays:
        row["launched_by"] = None if row["launched_by"] is None else str(row["launched_by"])
        row["env"] = json.dumps(row["env"], ensure_ascii=False)


def _task(row: Row, profile: Profile) -> None:
    if "jobs" in row:
        row["jobs"] = [_record(job, "Job", profile) for job in row["jobs"]]


_MORE: dict[str, Callable[[Row, Profile], None]] = {"App": _app, "Job": _job, "Task": _task}
