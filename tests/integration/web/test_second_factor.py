"""The second factor: set up, asked for, required, replaced."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from multiflexi.models import AuditEntry, RecoveryCode, SecondFactor, User
from multiflexi.services import second_factor, totp
from multiflexi.vault import envelope, keyring, rotation
from multiflexi.vault.rotation import Selection
from tests.integration.web.pages import current_code, sign_in, signed_in, with_second_factor

pytestmark = pytest.mark.usefixtures("ring")
STEP = "/login/2fa/"


@pytest.mark.parametrize(
    ("moment", "code"),
    # The vectors of RFC 6238, appendix B, of which six digits are kept.
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(moment: int, code: str):
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp.code_at(secret, totp.step_of(moment)) == code
    assert totp.matching_step(secret, code, moment + 30) == totp.step_of(moment)
    assert totp.matching_step(secret, code, moment + 90) is None


def _set_up(client: Client) -> tuple[str, list[str]]:
    page = client.get(reverse("set_up_second_factor")).content.decode()
    secret = re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    answer = client.post(reverse("set_up_second_factor"), {"code": current_code(secret)})
    return secret, re.findall(r"<code>([A-Z2-9]{4}-[A-Z2-9]{4})</code>", answer.content.decode())


def test_it_is_set_up_with_codes_shown_once_and_nothing_in_clear(client: Client, alice: User):
    sign_in(client, alice)
    secret, codes = _set_up(client)
    assert len(set(codes)) == 10
    stored = SecondFactor.objects.get(user=alice)
    assert envelope.is_sealed(stored.secret)
    assert secret not in stored.secret
    hashes = "".join(RecoveryCode.objects.filter(user=alice).values_list("code_hash", flat=True))
    assert all(code.replace("-", "") not in hashes for code in codes)
    assert codes[0] not in client.get(reverse("security")).content.decode()
    assert AuditEntry.objects.filter(user_id=alice.pk, event_type="2fa_enabled").exists()


def test_the_picture_is_part_of_the_page(client: Client, alice: User):
    sign_in(client, alice)
    page = client.get(reverse("set_up_second_factor")).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page


def test_a_secret_that_lay_about_is_not_used(alice: User):
    secret = second_factor.begin(alice)
    assert second_factor.begin(alice) == secret
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert second_factor.begin(alice) != secret


def test_a_wrong_first_code_switches_nothing_on(client: Client, alice: User):
    sign_in(client, alice)
    client.get(reverse("set_up_second_factor"))
    answer = client.post(reverse("set_up_second_factor"), {"code": "000000"})
    assert answer.status_code == 422
    assert SecondFactor.objects.get(user=alice).confirmed_at is None


def test_it_is_asked_for_at_sign_in(client: Client, alice: User):
    secret, _codes = with_second_factor(alice)
    assert sign_in(client, alice, next="/me/security/")["Location"] == STEP
    assert not signed_in(client)
    assert client.post(STEP, {"code": "000000"}).status_code == 422
    assert not signed_in(client)
    assert client.post(STEP, {"code": current_code(secret)})["Location"] == "/me/security/"
    assert signed_in(client)


def test_no_code_is_taken_twice(alice: User):
    secret, codes = with_second_factor(alice)
    for code in (current_code(secret), codes[0]):
        first, second = Client(), Client()
        sign_in(first, alice)
        sign_in(second, alice)
        first.post(STEP, {"code": code})
        second.post(STEP, {"code": code})
        assert signed_in(first)
        assert not signed_in(second)


def test_a_recovery_code_may_be_typed_as_it_is_shown(client: Client, alice: User):
    _secret, codes = with_second_factor(alice)
    sign_in(client, alice)
    client.post(STEP, {"code": f" {codes[3][:4].lower()}-{codes[3][4:].lower()} "})
    assert signed_in(client)


def test_wrong_codes_lead_back_and_lock_for_a_while(client: Client, alice: User):
    secret, _codes = with_second_factor(alice)
    sign_in(client, alice)
    answers = [client.post(STEP, {"code": "000000"}) for _attempt in range(5)]
    assert [one.status_code for one in answers] == [422, 422, 422, 422, 302]
    assert client.get(STEP)["Location"] == reverse("sign_in")
    sign_in(client, alice)
    client.post(STEP, {"code": current_code(secret)})
    assert not signed_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        sign_in(client, alice)
        client.post(STEP, {"code": current_code(secret)})
        assert signed_in(client)


def test_the_second_step_waits_ten_minutes(client: Client, alice: User):
    secret, _codes = with_second_factor(alice)
    sign_in(client, alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert client.post(STEP, {"code": current_code(secret)})["Location"] == reverse("sign_in")
        assert not signed_in(client)


def test_a_new_password_ends_a_sign_in_that_is_half_done(client: Client, alice: User):
    secret, _codes = with_second_factor(alice)
    sign_in(client, alice)
    alice.set_password("something else 1!")
    alice.save()
    client.post(STEP, {"code": current_code(secret)})
    assert not signed_in(client)


def test_an_administrator_has_some_days_and_then_must(client: Client, root: User):
    sign_in(client, root)
    assert signed_in(client)
    client.post(reverse("sign_out"))
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        assert sign_in(client, root)["Location"] == reverse("second_factor_required")
        assert not signed_in(client)
        page = client.get(reverse("second_factor_required")).content.decode()
        secret = re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
        answer = client.post(reverse("second_factor_required"), {"code": current_code(secret)})
        assert "Recovery codes" in answer.content.decode()
        assert not signed_in(client)
        client.post(reverse("second_factor_required"), {"saved": "on"})
        assert signed_in(client)


def test_the_forced_set_up_is_no_way_around_the_code(client: Client, root: User):
    with_second_factor(root)
    assert sign_in(client, root)["Location"] == STEP
    client.post(reverse("second_factor_required"), {"saved": "on"})
    assert not signed_in(client)
    client.get(reverse("second_factor_required"))
    assert not signed_in(client)


def test_an_administrator_cannot_switch_it_off_others_can(alice: User, root: User):
    for user, gone in ((alice, True), (root, False)):
        client = Client()
        secret, _codes = with_second_factor(user)
        sign_in(client, user)
        client.post(STEP, {"code": current_code(secret)})
        client.post(reverse("switch_off_second_factor"))
        assert SecondFactor.objects.filter(user=user).exists() is not gone


def test_a_lost_app_is_replaced_by_another_one(client: Client, root: User):
    secret, _codes = with_second_factor(root)
    sign_in(client, root)
    client.post(STEP, {"code": current_code(secret)})
    assert client.post(reverse("replace_second_factor"))["Location"] == reverse("set_up_second_factor")
    fresh, codes = _set_up(client)
    assert fresh != secret
    assert len(codes) == 10


def test_protected_pages_ask_for_the_password_again(client: Client, alice: User):
    sign_in(client, alice)
    assert client.get(reverse("set_up_second_factor")).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=901)):
        asked = client.get(reverse("set_up_second_factor"))
        assert asked["Location"].startswith(reverse("confirm"))
        assert client.post(reverse("confirm"), {"password": "wrong"}).status_code == 422
        right = {"password": "alice's pass:word ž", "next": reverse("set_up_second_factor")}
        assert client.post(reverse("confirm"), right)["Location"] == reverse("set_up_second_factor")
        assert client.get(reverse("set_up_second_factor")).status_code == 200


def test_new_recovery_codes_replace_the_old_ones(client: Client, alice: User):
    secret, old = with_second_factor(alice)
    sign_in(client, alice)
    client.post(STEP, {"code": current_code(secret)})
    assert client.post(reverse("new_codes")).status_code == 200
    client.post(reverse("sign_out"))
    sign_in(client, alice)
    client.post(STEP, {"code": old[0]})
    assert not signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_the_secret_survives_new_keys(shared_db: None, alice: User):
    secret, _codes = with_second_factor(alice)
    before = SecondFactor.objects.get(user=alice).secret
    rotation.rotate(Selection((keyring.PERSONAL_DATA,)), note=lambda count: None, wait=None)
    after = SecondFactor.objects.get(user=alice)
    assert envelope.key_id_of(after.secret) != envelope.key_id_of(before)
    opened = envelope.open_sealed(after.secret, table="second_factor", field="secret", record=after.pk)
    assert opened == secret


def test_codes_of_one_account_open_no_other_one(client: Client, root: User, alice: User):
    with_second_factor(alice)
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        sign_in(client, root)
        page = client.get(reverse("second_factor_required")).content.decode()
        secret = re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
        client.post(reverse("second_factor_required"), {"code": current_code(secret)})
        assert sign_in(client, alice)["Location"] == STEP
        client.post(reverse("second_factor_required"), {"saved": "on"})
        assert not signed_in(client)
