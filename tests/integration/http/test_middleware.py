"""What every answer has in common, whatever the view behind it."""

from __future__ import annotations

import json

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from multiflexi.http.compression import Compress
from multiflexi.http.cookies import harden
from multiflexi.http.cors import share
from multiflexi.http.headers import content_policy, protect
from multiflexi.http.prefixes import strip_prefix
from multiflexi.http.proxies import tell_scheme

pytestmark = pytest.mark.django_db
PROXY = "10.0.0.1"


@pytest.fixture
def make() -> RequestFactory:
    return RequestFactory()


def test_pages_load_nothing_inline_and_nothing_foreign(client: Client):
    answer = client.get("/healthz")
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]


def test_the_liveness_probe_asks_no_database(client: Client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_static_files_of_another_host_are_allowed(settings):
    settings.STATIC_URL = "https://cdn.example.org/mf/"
    assert "script-src 'self' https://cdn.example.org;" in content_policy()


def test_strict_transport_is_told_on_encrypted_connections_only(client: Client):
    assert "Strict-Transport-Security" not in client.get("/healthz")
    assert "max-age=31536000" in client.get("/healthz", secure=True)["Strict-Transport-Security"]


def test_the_scheme_is_taken_from_trusted_proxies_only(make: RequestFactory, settings):
    settings.MULTIFLEXI_TRUSTED_PROXIES = [PROXY]

    def seen(peer: str, told: str) -> bool:
        request = make.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO=told)
        tell_scheme(lambda one: HttpResponse(str(one.is_secure())))(request)
        return request.is_secure()

    assert seen(PROXY, "https")
    assert not seen(PROXY, "http")
    assert not seen("192.0.2.7", "https")
    assert not seen(PROXY, "gopher")


def test_a_proxy_tells_a_prefix_and_never_another_host(make: RequestFactory, settings):
    settings.MULTIFLEXI_TRUSTED_PROXIES = [PROXY]

    def seen(told: str, peer: str = PROXY) -> str:
        request = make.get("/me/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PREFIX=told)
        return strip_prefix(lambda one: HttpResponse(one.META["SCRIPT_NAME"]))(request).content.decode()

    assert (seen("/flexi"), seen("/a/b.c/")) == ("/flexi", "/a/b.c")
    assert seen("/flexi", "192.0.2.7") == ""
    for odd in ("//evil.example", "/\\evil.example", "evil", "/a b", "/a?b", "/%2f"):
        assert seen(odd) == "", odd


@pytest.mark.parametrize("header", ["HTTP_AUTHORIZATION", "HTTP_X_API_KEY"])
def test_answers_to_known_callers_are_stored_nowhere(make: RequestFactory, header: str):
    handle = protect(lambda request: HttpResponse())
    assert handle(make.get("/", **{header: "x"}))["Cache-Control"] == "no-store"
    assert "Cache-Control" not in handle(make.get("/"))


def test_a_body_too_long_is_refused_before_it_is_read(client: Client, settings):
    settings.API_BODY_MAX_BYTES = 10
    answer = client.post("/api/v2/nothing", "x" * 11, content_type="text/plain")
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    assert "API_BODY_MAX_BYTES" in answer.json()["detail"]
    assert client.post("/api/v2/nothing", "x" * 10, content_type="text/plain").status_code == 404
    assert client.post("/somewhere", "x" * 11, content_type="text/plain").status_code == 413


def test_a_body_without_length_is_not_taken_for_empty(client: Client):
    answer = client.generic("POST", "/api/v2/nothing", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")
    assert answer.status_code == 411


def test_refusals_have_the_form_of_their_surface(client: Client):
    page, modern, legacy = (client.get(f"{path}nowhere") for path in ("/", "/api/v2/", "/api/VitexSoftware/"))
    assert {one.status_code for one in (page, modern, legacy)} == {404}
    assert page["Content-Type"].startswith("text/html")
    assert modern["Content-Type"] == "application/problem+json"
    assert modern.json()["request_id"] == modern["X-Request-ID"]
    assert legacy.json() == {"error": "not_found", "message": "There is nothing at this address.", "success": False}


def test_a_foreign_host_name_is_refused_with_the_way_out(client: Client):
    answer = client.get("/nowhere", HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert "MULTIFLEXI_ALLOWED_HOSTS" in answer.content.decode()


def test_no_trace_reaches_the_caller(client: Client, monkeypatch: pytest.MonkeyPatch):
    def fail(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("the inner word")

    client.raise_request_exception = False
    monkeypatch.setattr("multiflexi.http.health.unready", fail)
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert "inner word" not in answer.content.decode()
    assert answer["X-Request-ID"] in answer.content.decode()


def test_other_sites_may_not_call_unless_they_are_named(make: RequestFactory, settings):
    handle = share(lambda request: HttpResponse("x"))

    def ask(origin: str, path: str = "/api/v2/jobs", method: str = "GET", **more: str) -> HttpResponse:
        return handle(make.generic(method, path, HTTP_ORIGIN=origin, **more))

    assert "Access-Control-Allow-Origin" not in ask("https://app.example.org")
    settings.API_CORS_ORIGINS = ["https://app.example.org"]
    answer = ask("https://app.example.org")
    assert answer["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "Access-Control-Allow-Credentials" not in answer
    assert "Origin" in answer["Vary"]
    assert "Access-Control-Allow-Origin" not in ask("https://app.example.org.evil")
    assert "Access-Control-Allow-Origin" not in ask("https://app.example.org", "/login/")
    asked = ask("https://app.example.org", method="OPTIONS", HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
    assert asked.status_code == 204
    assert "Authorization" in asked["Access-Control-Allow-Headers"]


def test_streams_parts_and_tagged_answers_are_not_compressed(make: RequestFactory):
    def through(response: HttpResponse | StreamingHttpResponse) -> str:
        request = make.get("/", HTTP_ACCEPT_ENCODING="gzip")
        return Compress(lambda _: response)(request).get("Content-Encoding", "")

    assert through(HttpResponse("x" * 1000)) == "gzip"
    assert through(StreamingHttpResponse(["x" * 1000])) == ""
    assert through(HttpResponse("x" * 1000, status=206)) == ""
    assert through(HttpResponse("x" * 1000, headers={"ETag": '"1"'})) == ""


def test_cookies_of_encrypted_connections_are_bound_to_the_host(make: RequestFactory):
    seen = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen.update(request.COOKIES)
        response = HttpResponse()
        response.set_cookie("sessionid", "new", httponly=True, samesite="Lax")
        return response

    request = make.get("/", secure=True)
    request.COOKIES = {"sessionid": "planted", "__Host-sessionid": "ours"}
    cookie = harden(view)(request).cookies
    assert seen["sessionid"] == "ours"
    assert list(cookie) == ["__Host-sessionid"]
    assert cookie["__Host-sessionid"]["secure"]
    assert cookie["__Host-sessionid"]["httponly"]
    plain = harden(view)(make.get("/")).cookies
    assert list(plain) == ["sessionid"]
    assert not plain["sessionid"]["secure"]


def test_a_body_that_is_no_json_is_still_an_answer(client: Client):
    assert json.loads(client.get("/api/v2/\x00").content)["status"] == 404
