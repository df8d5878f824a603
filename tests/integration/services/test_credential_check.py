"""Checks that a person asks for: limited in time, and in how often the other side notices them."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from multiflexi.credentials.contract import Result
from multiflexi.models import Availability, Credential, Outbox
from multiflexi.record.actor import Actor
from multiflexi.services.credential_check import check
from multiflexi.services.errors import Invalid, Refused
from tests.integration.credentials.conftest import provider  # noqa: F401
from tests.integration.jobs_environment.builders import Bank

from .bank import SHELL

# ruff: noqa: F811 - a fixture is used under the name it was imported by

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def credential(ring, acme):
    return Bank(acme).credential("Main", LOGIN="acme")


def older(seconds):
    row = Credential.objects.get(name="Main")
    Credential.objects.filter(pk=row.pk).update(checked_at=row.checked_at - timedelta(seconds=seconds))


def test_the_time_limit_ends_a_check_and_nothing_is_stored(credential, provider):
    provider.open.clear()
    begun = time.monotonic()
    (found,) = check(SHELL, [credential], seconds=1)
    assert time.monotonic() - begun < 5
    assert (found.availability, found.availability_message) == ("unavailable", "No answer within 1 seconds.")
    stored = Credential.objects.get()
    assert (stored.availability, stored.checked_at, stored.check_failures) == ("unknown", None, 0)
    assert not Outbox.objects.exists()
    # Whoever asks again and again puts no second question while the first one may be under way.
    (again,) = check(SHELL, [credential], refresh=True, seconds=1)
    assert (again.availability, len(provider.checked)) == ("unknown", 1)


def test_an_answer_in_time_is_stored(credential, provider):
    provider.result = Result(Availability.DEGRADED, "busy")
    (found,) = check(SHELL, [credential], seconds=1)
    assert (found.availability, Credential.objects.get().availability) == ("degraded", "degraded")


@pytest.mark.parametrize("seconds", [0, 0.5, 15.5])
def test_a_limit_beyond_reason_is_refused(credential, provider, seconds):
    with pytest.raises(Invalid, match="between 1 and 15"):
        check(SHELL, [credential], seconds=seconds)
    assert provider.checked == []


def test_the_other_side_is_not_asked_again_at_once(credential, provider):
    check(SHELL, [credential], refresh=True)
    with pytest.raises(Refused, match=r"Main.*without a refresh, or check again in \d+ seconds") as refused:
        check(SHELL, [credential], refresh=True)
    assert (refused.value.code, 1 <= refused.value.details["retry_after"] <= 10) == ("too_many_checks", True)
    assert len(check(SHELL, [credential])) == len(provider.checked) == 1
    older(11)
    check(SHELL, [credential], refresh=True)
    assert len(provider.checked) == 2


def test_of_several_only_those_are_checked_again_that_may_be(credential, provider, acme):
    check(SHELL, [credential], refresh=True)
    other = Credential.objects.create(
        name="Other", company=acme, credential_type=credential.credential_type, availability="unknown"
    )
    found = check(SHELL, [credential, other], refresh=True)
    assert [one.availability for one in found] == ["available", "available"]
    assert len(provider.checked) == 2


def test_changed_values_may_be_checked_at_once(credential, provider):
    from multiflexi.credentials import checking

    check(SHELL, [credential], refresh=True)
    checking.forget(Credential.objects.filter(pk=credential.pk))
    check(SHELL, [credential], refresh=True)
    assert len(provider.checked) == 2


def test_viewers_and_strangers_check_nothing(credential, provider, bob, carol):
    for user in (bob, carol):
        with pytest.raises(Refused):
            check(Actor(user.pk, "api"), [credential], refresh=True)
    assert provider.checked == []
