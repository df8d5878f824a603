"""What every provider promises, whichever it is."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import traceback
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from multiflexi import manifests
from multiflexi.credentials import registry, shipped
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import CannotResolve, Given
from multiflexi.credentials.network import Network
from multiflexi.models import Availability
from multiflexi.vault.secrecy import is_secret_field
from tests.unit.credentials.samples import HEX_MARK, MARK, SAMPLES, given
from tests.unit.credentials.standin import Reply, Request, StandIn, dripping, refusing, running, silent, talking

CODES = registry.names()
NETWORKED = [code for code in SAMPLES if SAMPLES[code].uses_network]
LEAVES = (Availability.AVAILABLE, Availability.DEGRADED)


def told(code: str, of: Given) -> str:
    """All that check and resolve of a provider let out, with the whole chain of an exception."""
    provider = registry.get(code)
    result = provider.check(of)
    said = [repr(result), repr(dict(result.details)), repr(of)]
    try:
        provider.resolve(of)
    except Exception as error:
        assert isinstance(error, CannotResolve)
        seen: list[BaseException | None] = [error]
        while seen[-1] is not None:
            said += [repr(seen[-1]), repr(vars(seen[-1])), *traceback.format_exception(seen[-1])]
            seen.append(seen[-1].__context__ or seen[-1].__cause__)
    return "\n".join(said)


def assert_no_secret(text: str) -> None:
    assert MARK not in text
    assert HEX_MARK not in text


def test_every_shipped_provider_has_a_sample() -> None:
    assert {code for code in CODES if type(registry.get(code)).__module__.startswith("multiflexi.")} == set(SAMPLES)


@pytest.mark.parametrize("code", CODES)
def test_code_and_definition_agree(code: str) -> None:
    provider = registry.get(code)
    definition = provider.definition()
    assert provider.code == definition["code"] == code
    assert registry.get(code.upper()) is provider


@pytest.mark.parametrize("code", CODES)
def test_a_provider_says_whether_it_has_values_for_jobs(code: str, loopback: None, aimed) -> None:
    """Whoever says no is never asked at the launch, so it must have nothing to say then."""
    provider = registry.get(code)
    assert type(provider.supplies) is bool
    writes = any(
        getattr(type(provider), name, None) is not getattr(ShippedProvider, name) for name in ("resolve", "supply")
    )
    assert provider.supplies == writes
    if not provider.supplies:
        assert provider.resolve(given(code, 1)) == {}


def test_codes_and_uuids_are_unique() -> None:
    definitions = [registry.get(code).definition() for code in CODES]
    for member in ("code", "uuid"):
        found = [str(definition[member]).lower() for definition in definitions]
        assert len(set(found)) == len(found)


@pytest.mark.parametrize("code", CODES)
def test_the_definition_is_valid_and_in_both_languages(code: str) -> None:
    definition = registry.get(code).definition()
    report = manifests.validate(json.dumps(definition).encode(), f"{code}.credprototype.json")
    assert list(report.findings) == []
    for texts in (definition["name"], definition["description"], *(field["name"] for field in definition["fields"])):
        assert set(texts) == {"en", "cs"}
    keywords = [field["keyword"] for field in definition["fields"]]
    assert len(set(keywords)) == len(keywords)
    assert set(definition["internal"]) <= set(keywords)


@pytest.mark.parametrize("code", CODES)
def test_secrets_of_the_samples_are_declared_as_such(code: str) -> None:
    fields = {field["keyword"]: field for field in registry.get(code).definition()["fields"]}
    sample = given(code, 1)
    for name, text in {**sample.values, **sample.internal}.items():
        if MARK in text or HEX_MARK in text:
            kind = fields.get(name, {})
            assert is_secret_field(name, kind.get("type"), kind.get("secret"))


def test_every_definition_is_shipped() -> None:
    found = {entry.code: json.loads(entry.data) for entry in shipped.definitions()}
    assert sorted(found) == sorted(CODES)
    assert found["FioBank"]["uuid"] == "f79aaa38-2eaf-453a-beee-3a2afa1221d5"


@pytest.mark.parametrize("code", CODES)
def test_an_empty_credential_never_raises_from_a_check(code: str) -> None:
    result = registry.get(code).check(Given({}))
    assert result.state in (Availability.MISCONFIGURED, Availability.UNKNOWN)
    assert result.message
    assert registry.get(code).expires(Given({})) is None


@pytest.mark.parametrize("code", CODES)
def test_values_of_the_wrong_form_are_not_repeated(code: str, loopback: None, files_root: Path) -> None:
    names = [field["keyword"] for field in registry.get(code).definition()["fields"]]
    shapes = (f"{MARK} 1/2", f"https://a:{MARK}/3@host/", f"smtp://user:12/{MARK}@host", f"{MARK}\x00\n")
    for shape in shapes:
        values = dict.fromkeys(names, shape)
        said = told(code, Given(values, values, {"authority": shape, "check": {"tcp": {"host": shape, "port": shape}}}))
        # What is no secret by its definition may be shown; all of it is secret here.
        assert MARK not in said


@pytest.mark.parametrize("code", CODES)
def test_a_fault_of_the_provider_tells_no_secret(code: str, aimed, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = aimed(code, 1)

    def fail(self: object, *args: object, **options: object) -> None:
        raise RuntimeError(f"{MARK} {args}")

    for name in ("connect", "resolve", "within"):
        monkeypatch.setattr(Network, name, fail)
    monkeypatch.setattr(type(provider), "probe", fail)
    monkeypatch.setattr(type(provider), "supply", fail)
    assert provider.check(given(code, 1)).state is Availability.UNKNOWN
    assert_no_secret(told(code, given(code, 1)))


@pytest.mark.parametrize("code", NETWORKED)
def test_this_host_is_not_checked_unless_allowed(code: str, aimed, settings) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = []
    with running(StandIn()) as standin:
        result = aimed(code, standin.port).check(given(code, standin.port))
        assert (result.state, result.details["cause"]) == (Availability.UNKNOWN, "forbidden")
        assert standin.requests == []


@pytest.mark.parametrize("code", NETWORKED)
def test_a_port_that_nobody_listens_at_is_unavailable(code: str, aimed, loopback: None) -> None:
    port = refusing()
    result = aimed(code, port).check(given(code, port))
    assert (result.state, result.ttl) == (Availability.UNAVAILABLE, 60.0)
    assert_no_secret(told(code, given(code, port)))


@pytest.mark.parametrize("code", NETWORKED)
def test_a_server_that_never_answers_costs_no_more_than_the_time_limit(code: str, aimed, loopback: None) -> None:
    with silent() as port:
        provider, of = aimed(code, port, 0.3), given(code, port)
        begun = time.monotonic()
        result = provider.check(of)
        assert time.monotonic() - begun < 2
        assert result.state in (Availability.UNAVAILABLE, Availability.DEGRADED)
        assert_no_secret(repr(result))


@pytest.mark.parametrize("code", NETWORKED)
def test_a_server_that_never_finishes_costs_no_more_than_the_time_limit(code: str, aimed, loopback: None) -> None:
    with dripping() as port:
        provider, of = aimed(code, port, 0.3), given(code, port)
        begun = time.monotonic()
        provider.check(of)
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize("code", NETWORKED)
def test_a_server_that_says_secrets_in_another_protocol_is_not_quoted(code: str, aimed, loopback: None) -> None:
    lines = [f"220 {MARK}\r\n535 5.7.8 {MARK}\r\n".encode(), f"SSH-2.0-{MARK}\r\n".encode()]
    for line in lines:
        with talking(line, line, line) as port:
            provider = aimed(code, port, 0.3)
            assert_no_secret(repr(provider.check(given(code, port))))
            assert_no_secret(told(code, given(code, port)))


def echo(status: int):
    """A server that repeats all that it was told, plain and decoded."""

    def reply(request: Request) -> Reply:
        told = [request.path, *request.headers.values(), unquote_plus(request.body.decode())]
        with contextlib.suppress(ValueError):
            told.append(base64.b64decode(request.headers.get("authorization", "").split(" ")[-1]).decode())
        secret = next((text for text in told if MARK in text), MARK)
        body = {"error_description": secret, "access_token": secret, "result": secret, "message": " ".join(told)}
        return Reply(status, body, {"X-Secret": secret.replace("\n", " "), "Retry-After": "soon"})

    return reply


@pytest.mark.parametrize("status", [200, 400, 403, 500])
@pytest.mark.parametrize("code", [code for code in NETWORKED if SAMPLES[code].speaks_http])
def test_a_server_that_repeats_what_it_was_told_is_not_quoted(code: str, status: int, aimed, loopback: None) -> None:
    with running(StandIn(otherwise=echo(status))) as standin:
        aimed(code, standin.port)
        assert_no_secret(told(code, given(code, standin.port)))
        assert standin.requests


@pytest.mark.parametrize("code", [code for code in NETWORKED if SAMPLES[code].speaks_http])
def test_no_check_is_led_to_another_host(code: str, aimed, loopback: None, settings) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = ["127.0.0.1", "localhost"]
    with running(StandIn(otherwise=Reply(200, {}))) as other:
        away = Reply(302, b"", {"Location": f"https://localhost:{other.port}/"})
        with running(StandIn(otherwise=away)) as standin:
            result = aimed(code, standin.port).check(given(code, standin.port))
            assert standin.requests
        assert other.requests == []
        assert result.state not in LEAVES


@pytest.mark.parametrize("code", [code for code in NETWORKED if SAMPLES[code].speaks_http])
def test_a_certificate_that_nobody_vouches_for_is_a_persons_work(code: str, aimed, loopback: None) -> None:
    with running(StandIn(otherwise=Reply(200, {}))) as standin:
        of = given(code, standin.port)
        untrusting = Given(of.values, of.internal, {k: v for k, v in of.options.items() if k != "authority"}, 7)
        result = aimed(code, standin.port).check(untrusting)
        assert (result.state, result.details["cause"]) == (Availability.MISCONFIGURED, "tls")
        assert result.details["certificate_expires"]
        assert standin.requests == []
