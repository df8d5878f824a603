"""Both published documents, tried with made-up requests by different people: every answer is as it was described.

No answer is an error of the server, and none holds anything of another company. What is tried is the same in every run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
import schemathesis
from django.test import Client, override_settings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from multiflexi.models import CompanyRole
from multiflexi.services import address_list
from multiflexi.serving.wsgi import application
from multiflexi.vault import keyring
from tests.isolation import plots, rows
from tests.isolation.endpoints_v2 import ENDPOINTS
from tests.isolation.judge import Judge
from tests.isolation.personas import ACME, GLOBEX, Persona, as_person, headers_of, permissions_of_roles
from tests.isolation.rows import PUBLIC, Row, Text
from tests.isolation.test_endpoints import one_connection, undone, without_asked

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CAST = {
    "alice": Persona("alice", "editor", ((ACME, CompanyRole.ADMIN),)),
    "bob": Persona("bob", "viewer", ((ACME, CompanyRole.VIEWER),)),
    "carol": Persona("carol", "editor", ((GLOBEX, CompanyRole.ADMIN),)),
    "root": Persona("root", "super_admin"),
    "robot": Persona("robot", "user", ((ACME, CompanyRole.MANAGER),)),
}
DOCUMENTS = ("/api/v2/schema?format=json", "/api/VitexSoftware/MultiFlexi/1.0.0/openapi.json")
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# For each mode and operation.
EXAMPLES = 1
# Parts of a document that workers can try beside each other.
SHARES = 2
HEADERS = {"Accept-Encoding": "identity"}
# The older surface describes what clients that were made from its document are answered.
FOR_CLIENTS = {"X-MultiFlexi-Compat": "1.4"}
_NUMBERED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Stage:
    """The two companies, and how each member of the cast proves who it is."""

    world: plots.World
    judge: Judge
    headers: dict[str, dict[str, str]]
    users: dict[str, int]


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    with django_db_blocker.unblock(), override_settings(API_RATE_LIMITING_ENABLED=False), undone():
        keyring.forget()
        keyring.ensure_keys()
        world = plots.build()
        callers = headers_of(CAST.values(), {ACME: world.acme.company, GLOBEX: world.globex.company})
        headers = {name: found for name, (found, _user) in callers.items()}
        users = {name: user or 0 for name, (_found, user) in callers.items()}
        yield Stage(world, Judge(world, permissions_of_roles()), headers, users)
        keyring.forget()


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("document", DOCUMENTS, ids=("v2", "legacy"))
def test_answers_are_as_described(stage: Stage, document: str, share: int) -> None:
    """Everybody asks the same, since making a request up takes longer than its answers."""
    wrong: dict[str, str] = {}
    tried: Counter[str] = Counter()
    for found in islice(_loaded(document).get_all_operations(), share, None, SHARES):
        operation = found.ok()
        if _is_endless(operation):
            continue
        for mode, plot in zip(MODES, (stage.world.acme, stage.world.globex), strict=True):
            for case in _made_up(operation, mode, _ids(stage, operation.path, plot)):
                for person in CAST:
                    _asking(stage, person, wrong)(case)
                    tried[person] += 1
    assert all(tried[person] > 100 / SHARES for person in CAST), "hardly anything was tried"
    assert not wrong, "\n".join(f"{what}: {why}" for what, why in sorted(wrong.items()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=("v2", "legacy"))
def test_every_operation_succeeds_as_described(stage: Stage, document: str) -> None:
    """Made-up requests mostly fail; these are the ones that only the lack of a right refuses."""
    wrong: dict[str, str] = {}
    for found in _loaded(document).get_all_operations():
        operation = found.ok()
        if _is_endless(operation):
            continue
        row = ENDPOINTS[_address(operation)][operation.method.upper()]
        headers = as_person(CAST["root"], stage.users["root"]) if _takes_a_password(operation, row) else {}
        answered: list[int] = []
        _asking(stage, "root", wrong, answered, headers)(_known_case(stage, operation, row))
        if not (answered[0] in row.done if row.done else 200 <= answered[0] < 400):
            wrong[f"{operation.method} {operation.path}"] = f"{answered[0]} instead of {row.done or 'success'}"
    assert not wrong, "\n".join(f"{what}: {why}" for what, why in sorted(wrong.items()))


JSON, PROBLEM = "application/json", "application/problem+json"
RIGHT_PROBLEM = (
    b'{"type":"about:blank","title":"x","status":404,"detail":"x","instance":"/","code":"x","request_id":"x"}'
)


@pytest.mark.parametrize(
    ("document", "path", "status", "kind", "body"),
    [
        (0, "/api/v2/jobs/{id}", 404, PROBLEM, b'{"status": "none"}'),
        (0, "/api/v2/jobs/{id}", 404, JSON, RIGHT_PROBLEM),
        (0, "/api/v2/jobs/{id}", 200, JSON, b'{"id": "one"}'),
        (0, "/api/v2/jobs/{id}", 418, PROBLEM, RIGHT_PROBLEM),
        (1, "/job/{jobId}.{suffix}", 404, JSON, b'{"message": "no error"}'),
        (1, "/job/{jobId}.{suffix}", 200, JSON, b'{"id": "one"}'),
        (1, "/job/{jobId}.{suffix}", 200, "text/html", b"{}"),
        (1, "/job/{jobId}.{suffix}", 418, JSON, b"{}"),
    ],
)
def test_wrong_answers_are_noticed(document: int, path: str, status: int, kind: str, body: bytes) -> None:
    def answer(environ: Any, start: Any) -> list[bytes]:
        start(f"{status} x", [("Content-Type", kind)])
        return [body]

    schema = _loaded(DOCUMENTS[document])
    schema.app = answer
    case = schema[path]["GET"].Case(path_parameters={"id": 1, "jobId": 1, "suffix": "json"})
    with pytest.raises((Failure, FailureGroup)):
        case.validate_response(case.call(), checks=CHECKS)


def _address(operation: Any) -> str:
    """The operation's address in the table of endpoints."""
    path = str(operation.path)
    if path.startswith("/api/v2"):
        return path.removeprefix("/").rstrip("/") if path != "/api/v2/" else "api/v2/"
    return f"legacy{path.replace('.{suffix}', '.json')}".rstrip("/")


def _takes_a_password(operation: Any, row: Row) -> bool:
    return row.person or operation.path.startswith("/login")


def _known_case(stage: Stage, operation: Any, row: Row) -> Case:
    """The request that the table of endpoints knows to be permitted and possible."""
    address = _address(operation)
    _path, body, query = rows.request_of(address, row, stage.world, stage.world.acme)
    places = {
        name: kind if isinstance(kind, Text) else (stage.world.acme.ids | stage.world.common)[kind]
        for name, kind in rows.kinds_in_address(address, row).items()
    }
    if "{suffix}" in operation.path:
        places["suffix"] = "json"
    # An operation without a body may be given one, as clients do.
    more: dict[str, Any] = {} if body is None or not operation.body else {"body": body, "media_type": JSON}
    case: Case = operation.Case(path_parameters=places, query=query, **more)
    return case


def _loaded(document: str) -> Any:
    generation = {"deterministic": True, "with-security-parameters": False}
    config = SchemathesisConfig.from_dict({"seed": 1, "generation": generation})
    found = Client().get(document).json()
    if "/1.0.0/" in document:
        found = _with_plain_times(found)
    schema = schemathesis.openapi.from_dict(found, config=config)
    schema.app = _from_here
    return schema


def _from_here(environ: dict[str, Any], start: Any) -> Any:
    """As a server tells the client's address, which the made-up requests lack."""
    return application({**environ, "REMOTE_ADDR": "127.0.0.1"}, start)


def _with_plain_times(part: Any) -> Any:
    """The times that clients of this surface have always got are not those of RFC 3339."""
    if isinstance(part, list):
        return [_with_plain_times(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: _with_plain_times(one) for name, one in part.items() if (name, one) != ("format", "date-time")}


def _made_up(operation: Any, mode: GenerationMode, ids: dict[str, Any]) -> list[Case]:
    made: list[Case] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode, path_parameters=ids))
    def each(case: Case) -> None:
        made.append(case)

    # Of some requests nothing could be wrong.
    with suppress(Unsatisfiable):
        each()
    return made


def _asking(
    stage: Stage,
    person: str,
    wrong: dict[str, str],
    answered: list[int] | None = None,
    headers: dict[str, str] | None = None,
) -> Callable[[Case], None]:
    """Sends a request, undoes what it did, and notes what is wrong about the answer, and its status."""

    def ask(case: Case) -> None:
        with one_connection(), undone():
            answer = case.call(headers=(headers or stage.headers[person]) | HEADERS | FOR_CLIENTS)
        # What a request changed there was undone.
        address_list.remember(address_list.Lists([]))
        if answered is not None:
            answered.append(answer.status_code)
        what = f"{person}: {case.method} {case.path}"
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            reasons = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
            for reason in reasons:
                title = str(getattr(reason, "title", reason))
                wrong.setdefault(f"{what} [{answer.status_code}] {title}", _told(reason, answer.content, case))
        told = without_asked(answer.content, answer.request.url or "", str(case.body))
        for leak in stage.judge.leaks(Row(PUBLIC), CAST[person], told):
            wrong.setdefault(f"{what} [{answer.status_code}] tells {leak}", repr(answer.content[:200]))

    return ask


def _told(reason: BaseException, content: bytes, case: Case) -> str:
    message = " ".join(str(getattr(reason, "message", reason)).split())[:300]
    return f"{message} | {content[:160].decode(errors='replace')} | {case!r:.200}"


def _ids(stage: Stage, path: str, plot: plots.Plot) -> dict[str, Any]:
    """Values for the parts of a path: rows that exist, of one company."""
    short = path.removeprefix("/").removeprefix("api/v2/").replace(".{suffix}", "")
    # The documents describe JSON; the other formats are for `test_formats`.
    kinds: dict[str, Any] = {"suffix": "json"} if "{suffix}" in path else {}
    segments = short.split("/")
    for number, segment in enumerate(segments):
        for name in _NUMBERED.findall(segment):
            kind = rows.BY_NAME.get(name) or rows.BY_COLLECTION.get(segments[number - 1])
            if kind and name != "suffix":
                kinds[name] = plot.ids.get(kind, stage.world.common.get(kind))
    return kinds


def _is_endless(operation: Any) -> bool:
    return operation.path.endswith("/stream")
