"""Revealing secrets: by whom, and what the audit trail says of it."""

from __future__ import annotations

import json

import pytest

from multiflexi.models import AuditEntry, CredentialValue, Outbox, Role, User, UserRole
from multiflexi.record.actor import Actor
from multiflexi.services import credential_reveal
from multiflexi.services.errors import Refused
from multiflexi.vault.errors import DecryptionFailed

from .bank import TOKEN, make_credential, make_type

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def stored(acme):
    return make_credential(make_type(acme), acme, ACCOUNT="42")


@pytest.fixture
def holder(alice):
    """Alice administers ACME; this role lets her reveal its secrets."""
    UserRole.objects.create(user=alice, role=Role.objects.get(name="admin"))
    return Actor(alice.pk, "cli")


def entries(event):
    return list(AuditEntry.objects.filter(event_type=event).order_by("pk"))


def test_the_holder_of_the_permission_sees_them_and_is_recorded(stored, holder):
    assert credential_reveal.reveal(holder, stored, reason="moving") == {"BANK_TOKEN": TOKEN}
    [entry] = entries("credential_revealed")
    assert (entry.user_id, entry.entity_id, entry.company_id, entry.severity) == (
        holder.user_id,
        stored.pk,
        stored.company_id,
        "high",
    )
    assert entry.additional_data == {"fields": ["BANK_TOKEN"], "version": 1, "reason": "moving"}
    assert TOKEN not in json.dumps(list(AuditEntry.objects.values("changes", "additional_data")))


def test_the_administrators_of_the_company_are_told_each_time(stored, holder):
    for _ in range(2):
        credential_reveal.reveal(holder, stored, reason="moving")
    told = list(Outbox.objects.filter(kind="notification", company_id=stored.company_id).order_by("pk"))
    assert [one.payload["subject"] for one in told] == ["credential_revealed"] * 2
    payload = told[0].payload
    assert (payload["credential_id"], payload["name"], payload["user_id"]) == (stored.pk, stored.name, holder.user_id)
    assert (payload["fields"], payload["reason"]) == (["BANK_TOKEN"], "moving")
    assert TOKEN not in json.dumps([one.payload for one in told])


def test_a_refusal_is_no_reveal_to_tell_of(stored, bob):
    with pytest.raises(Refused):
        credential_reveal.reveal(Actor(bob.pk, "cli"), stored)
    assert not Outbox.objects.exists()


@pytest.mark.parametrize("login", ["root", "multiflexi"])
def test_logins_that_can_read_the_key_anyway(stored, login):
    user, _made = User.objects.get_or_create(login=login, defaults={"password": "!", "enabled": False})
    assert credential_reveal.reveal(Actor(user.pk, "cli"), stored)


def test_others_are_refused_which_is_recorded(stored, alice, carol, holder):
    UserRole.objects.create(user=carol, role=Role.objects.get(name="admin"))
    disabled = User.objects.create(login="gone", password="!", enabled=False)
    UserRole.objects.create(user=disabled, role=Role.objects.get(name="super_admin"))
    refused = [
        Actor(carol.pk, "cli"),  # no member of the company
        Actor(disabled.pk, "cli"),
        Actor(None, "cli"),
        Actor(alice.pk, "web"),  # there is no other surface
        Actor(alice.pk, "api"),
    ]
    for actor in refused:
        with pytest.raises(Refused, match=r"credentials\.reveal") as raised:
            credential_reveal.reveal(actor, stored)
        assert raised.value.details == {"permission": "credentials.reveal"}
    UserRole.objects.filter(user=alice).delete()
    with pytest.raises(Refused):
        credential_reveal.reveal(holder, stored)
    assert [(one.user_id, one.outcome) for one in entries("access_denied")] == [
        (actor.user_id, "denied") for actor in [*refused, holder]
    ]
    assert entries("credential_revealed") == []


def test_it_can_be_switched_off(stored, holder, settings):
    settings.MULTIFLEXI_CREDENTIAL_REVEAL = False
    with pytest.raises(Refused, match="switched off") as refused:
        credential_reveal.reveal(holder, stored)
    assert refused.value.code == "reveal_disabled"
    assert entries("credential_revealed") == []


def test_what_cannot_be_opened_is_an_error_and_no_value(stored, holder):
    CredentialValue.objects.filter(name="BANK_TOKEN").update(value=TOKEN)
    with pytest.raises(DecryptionFailed) as failed:
        credential_reveal.reveal(holder, stored)
    assert TOKEN not in str(failed.value)


def test_only_the_wanted_ones(stored, holder):
    assert credential_reveal.reveal(holder, stored, names=["ACCOUNT"]) == {}
