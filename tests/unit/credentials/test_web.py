"""HTTP for checks: addresses, redirects, sizes, and what answers say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from multiflexi.credentials import classify, web
from multiflexi.credentials.contract import CannotResolve, Given
from multiflexi.credentials.network import Cause, Network, Trouble
from multiflexi.models import Availability
from tests.unit.credentials.standin import Reply, StandIn, authority, running, talking

TRUSTING = Given({}, options={"authority": authority()})


def asked(address: str, method: str = "GET", given: Given = TRUSTING, **options) -> web.Answer:
    with Network(5) as network:
        return web.ask(network, given, method, web.url(given, "URL", address), **options)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https://exa mple.org",
        "https://example.org:port/",
        "https://example.org:0/",
        "https://user:pa/ss@example.org/",
        "https://user:12/3@example.org/",
        "https://example.org/a\r\nHost: b",
        "https://example.org/\x00",
        "https://[::1/",
        "https://ex\\ample.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(CannotResolve) as caught:
        web.url(Given({"URL": text}), "URL")
    assert caught.value.result.state is Availability.MISCONFIGURED
    assert "URL" in str(caught.value)


def test_user_and_password_of_an_address_are_left_out() -> None:
    url = web.url(Given({"URL": "https://user:secret@Example.org:5434/a?b=c#d"}), "URL")
    assert (url.host, url.port, url.target) == ("example.org", 5434, "/a?b=c")
    assert "secret" not in repr(url)
    assert url.below("/x").target == "/a/x"


def test_http_needs_the_consent_of_the_type() -> None:
    with pytest.raises(CannotResolve, match="allow_http"):
        web.url(Given({"URL": "http://example.org"}), "URL")
    allowing = Given({"URL": "http://example.org"}, options={"allow_http": True})
    assert web.url(allowing, "URL").port == 80
    assert web.url(Given({"URL": "http://example.org"}), "URL", plain=True).scheme == "http"


def test_the_name_is_sent_and_no_proxy_of_the_environment_is_used(loopback: None, monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with running(StandIn({"/x": Reply(200, b"yes")})) as standin:
        answer = asked(f"{standin.url}/x?a=1")
        assert (answer.status, answer.body) == (200, b"yes")
        assert standin.requests[0].headers["host"] == f"127.0.0.1:{standin.port}"
        assert standin.requests[0].path == "/x?a=1"


def test_redirects_within_a_server_are_followed(loopback: None) -> None:
    routes = {"/": Reply(301, headers={"Location": "/c"}), "/c": Reply(302, headers={"Location": "d"}), "/d": Reply()}
    with running(StandIn(routes)) as standin:
        assert asked(standin.url).status == 200
        assert asked(standin.url, follow=False).status == 301


@pytest.mark.parametrize(
    "location", ["http://{host}/", "https://localhost:{port}/", "//other.example.org/", "", "http://[::"]
)
def test_other_redirects_are_not(location: str, loopback: None) -> None:
    standin = StandIn()
    target = location.format(host=f"127.0.0.1:{standin.port}", port=standin.port)
    standin.otherwise = Reply(302, headers={"Location": target})
    with running(standin), pytest.raises(Trouble) as caught:
        asked(standin.url)
    assert caught.value.cause is Cause.REDIRECT
    assert len(standin.requests) == 1


def test_a_redirect_in_a_circle_ends(loopback: None) -> None:
    with running(StandIn(otherwise=Reply(302, headers={"Location": "/"}))) as standin:
        with pytest.raises(Trouble):
            asked(standin.url)
        assert len(standin.requests) == 4


def test_a_form_is_not_sent_again_elsewhere(loopback: None) -> None:
    with running(StandIn({"POST /": Reply(307, headers={"Location": "/other"})})) as standin:
        with pytest.raises(Trouble):
            asked(standin.url, "POST", body=b"password")
        assert len(standin.requests) == 1


def test_an_answer_that_is_too_large_is_not_read(loopback: None) -> None:
    with running(StandIn(otherwise=Reply(200, b"x" * 2000))) as standin:
        with pytest.raises(Trouble) as caught:
            asked(standin.url, largest=1999)
        assert caught.value.cause is Cause.TOO_LARGE
        assert len(asked(standin.url, largest=2000).body) == 2000


def test_an_expired_certificate_is_told_with_its_day(loopback: None) -> None:
    with running(StandIn(otherwise=Reply()), expired=True) as standin:
        with pytest.raises(Trouble) as caught:
            asked(standin.url)
        assert caught.value.cause is Cause.TLS
        assert datetime.fromisoformat(caught.value.expires) < datetime.now(UTC)


def test_an_authority_that_is_none_is_misconfigured(loopback: None) -> None:
    with pytest.raises(CannotResolve, match="authority"):
        asked("https://127.0.0.1:1", given=Given({}, options={"authority": "-----BEGIN"}))


def test_another_protocol_is_not_taken_for_http(loopback: None) -> None:
    with talking(b"220 mail.example.org ESMTP\r\n") as port:
        plain = Given({}, options={"allow_http": "1"})
        with pytest.raises(Trouble) as caught:
            asked(f"http://127.0.0.1:{port}", given=plain)
        assert caught.value.cause is Cause.NOT_HTTP


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "available"),
        (204, "available"),
        (301, "misconfigured"),
        (400, "misconfigured"),
        (401, "misconfigured"),
        (403, "misconfigured"),
        (404, "misconfigured"),
        (408, "unavailable"),
        (429, "unavailable"),
        (500, "unavailable"),
        (503, "unavailable"),
    ],
)
def test_statuses(status: int, state: str) -> None:
    result = classify.answer(web.Answer("h", 443, status, {}, b""))
    assert result.state == state
    assert result.ttl == (60 if state == "unavailable" else 300)


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (Cause.UNKNOWN_NAME, "unavailable"),
        (Cause.NO_NAME_SERVER, "unavailable"),
        (Cause.FORBIDDEN, "unknown"),
        (Cause.REFUSED, "unavailable"),
        (Cause.TIMEOUT, "unavailable"),
        (Cause.BROKEN, "unavailable"),
        (Cause.TLS, "misconfigured"),
        (Cause.NOT_HTTP, "unavailable"),
        (Cause.TOO_LARGE, "misconfigured"),
        (Cause.REDIRECT, "misconfigured"),
    ],
)
def test_troubles(cause: Cause, state: str) -> None:
    result = classify.trouble(Trouble(cause, "server.example.org", 443))
    assert result.state == state
    assert "server.example.org:443" in result.message


@pytest.mark.parametrize(("failures", "state"), [(0, "unavailable"), (1, "unavailable"), (2, "misconfigured")])
def test_a_name_that_is_unknown_three_times_is_wrong(failures: int, state: str) -> None:
    assert classify.trouble(Trouble(Cause.UNKNOWN_NAME, "h", 1), failures).state == state
    assert classify.trouble(Trouble(Cause.NO_NAME_SERVER, "h", 1), failures).state == "unavailable"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 60),
        ("5", 60),
        ("120", 120),
        ("99999999999999999999", 3600),
        ("soon", 60),
        ("Sat, 21 Nov 2026 08:10:00 GMT", 600),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 60),
        ("Sat, 99 Nov 2026 07:00:00 GMT", 60),
        ("-3", 60),
    ],
)
def test_a_server_may_ask_for_patience(text: str, seconds: float) -> None:
    assert classify.retry_after(text, datetime(2026, 11, 21, 8, 0, tzinfo=UTC)) == seconds
    answer = web.Answer("h", 1, 429, {"retry-after": "300"}, b"")
    assert classify.answer(answer).ttl == 300
