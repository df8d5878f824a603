"""Every endpoint, asked by everybody: who may not is refused as the matrix says, and nobody sees another company."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.http import HttpResponse
from django.test import Client, override_settings

from multiflexi.access.matrix import RULES, Scope
from multiflexi.vault import keyring
from tests.isolation import plots, rows
from tests.isolation.endpoints_v2 import ENDPOINTS
from tests.isolation.judge import Judge
from tests.isolation.personas import (
    ACME,
    BY_OTHER_WAYS,
    GLOBEX,
    PEOPLE,
    SESSION,
    Persona,
    as_person,
    headers_of,
    permissions_of_roles,
    without,
)
from tests.isolation.routes import methods_of, routes
from tests.isolation.rows import OWN, PAGE, PUBLIC, Row

# Also tells pytest-django that a database is needed; each test is a savepoint of the transaction around them all.
pytestmark = pytest.mark.django_db


def is_public(address: str, method: str) -> bool:
    return ENDPOINTS[address][method].rule == PUBLIC


CASES = [(address, method) for address, methods in ENDPOINTS.items() for method in methods]
CHANGING = [(address, method) for address, method in CASES if method != "GET" and not is_public(address, method)]
READING = [address for address, methods in ENDPOINTS.items() if "GET" in methods]
TOO_SMALL = {scope: without(scope) for scope in Scope.values}
SPECIAL = {PUBLIC, OWN, PAGE}


@dataclass
class Stage:
    """The installation, its judge, and how each persona proves who it is."""

    world: plots.World
    judge: Judge
    callers: dict[str, tuple[dict[str, str], int | None]]
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def ask(self, method: str, address: str, row: Row, persona: Persona, **rows_of: Any) -> tuple[int, bytes]:
        """Status and everything told; what the request changed is undone."""
        headers, user_id = self.callers[persona.name]
        client = rows_of.pop("browser", self.client)
        path, body, query = rows.request_of(address, row, self.world, rows_of.pop("plot", self.world.acme), **rows_of)
        more: dict[str, Any] = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        if row.person and user_id:
            headers = as_person(persona, user_id) or headers
        if query:
            path = f"{path}?{urlencode(query)}"
        with undone():
            answer = client.generic(method, path, headers={**headers, **row.headers}, **more)
            told = _told(answer, row)  # type: ignore[arg-type]
            told = without_asked(told, path, more.get("data", ""))
        self.client.cookies.clear()
        return answer.status_code, told


def without_asked(told: bytes, *asked: str) -> bytes:
    """What is told beside the numbers that were asked for, which answers may repeat."""
    for number in re.findall(r"\d{9}", " ".join(asked)):
        told = told.replace(number.encode(), b"asked")
    return told


@contextmanager
def one_connection() -> Iterator[None]:
    """Requests neither begin nor end with closing the connection that all of this happens on."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is undone; for the code inside it is no transaction, as in Django's own test cases."""
    block: Any = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def _told(answer: HttpResponse, row: Row) -> bytes:
    headers = "\n".join(f"{name}: {value}" for name, value in answer.items()).encode()
    if not answer.streaming:
        return headers + b"\n\n" + answer.content
    body = b"" if row.endless else b"".join(answer)
    with one_connection():
        answer.close()
    return headers + b"\n\n" + body


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    """Built once; everything happens in a transaction that never ends well."""
    with django_db_blocker.unblock(), override_settings(API_RATE_LIMITING_ENABLED=False), undone():
        keyring.forget()
        keyring.ensure_keys()
        world = plots.build()
        companies = {ACME: world.acme.company, GLOBEX: world.globex.company}
        judge = Judge(world, permissions_of_roles())
        yield Stage(world, judge, headers_of([*PEOPLE, *BY_OTHER_WAYS, *TOO_SMALL.values()], companies))
        keyring.forget()


@pytest.fixture(scope="module")
def known(stage: Stage) -> dict[str, tuple[str, ...]]:
    """Addresses and methods that the installation answers."""
    return {address: methods_of(address, view) for address, view in routes().items()}


def test_every_endpoint_has_a_row(known: dict[str, tuple[str, ...]]) -> None:
    missing = [
        f"{method} {address or '/'}: add a row for it to tests/isolation/endpoints.py (or endpoints_v2.py): "
        f'"{address}": {{"{method}": Row("<rule of multiflexi/access/matrix.py, or PUBLIC, OWN, PAGE>", <body>)}}'
        for address, methods in known.items()
        for method in methods
        if method not in ENDPOINTS.get(address, {})
    ]
    assert not missing, "Endpoints that nobody has judged:\n" + "\n".join(missing)


def test_every_row_has_an_endpoint(known: dict[str, tuple[str, ...]]) -> None:
    stale = [f"{method} {address}" for address, method in CASES if method not in known.get(address, ())]
    assert not stale, "Rows of tests/isolation/endpoints.py whose endpoint is gone:\n" + "\n".join(stale)


def test_rows_name_rules_of_the_matrix() -> None:
    named = {rule for methods in ENDPOINTS.values() for row in methods.values() for rule in (row.rule, *row.also)}
    assert not named - set(RULES) - SPECIAL


@pytest.mark.parametrize(("address", "method"), CASES, ids=lambda part: part or "/")
def test_who_may(stage: Stage, address: str, method: str) -> None:
    row = ENDPOINTS[address][method]
    wrong = []
    for persona in [*PEOPLE, *BY_OTHER_WAYS, *_too_small(row)]:
        expected = stage.judge.expected(address, row, persona)
        status, told = stage.ask(method, address, row, persona)
        if not _fits(status, expected, row):
            wrong.append(f"{persona.name}: {status} instead of {expected or row.done or 'success'}: {_end(told)}")
        if row.rule == PAGE and persona.way == SESSION and b"\nLocation: /login/" in b"\n" + told and not row.leaves:
            wrong.append(f"{persona.name} has to sign in again")
        wrong += [f"{persona.name} is told {what}" for what in stage.judge.leaks(row, persona, told)]
    assert not wrong, f"{method} {address}\n" + "\n".join(wrong)


@pytest.mark.parametrize(("address", "method"), CASES, ids=lambda part: part or "/")
def test_rows_of_another_company_cannot_be_named(stage: Stage, address: str, method: str) -> None:
    """An administrator of one company names a row of the other, beside rows of the own one."""
    row = ENDPOINTS[address][method]
    admin = next(one for one in PEOPLE if one.name == "admin of the company")
    wrong = []
    for place, kind in rows.places(address, row):
        if kind not in stage.world.acme.ids or kind == "token" or row.everything or row.rule in SPECIAL:
            continue
        status, told = stage.ask(method, address, row, admin, elsewhere={place: stage.world.globex})
        if row.foreign is not rows.OPEN and status not in (row.foreign, 400, 404, 409, 422):
            wrong.append(f"{place} of another company: {status}: {_end(told)}")
        wrong += [f"{place} of another company tells {what}" for what in stage.judge.leaks(row, admin, _beside(told))]
    assert not wrong, f"{method} {address}\n" + "\n".join(wrong)


@pytest.mark.parametrize(("address", "method"), CHANGING, ids=lambda part: part or "/")
def test_no_other_site_can_use_a_session(stage: Stage, address: str, method: str) -> None:
    """Everything that changes something takes the proof that a page of ours asked for it."""
    row = ENDPOINTS[address][method]
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    persona = next(one for one in BY_OTHER_WAYS if one.name == "session of super_admin")
    status, told = stage.ask(method, address, row, persona, browser=browser)
    assert status == 403, _end(told)


@pytest.mark.parametrize("address", READING, ids=lambda part: part or "/")
def test_filters_search_nothing_of_another_company(stage: Stage, address: str) -> None:
    row = ENDPOINTS[address]["GET"]
    admin = next(one for one in PEOPLE if one.name == "admin of the company")
    if row.endless or row.everything:
        return
    globex = stage.world.globex
    for name, value in (
        ("company", globex.company.pk),
        ("company_id", globex.company.pk),
        ("search", globex.marker[:-4]),
        ("limit", 1000),
    ):
        asked = Row(row.rule, query={**row.query, name: value}, parts=row.parts)
        status, told = stage.ask("GET", address, asked, admin)
        assert status < 500, _end(told)
        leaks = [one for one in stage.judge.leaks(row, admin, _beside(told)) if name not in ("company", "company_id")]
        assert not leaks and globex.marker.encode() not in _accounts_left_out(told, globex.marker), _end(told)


@pytest.mark.parametrize("address", READING, ids=lambda part: part or "/")
def test_head_and_options_tell_no_more(stage: Stage, address: str) -> None:
    row = ENDPOINTS[address]["GET"]
    for persona in (PEOPLE[0], next(one for one in PEOPLE if one.name == "admin of another company")):
        expected = stage.judge.expected(address, row, persona)
        if not row.endless:
            status, told = stage.ask("HEAD", address, row, persona)
            assert _fits(status, expected, row), (persona.name, status)
            assert told.endswith(b"\n\n"), "an answer to HEAD has a body"
        status, told = stage.ask("OPTIONS", address, row, persona)
        assert status < 500
        assert not list(stage.judge.leaks(row, persona, told))


def test_static_files_are_the_same_for_everybody(stage: Stage) -> None:
    """No view answers them, so they have no row."""
    for path in ("/static/web/plain.css", "/multiflexi/static/web/plain.css"):
        told = set()
        for persona in (PEOPLE[0], *BY_OTHER_WAYS):
            headers, _user = stage.callers[persona.name]
            answer = stage.client.get(path, headers=headers)
            assert answer.status_code == 200 and not answer.cookies
            told.add(b"".join(answer))
        assert len(told) == 1


@pytest.mark.parametrize("path", ["/static/", "/static/web/", "/static/../settings.py", "/static/%2e%2e/settings.py"])
def test_nothing_lies_beside_static_files(stage: Stage, path: str) -> None:
    for persona in (PEOPLE[0], *BY_OTHER_WAYS):
        headers, _user = stage.callers[persona.name]
        assert stage.client.get(path, headers=headers).status_code == 404


def _too_small(row: Row) -> list[Persona]:
    scope = RULES[row.rule].scope if row.rule in RULES else None
    return [TOO_SMALL[scope.value]] if scope else []


def _fits(status: int, expected: int | None, row: Row) -> bool:
    if expected is not None:
        return status == expected
    return status in row.done if row.done else 200 <= status < 400


def _end(told: bytes) -> str:
    return " ".join(told.partition(b"\n\n")[2][:200].decode(errors="replace").split())


def _beside(told: bytes) -> bytes:
    """Without the sentence that repeats what was asked for."""
    return b"" if b'"status":4' in told or b'"error"' in told else told


def _accounts_left_out(told: bytes, marker: str) -> bytes:
    return (
        told.replace(f"member-{marker}".encode(), b"")
        .replace(f"{marker}@".encode(), b"")
        .replace(f'"lastname":"{marker}"'.encode(), b"")
    )
