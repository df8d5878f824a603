"""Older and misspelt keys of application definitions, read as their modern counterparts."""

from __future__ import annotations

from typing import Any

from multiflexi.manifests import placeholders, schema
from multiflexi.manifests.findings import Level
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes

# In use beside the schema; the first group has columns of its own.
TEXT_KEYS = ("cmdparams", "setup", "deploy", "resultfile", "code")
SILENT_KEYS = frozenset({*TEXT_KEYS, "topics", "repository", "multiflexi", "enabled"})

_EXIT_CODE_MEMBERS = {"description", "severity", "retry"}


def modernised(document: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """A copy with modern keys only; what an alias cannot be read as stays under its own name."""
    modern = dict(document)
    _check_texts(modern, notes)
    _read_topics(modern, notes)
    _read_arguments(modern, notes)
    for misspelt in ("exitcodes", "returnCodes"):
        _read_exit_codes(modern, misspelt, notes)
    _read_listens(modern, notes)
    return modern


def _check_texts(modern: dict[str, Any], notes: Notes) -> None:
    for key in (*TEXT_KEYS, "repository", "multiflexi"):
        if not isinstance(modern.get(key, ""), str):
            notes.refuse("must be a text", key)
            del modern[key]


def _read_topics(modern: dict[str, Any], notes: Notes) -> None:
    if "topics" not in modern:
        return
    topics = modern.pop("topics")
    if isinstance(topics, list) and all(isinstance(topic, str) for topic in topics):
        modern["tags"] = topics
    else:
        notes.refuse("must be a list of texts", "topics")


def _read_arguments(modern: dict[str, Any], notes: Notes) -> None:
    older = modern.pop("cmdparams", None)
    if older is None:
        return
    newer = modern.setdefault("cmdparamsTemplate", older)
    if placeholders.stored_form(newer) != placeholders.stored_form(older):
        notes.deviates("differs from cmdparamsTemplate, which counts", "cmdparams")


def _read_exit_codes(modern: dict[str, Any], misspelt: str, notes: Notes) -> None:
    if misspelt not in modern:
        return
    written = modern[misspelt]
    if modern.get("exitCodes"):
        notes.deviates("is ignored because exitCodes is there; remove it", misspelt)
        return
    entries = {code: _exit_code(entry) for code, entry in written.items()} if isinstance(written, dict) else {}
    if not entries or not all(_is_exit_code(code, entry) for code, entry in entries.items()):
        notes.deviates("cannot be read as exitCodes and is ignored", misspelt)
        return
    notes.deviates("is read as exitCodes; write it so", misspelt)
    modern["exitCodes"] = entries
    del modern[misspelt]


def _exit_code(entry: Any) -> Any:
    if isinstance(entry, str) or (isinstance(entry, dict) and not _EXIT_CODE_MEMBERS & set(entry)):
        return {"description": entry}
    return entry


def _is_exit_code(code: str, entry: Any) -> bool:
    return code.isdigit() and not schema.part_violations(Kind.APPLICATION, "exitCode", entry)


def _read_listens(modern: dict[str, Any], notes: Notes) -> None:
    events = modern.get("events")
    if not isinstance(events, dict) or "listens" not in events:
        return
    others = {key: value for key, value in events.items() if key != "listens"}
    broken = [
        finding
        for name, event in (events["listens"].items() if isinstance(events["listens"], dict) else [(None, None)])
        for finding in schema.part_violations(Kind.APPLICATION, "consumedEvent", event, name)
        if finding.level == Level.FATAL
    ]
    if "consumes" in events or broken:
        notes.deviates("is ignored; write it as consumes", "events", "listens")
    else:
        notes.deviates("is read as consumes; write it so", "events", "listens")
        others["consumes"] = events["listens"]
    modern["events"] = others
