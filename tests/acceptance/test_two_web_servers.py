"""Two web servers on one database know the same sessions, limits and repeated requests."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import make_password

from multiflexi.models import ApiRateLimit, Application, Company, Job, RunTemplate, User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import allowlist, second_factor, totp
from tests.acceptance.web_server import Answer, WebServer
from tests.http import a_token, bearer, password_of
from tests.redis_server import names_of_our_own

FORM = "application/x-www-form-urlencoded"


class Browser:
    """Keeps cookies and fills forms in, on whichever server it is pointed at."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def get(self, server: WebServer, path: str) -> Answer:
        return self._remember(server.ask("GET", path, headers=self._headers()))

    def post(self, server: WebServer, path: str, page: Answer, **fields: str) -> Answer:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found, page
        body = urlencode(fields | {"csrfmiddlewaretoken": found[1]})
        return self._remember(server.ask("POST", path, body, self._headers() | {"Content-Type": FORM}))

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _remember(self, answer: Answer) -> Answer:
        for cookie in answer.cookies:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value.strip('"')
        return answer


@pytest.fixture
def servers(process_environment: dict[str, str], alice: User) -> Iterator[tuple[WebServer, WebServer]]:
    """Two of them, as on two hosts; they know the hashes of a real installation only."""
    User.objects.filter(pk=alice.pk).update(password=make_password(password_of("alice"), hasher="argon2"))
    first = WebServer(process_environment)
    second = WebServer(process_environment)
    yield first, second
    first.stop()
    second.stop()


def test_a_session_holds_across_both_and_ends_on_both(servers: tuple[WebServer, WebServer]):
    first, second = servers
    browser = Browser()
    page = browser.get(first, "/login/")
    # Even the form of one server is taken by the other.
    answer = browser.post(second, "/login/", page, login="alice", password=password_of("alice"))
    assert answer.status == 302, answer.text
    for server in (first, second, first):
        assert browser.get(server, "/me/").status == 200
    page = browser.get(second, "/me/")
    assert browser.post(second, "/logout/", page).status == 302
    assert browser.get(first, "/me/").status == 302


def test_a_code_taken_by_one_is_refused_by_the_other(servers: tuple[WebServer, WebServer], alice: User):
    secret = second_factor.begin(alice)
    _confirm_long_ago(alice, secret)
    code = totp.code_at(secret, totp.step_of(time.time()))
    answers = []
    for server in servers:
        browser = Browser()
        page = browser.get(server, "/login/")
        browser.post(server, "/login/", page, login="alice", password=password_of("alice"))
        page = browser.get(server, "/login/2fa/")
        answers.append(browser.post(server, "/login/2fa/", page, code=code).status)
    assert answers == [302, 422]


def _confirm_long_ago(user: User, secret: str) -> None:
    second_factor.confirm(Actor(user.pk, Origin.WEB), user, totp.code_at(secret, totp.step_of(time.time())))
    type(user.second_factor).objects.filter(user=user).update(last_step=0)


@pytest.mark.parametrize("store", ["database", "redis"])
def test_requests_to_both_count_together(process_environment: dict[str, str], robot: User, store: str):
    settings = {"API_RATE_LIMIT_REQUESTS": "4", "API_RATE_LIMIT_WINDOW": "3600"}
    token = bearer(a_token(robot))
    with ExitStack() as stack:
        if store == "redis":
            settings["CACHE_URL"] = stack.enter_context(names_of_our_own())
        servers = stack.enter_context(both(process_environment, settings))
        answers = [servers[number % 2].get("/api/v2/me", **token) for number in range(6)]
        assert [answer.status for answer in answers] == [200] * 4 + [429] * 2
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers[4:])
        # The limit is the caller's, not the servers'.
        assert servers[0].get("/api/v2/me", **bearer(a_token(robot))).status == 200
        assert ApiRateLimit.objects.exists() == (store == "database")


def test_both_learn_who_may_connect(process_environment: dict[str, str], alice: User):
    shell = Actor(None, Origin.CLI)
    with both(process_environment, {}) as servers:
        assert [server.get("/login/").status for server in servers] == [200, 200]
        allowlist.add(shell, "192.0.2.0/24")
        _until_all_answer(servers, 403)
        assert "127.0.0.1" in servers[0].get("/api/v2/me").text
        assert [server.get("/healthz").status for server in servers] == [200, 200]
        allowlist.switch(shell, on=False)
        _until_all_answer(servers, 200)


def _until_all_answer(servers: tuple[WebServer, WebServer], status: int) -> None:
    """They look every two seconds, each by itself; the slowest machine has a minute."""
    deadline = time.monotonic() + 60
    while {server.get("/login/").status for server in servers} != {status}:
        assert time.monotonic() < deadline


def test_a_key_holds_on_both(process_environment: dict[str, str], robot: User, acme: Company):
    app = Application.objects.create(uuid=uuid.uuid4(), code="true", name="true", executable="/bin/true")
    template = RunTemplate.objects.create(name="nightly", app=app, company=acme, active=True, complete=True)
    headers = {**bearer(a_token(robot)), "Content-Type": "application/json", "Idempotency-Key": "once-only"}
    paths = ("/api/v2/jobs", "/api/VitexSoftware/MultiFlexi/1.0.0/job/")
    with both(process_environment, {}) as servers:
        for count, path in enumerate(paths, start=1):
            body = json.dumps({"runtemplate_id": template.pk})
            told = headers | {"Idempotency-Key": path.replace("/", "-")}
            # At the same time: one carries it out, the other waits for nobody and says so, or repeats the answer.
            with ThreadPoolExecutor(2) as pool:
                sent = [pool.submit(server.ask, "POST", path, body, told) for server in servers]
                answers = [one.result() for one in sent]
            assert {answer.status for answer in answers} <= {201, 409}, [answer.text for answer in answers]
            assert 201 in {answer.status for answer in answers}
            again = [server.ask("POST", path, body, told) for server in servers]
            assert [answer.status for answer in again] == [201, 201]
            assert {answer.headers.get("idempotency-replayed") for answer in again} == {"true"}
            assert len({json.loads(answer.text)["id"] for answer in again}) == 1
            assert Job.objects.filter(runtemplate=template).count() == count
            other = json.dumps({"runtemplate_id": template.pk, "env": {"A": "1"}})
            assert servers[1].ask("POST", path, other, told).status == 422


@contextmanager
def both(environment: dict[str, str], settings: dict[str, str]) -> Iterator[tuple[WebServer, WebServer]]:
    """Two servers, as on two hosts."""
    first = WebServer(environment, **settings)
    try:
        second = WebServer(environment, **settings)
        try:
            yield first, second
        finally:
            second.stop()
    finally:
        first.stop()
