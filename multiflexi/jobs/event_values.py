"""What an event means to a rule: whether it fires, and which variables its selectors give to the job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from multiflexi.models import EventOperation, EventRule

FILE = "@file:"
# What every job of an external event gets, unless the mapping sets it.
ALWAYS = {
    "EVENT_INVERSION": "inversion",
    "EVENT_EVIDENCE": "evidence",
    "EVENT_OPERATION": "operation",
    "EVENT_RECORD_ID": "recordid",
    "EVENT_DOCUMENT_URI": "document_uri",
}


class Chosen(NamedTuple):
    """A variable, the selector it comes by, and its value; None when the event has nothing there.

    With `is_file` the value is the content of a file, and the variable of the job is the path of that file.
    """

    name: str
    selector: str
    value: str | None
    is_file: bool = False


def chosen(rule: EventRule, data: Mapping[str, Any]) -> list[Chosen]:
    """The variables of the job: those of the mapping, and of an external event those that are always given."""
    mapping: dict[str, str] = dict(rule.env_mapping or {})
    found = [_chosen(name, selector, data) for name, selector in mapping.items()]
    if rule.runtemplate_source_id is None:
        added = [_chosen(name, selector, data) for name, selector in ALWAYS.items() if name not in mapping]
        found += [one for one in added if one.value is not None]
    return found


def differing(rule: EventRule, data: Mapping[str, Any]) -> list[str]:
    """Names of what the rule asks for and the event is not: evidence, operation, or the selector of a condition."""
    asked: dict[str, Any] = {}
    if rule.runtemplate_source_id is None:
        asked |= {"evidence": rule.evidence} if rule.evidence else {}
        asked |= {"operation": rule.operation} if rule.operation != EventOperation.ANY else {}
    asked |= rule.conditions or {}
    return [selector for selector, wanted in asked.items() if not _is_one_of(selected(selector, data), wanted)]


def selected(selector: str, data: Mapping[str, Any]) -> str | None:
    """The scalar at a path such as `a.b.c` or `$.a.b.c`, as text; None when there is none."""
    found: Any = data
    for name in selector.lstrip("$.").split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return _text(found)


def _chosen(name: str, selector: str, data: Mapping[str, Any]) -> Chosen:
    if not selector.startswith(FILE):
        return Chosen(name, selector, selected(selector, data))
    found = data.get(selector.removeprefix(FILE))
    content = json.dumps(found) if isinstance(found, Mapping | list) else _text(found)
    return Chosen(name, selector, content, is_file=True)


def _is_one_of(value: str | None, wanted: Any) -> bool:
    return value in [_text(one) for one in (wanted if isinstance(wanted, list) else [wanted])]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, Mapping | list):
        return None
    return value if isinstance(value, str) else json.dumps(value)
