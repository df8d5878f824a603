"""Every list and every record says the same in every format, to strict readers."""

from __future__ import annotations

import csv
import html.parser
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.contract.legacy.world import LISTS, RECORDS, Asker, World, told

KEYED = ("apps", "jobs", "runtemplates")
ROW_NAMES = {
    "apps": "application", "companies": "company", "users": "user", "jobs": "job", "runtemplates": "runtemplate",
    "tasks": "task", "credentials": "credential", "credential_types": "credential_type", "topics": "topic",
    "eventsources": "event_source", "eventrules": "event_rule", "auditlog": "auditlog",
}  # fmt: skip
VOID = {"meta", "br", "hr", "img", "link"}


def read_xml(element: ElementTree.Element) -> Any:
    """The element's content: text, None, or its members; repeated names and `item` without key make a list."""
    if element.get("nil") == "true":
        return None
    children = list(element)
    if not children:
        return element.text or ""
    names = [child.get("key") or child.tag for child in children]
    if len(set(names)) < len(names) or (names == ["item"] and children[0].get("key") is None):
        return [read_xml(child) for child in children]
    return {name: read_xml(child) for name, child in zip(names, children, strict=True)}


def as_xml(value: Any) -> Any:
    """A JSON value as XML can tell it."""
    if value is None:
        return None
    if value is True:
        return "1"
    if value is False or value in ([], {}):
        return ""
    if isinstance(value, dict):
        return {name: as_xml(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_xml(member) for member in value]
    return str(value).replace("\r\n", "\n")


def same_in_xml(value: Any, element: ElementTree.Element) -> None:
    found = read_xml(element)
    wanted = as_xml(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(found, dict):
        found = [next(iter(found.values()))]
    if isinstance(value, dict) and value and isinstance(element, ElementTree.Element) and not element.get("nil"):
        for child in element:
            same_in_xml(value[child.get("key") or child.tag], child)
        assert len(element) == len(value)
        return
    if isinstance(value, list):
        assert len(element) == len(value)
        for member, child in zip(value, element, strict=True):
            same_in_xml(member, child)
        return
    assert found == wanted


class Strict(html.parser.HTMLParser):
    """Collects the rows of the table, and fails on anything not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def read_html(text: str) -> list[list[str]]:
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert "<script" not in text
    return parser.rows


def cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("noun", LISTS)
def test_a_list_is_the_same_in_every_format(world: World, as_root: Asker, noun: str) -> None:
    query = "?limit=5&order=id"
    document = as_root.json(f"/{noun}.json{query}")
    rows = list(document.values()) if noun in KEYED else document
    assert isinstance(document, dict if noun in KEYED else list)
    assert rows

    answer = as_root.get(f"/{noun}.yaml{query}")
    assert answer["Content-Type"] == "text/yaml; charset=utf-8"
    if noun != "auditlog":
        assert yaml.safe_load(answer.content.decode("utf-8")) == document
        assert as_root.get(f"/{noun}.yml{query}").content == answer.content

    answer = as_root.get(f"/{noun}.xml{query}")
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "root"
    assert {child.tag for child in root} == {ROW_NAMES.get(noun, root[0].tag)}
    same_in_xml(rows, root)

    answer = as_root.get(f"/{noun}.html{query}")
    head, *body = read_html(answer.content.decode("utf-8"))
    assert body == [[cell(row.get(name)) for name in head] for row in rows]
    assert answer["Content-Type"] == "text/html; charset=utf-8"

    answer = as_root.get(f"/{noun}.csv{query}")
    head, *body = csv.reader(io.StringIO(answer.content.decode("utf-8"), newline=""))
    assert [[text.removeprefix("'") for text in one] for one in body] == [
        [cell(row.get(name)).removeprefix("'") for name in head] for row in rows
    ]


@pytest.mark.parametrize("noun", RECORDS)
def test_a_record_is_the_same_in_every_format(world: World, as_root: Asker, noun: str) -> None:
    path = f"/{noun}/{world.acme.ids[noun]}"
    document = as_root.json(f"{path}.json")
    assert yaml.safe_load(as_root.get(f"{path}.yaml").content.decode("utf-8")) == document
    assert as_root.get(f"{path}.yml").content == as_root.get(f"{path}.yaml").content
    same_in_xml(document, ElementTree.fromstring(as_root.get(f"{path}.xml").content))
    rows = read_html(as_root.get(f"{path}.html").content.decode("utf-8"))
    assert rows == [[name, cell(value)] for name, value in document.items()]
    assert as_root.get(f"{path}.csv").status_code == 404


def test_an_unknown_suffix_is_no_page(world: World, as_root: Asker) -> None:
    for path in ("/apps.foo", "/apps.JSON", f"/app/{world.app.pk}.foo", "/status.csv", "/ping.txt"):
        answer = as_root.get(path)
        assert answer.status_code == 404, path
        assert told(answer)["error"] == "Not Found"


def test_empty_lists_keep_their_type(as_root: Asker, ring: None) -> None:
    assert as_root.get("/apps.json").content == b"{}"
    assert as_root.get("/jobs.json").content == b"{}"
    assert as_root.get("/runtemplates.json").content == b"{}"
    assert as_root.get("/tasks.json").content == b"[]"
    for suffix in ("xml", "html", "csv", "yaml"):
        assert as_root.get(f"/apps.{suffix}").status_code == 200
    assert list(ElementTree.fromstring(as_root.get("/apps.xml").content)) == []


def test_formulas_do_not_reach_a_spreadsheet(world: World, as_root: Asker) -> None:
    world.acme.company.name = "=HYPERLINK(1)"
    world.acme.company.save()
    assert b",'=HYPERLINK(1)" in as_root.get("/companies.csv").content


def test_without_suffix_the_header_chooses(world: World, as_root: Asker) -> None:
    assert as_root.get("/runtemplate/")["Content-Type"] == "application/json"
    assert as_root.get("/runtemplate/", Accept="*/*")["Content-Type"] == "application/json"
    assert as_root.get("/runtemplate/", Accept="text/xml")["Content-Type"].startswith("application/xml")
    assert as_root.get("/runtemplate/", Accept="text/html,*/*;q=0.1")["Content-Type"].startswith("text/html")
    assert as_root.get("/apps.json", Accept="text/xml")["Content-Type"] == "application/json"


@pytest.mark.parametrize("suffix", ["json", "xml", "yaml", "html"])
def test_errors_have_the_format_that_was_asked_for(as_root: Asker, suffix: str) -> None:
    answer = as_root.get(f"/app/999999.{suffix}")
    assert answer.status_code == 404
    assert "App not found" in answer.content.decode()
    if suffix == "xml":
        root = ElementTree.fromstring(answer.content)
        assert root.tag == "error" and root.findtext("code") == "404"
    if suffix == "json":
        assert told(answer) == {"error": "App not found", "message": "App not found", "success": False,
                                "code": "application_not_found"}  # fmt: skip


def test_wrapped_documents(as_root: Asker, nobody: Asker, ring: None) -> None:
    assert nobody.get("/ping.json").content == b'{"ping":[{"ping":"pong"}]}'
    assert ElementTree.fromstring(nobody.get("/ping.xml").content).tag == "ping"
    assert ElementTree.fromstring(nobody.get("/index.xml").content).tag == "index"
    assert ElementTree.fromstring(as_root.get("/jobs/status.xml").content).tag == "jobsStatus"
    assert ElementTree.fromstring(as_root.get("/status.xml").content).tag == "status"
    for path in ("ping", "index", "status", "jobs/status"):
        for suffix in ("html", "yaml"):
            assert as_root.get(f"/{path}.{suffix}").status_code == 200
