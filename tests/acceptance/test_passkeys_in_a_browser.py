"""Passkeys in a real browser, with an authenticator that it simulates."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from playwright import sync_api

from multiflexi.models import Passkey, User
from tests.acceptance.web_server import WebServer
from tests.http import password_of
from tests.needs import needs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    needs(CHROMIUM, "there is no Chromium"),
]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def address(process_environment: dict[str, str]) -> Iterator[str]:
    """Where the pages are served; by its name, since browsers know no passkeys for addresses of digits."""
    server = WebServer(process_environment)
    yield f"http://localhost:{server.port}"
    server.stop()


@pytest.fixture
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as tool:
        made = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture(autouse=True)
def queries_beside_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's library runs a loop in this thread, which nothing of the database waits for."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture
def page(browser: Any) -> Any:
    """A page with a device, and nothing that the browser complains about."""
    found = browser.new_page(locale="en-GB")
    session = found.context.new_cdp_session(found)
    session.send("WebAuthn.enable")
    found.device = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]
    found.session = session
    complaints: list[str] = []
    found.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    # That a request was refused is told there, too.
    assert [one for one in complaints if "status of 4" not in one] == []


@pytest.fixture
def person(address: str, alice: User) -> User:
    """Alice, with a password as real processes keep it."""
    alice.password = make_password(password_of("alice"), hasher="argon2")
    alice.save(update_fields=["password"])
    return alice


def hook(page: Any, name: str) -> Any:
    """The element that tests know by this name."""
    return page.locator(f"[data-test={name}]")


def sign_in(page: Any, address: str, user: User) -> None:
    page.goto(f"{address}/login/")
    hook(page, "login-user").fill(user.login)
    hook(page, "login-password").fill(password_of(user.login))
    with page.expect_navigation():
        hook(page, "login-submit").click()


def count_of(page: Any) -> int:
    """The counter of the device."""
    told = page.session.send("WebAuthn.getCredentials", {"authenticatorId": page.device})
    return int(told["credentials"][0]["signCount"])


def test_a_passkey_is_added_and_signs_in_both_ways(address: str, person: User, page: Any):
    sign_in(page, address, person)
    page.goto(f"{address}/me/security/passkeys/add/")
    hook(page, "passkey-name").fill("Notebook")
    hook(page, "passkey").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    stored = Passkey.objects.get(user=person)
    assert (stored.name, stored.domain) == ("Notebook", "localhost")

    page.context.clear_cookies()
    sign_in(page, address, person)
    assert page.url.endswith("/login/2fa/")
    hook(page, "passkey").click()
    page.wait_for_url("**/me/")
    stored.refresh_from_db()
    assert stored.sign_count == count_of(page) > 0

    page.context.clear_cookies()
    page.goto(f"{address}/login/?next=/me/security/")
    page.get_by_role("link", name="Sign in with a passkey").click()
    hook(page, "passkey").click()
    page.wait_for_url(f"{address}/me/security/")
    assert page.get_by_role("cell", name="Notebook", exact=True).is_visible()


def test_a_device_without_a_passkey_says_so(address: str, page: Any):
    page.goto(f"{address}/login/passkey/")
    hook(page, "passkey").click()
    page.get_by_role("alert").wait_for()
    assert "has not given a passkey" in page.get_by_role("alert").inner_text()
    assert hook(page, "passkey").is_enabled()


def test_the_same_device_is_not_added_twice_and_another_copy_is_refused(address: str, person: User, page: Any):
    sign_in(page, address, person)
    page.goto(f"{address}/me/security/passkeys/add/")
    hook(page, "passkey").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    page.goto(f"{address}/me/security/passkeys/add/")
    hook(page, "passkey").click()
    page.get_by_role("alert").wait_for()
    assert Passkey.objects.count() == 1
    # As if the key had been used elsewhere since.
    Passkey.objects.update(sign_count=1_000_000)
    page.context.clear_cookies()
    page.goto(f"{address}/login/passkey/")
    hook(page, "passkey").click()
    page.get_by_text("The passkey was not accepted").wait_for()
    assert page.url.endswith("/login/passkey/")


def test_without_scripts_the_page_says_what_to_do(address: str, browser: Any):
    page = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
    page.goto(f"{address}/login/passkey/")
    assert page.get_by_text("Passkeys take a browser").is_visible()
    assert not hook(page, "passkey").is_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_long_name_stays_on_the_page(address: str, person: User, page: Any, width: int):
    Passkey.objects.create(user=person, name="W" * 64, domain="localhost", credential="", credential_hash="")
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, address, person)
    page.goto(f"{address}/me/security/")
    page.get_by_text("W" * 64).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    card = page.locator("section.card").filter(has_text="W" * 64)
    assert card.evaluate("one => one.scrollWidth <= one.clientWidth")
