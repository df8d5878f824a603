"""HTML: one small page with one table, readable without any script."""

from __future__ import annotations

from html import escape
from typing import Any

from django.urls import get_script_prefix

from multiflexi.api.legacy.answers import Answer
from multiflexi.api.legacy.formats.table import rows_of
from multiflexi.formats.spreadsheet import columns_of, shown

BASE = "api/VitexSoftware/MultiFlexi/1.0.0/"
STYLE = (
    "body{font-family:sans-serif;margin:1em}table{border-collapse:collapse}"
    "td,th{border:1px solid #999;padding:.2em .5em;text-align:left;vertical-align:top}"
)
RELATED = {
    "app_id": "app",
    "company_id": "company",
    "runtemplate_id": "runtemplate",
    "runtemplate_source_id": "runtemplate",
    "job_id": "job",
    "job": "job",
    "retry_of": "job",
    "fulfilled_by_job_id": "job",
    "task_id": "task",
    "user_id": "user",
    "launched_by": "user",
    "credential_type_id": "credential_type",
    "event_source_id": "eventsource",
}
_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


def write(answer: Answer, document: Any) -> str:
    """The page; links lead to the same document in other formats, to related records and to the index."""
    title = _escaped(answer.title or "MultiFlexi")
    table = _list(answer, document) if answer.rows is not None else _record(answer, document)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>{table}"
        f"<p>{_links(answer)}</p></body></html>\n"
    )


def _list(answer: Answer, document: Any) -> str:
    rows = rows_of(answer, document)
    columns = columns_of(rows)
    head = "".join(f'<th scope="col">{_escaped(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(_cell(answer, name, row.get(name)) for name in columns)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _record(answer: Answer, document: Any) -> str:
    content = answer.content(document)
    if not isinstance(content, dict):
        return _list(answer, document)
    body = "".join(
        f'<tr><th scope="row">{_escaped(name)}</th>{_cell(answer, name, value)}</tr>' for name, value in content.items()
    )
    return f"<table><tbody>{body}</tbody></table>"


def _cell(answer: Answer, name: str, value: Any) -> str:
    text = _escaped(shown(value))
    noun = RELATED.get(name) or (answer.noun if name == "id" else "")
    if noun and isinstance(value, int):
        return f'<td><a href="{_base()}{noun}/{value}.html">{text}</a></td>'
    return f"<td>{text}</td>"


def _links(answer: Answer) -> str:
    suffixes = ("json", "xml", "yaml", *(("csv",) if answer.rows is not None else ()))
    path = _escaped(answer.address)
    others = [f'<a href="{path}.{suffix}">{suffix}</a>' for suffix in suffixes] if path else []
    return " ".join([*others, f'<a href="{_base()}index.html">index</a>'])


def _base() -> str:
    return _escaped(get_script_prefix() + BASE)


def _escaped(text: str) -> str:
    return escape(text.translate(_FORBIDDEN))
