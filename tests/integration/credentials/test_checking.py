"""A check asks with what a job would get, stores what counts for everybody, and tells a change once."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from multiflexi.credentials import asking, checking, registry
from multiflexi.credentials.contract import Provider, Result
from multiflexi.credentials.questions import answers_at_launch
from multiflexi.jobs.queue import backend
from multiflexi.models import Availability, Credential, Outbox
from multiflexi.vault.errors import MasterKeyWrong
from tests.integration.credentials import fake
from tests.integration.jobs_environment.builders import Bank

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]

SECRET = "correct horse battery"


@pytest.fixture
def bank(acme):
    return Bank(acme)


@pytest.fixture
def credential(bank):
    return bank.credential("Main", secret=("TOKEN",), LOGIN="acme", TOKEN=SECRET)


def check(*credentials):
    return checking.check([one.pk for one in credentials])


def stored(credential):
    return Credential.objects.get(pk=credential.pk)


def run_out(*credentials):
    """The stored results count no more."""
    past = backend().now() - timedelta(seconds=1)
    Credential.objects.filter(pk__in=[one.pk for one in credentials]).update(check_valid_until=past)


def seconds(credential):
    return (credential.check_valid_until - credential.checked_at).total_seconds()


class TestAsks:
    def test_with_the_values_a_job_would_get(self, bank, credential, provider):
        bank.type_value("URL", "https://fixed.example", "fixed")
        bank.type_value("LOGIN", "a default that loses", "default")
        check(credential)
        assert dict(provider.checked[0].values) == {
            "LOGIN": "acme",
            "TOKEN": SECRET,
            "URL": "https://fixed.example",
        }
        assert provider.checked[0].company_id == credential.company_id

    def test_with_internal_settings_apart(self, bank, credential, provider):
        bank.type_value("VAULT_PASSWORD", "hidden away", "internal", seal=True)
        check(credential)
        assert dict(provider.checked[0].internal) == {"VAULT_PASSWORD": "hidden away"}
        assert "VAULT_PASSWORD" not in provider.checked[0].values

    def test_with_the_switches_of_the_type(self, bank, credential, provider):
        bank.type_value("allow_http", "true", "internal")
        bank.type_value("check", '{"tcp": {"port": 80}}', "internal")
        check(credential)
        assert dict(provider.checked[0].options) == {"allow_http": "true", "check": {"tcp": {"port": 80}}}

    def test_with_the_failures_before(self, credential, provider):
        """A name that does not resolve, for example, is a mistake only when it happens again and again."""
        provider.says(Availability.UNAVAILABLE, "no such host")
        for _ in range(3):
            check(credential)
        assert [given.failures for given in provider.checked] == [0, 1, 2]

    def test_all_at_once(self, bank, provider):
        meeting = threading.Barrier(3)

        def meet(_given):
            meeting.wait(20)
            return Result(Availability.AVAILABLE, "")

        provider.result = meet
        found = check(*(bank.credential(name, LOGIN=name) for name in "abc"))
        assert {one.availability for one in found.values()} == {"available"}

    def test_nobody_when_a_value_cannot_be_decrypted(self, credential, provider):
        credential.values.filter(name="TOKEN").update(value="{}")
        assert check(credential)[credential.pk].availability == "misconfigured"
        assert "TOKEN" in (stored(credential).availability_message or "")
        assert provider.checked == []

    def test_no_second_time_while_the_result_counts(self, credential, provider):
        for _ in range(3):
            found = checking.current([credential.pk])[credential.pk]
        assert (found.availability, len(provider.checked)) == ("available", 1)
        run_out(credential)
        checking.current([credential.pk])
        assert len(provider.checked) == 2


class TestStores:
    def test_state_time_and_validity(self, credential, provider):
        provider.says(Availability.DEGRADED, "busy", ttl=120, queue=7)
        found = check(credential)[credential.pk]
        assert (found.availability, found.availability_message) == ("degraded", "busy")
        assert found.availability_details == {"queue": 7}
        assert (seconds(found), found.check_failures, found.checking_by) == (120, 0, None)

    def test_no_secret(self, credential, provider):
        provider.says(Availability.UNAVAILABLE, f"refused {SECRET}", sent=[{"token": f"Bearer {SECRET}"}])
        found = check(credential)[credential.pk]
        told = f"{found.availability_message} {found.availability_details}"
        assert SECRET not in told
        assert "refused" in told

    def test_that_a_provider_failed_without_its_text(self, credential, provider, caplog):
        provider.result = RuntimeError(f"no luck with {SECRET}")
        found = check(credential)[credential.pk]
        assert found.availability == "unavailable"
        assert "RuntimeError" in found.availability_message
        assert SECRET not in found.availability_message + caplog.text + str(
            [record.__dict__ for record in caplog.records]
        )

    def test_that_no_answer_came_in_time(self, bank, credential, provider, monkeypatch):
        monkeypatch.setattr(asking, "LIMIT_SECONDS", 0.3)
        other = bank.credential("Other", LOGIN="other")
        calm = Result(Availability.AVAILABLE, "")

        def answer(given):
            return calm if given.text("LOGIN") == "other" else (threading.Event().wait(5), calm)[1]

        provider.result = answer
        found = check(credential, other)
        assert {one.name: one.availability for one in found.values()} == {"Main": "unavailable", "Other": "available"}

    def test_when_values_expire(self, credential, provider):
        end = datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC)
        provider.result = Result(
            Availability.AVAILABLE, "", expires={"TOKEN": end, "OTHER": end, "LOGIN": end.replace(tzinfo=None)}
        )
        check(credential)
        assert dict(credential.values.values_list("name", "expires_at")) == {"LOGIN": None, "TOKEN": end}
        # The other side knows better than a person, and silence changes nothing.
        credential.values.update(expires_at=end.replace(year=2099))
        check(credential)
        provider.result = Result(Availability.AVAILABLE, "")
        check(credential)
        assert credential.values.get(name="TOKEN").expires_at == end

    def test_nothing_about_values_that_were_changed_meanwhile(self, credential, provider):
        checks = checking.begin([credential.pk])
        Credential.objects.filter(pk=credential.pk).update(version=credential.version + 1)
        checking.finish(checks, {credential.pk: Result(Availability.MISCONFIGURED, "wrong password")})
        found = stored(credential)
        assert (found.availability, found.check_valid_until, found.checking_by) == ("unknown", None, None)

    def test_nothing_when_the_lease_was_lost(self, credential, provider):
        checks = checking.begin([credential.pk])
        Credential.objects.update(checking_until=backend().now() - timedelta(seconds=1))
        check(credential)
        checking.finish(checks, {credential.pk: Result(Availability.MISCONFIGURED, "late")})
        assert stored(credential).availability == "available"

    def test_a_longer_pause_after_each_failure(self, credential, provider):
        provider.says(Availability.UNAVAILABLE, "down")
        pauses = []
        for _ in range(6):
            pauses.append(seconds(check(credential)[credential.pk]))
        least = (60, 120, 240, 480, 900, 900)
        assert all(low <= pause <= low * 1.1 for low, pause in zip(least, pauses, strict=True))
        provider.says(Availability.AVAILABLE, ttl=300)
        found = check(credential)[credential.pk]
        assert (seconds(found), found.check_failures) == (300, 0)

    def test_nothing_in_more_queries_for_more_credentials(
        self, bank, provider, django_assert_max_num_queries, monkeypatch
    ):
        # A look at the clock now and then is a query, too.
        now = backend().now()
        monkeypatch.setattr(backend(), "now", lambda: now)

        def cost(number):
            rows = [bank.credential(f"c{index}", LOGIN="x") for index in range(number)]
            with django_assert_max_num_queries(100) as found:
                check(*rows)
            return len(found)

        cost(1)
        assert cost(8) == cost(2)


class TestTells:
    @pytest.fixture(autouse=True)
    def _caught(self, caplog):
        caplog.set_level(logging.INFO, "multiflexi.credentials")
        self.caplog = caplog

    def lines(self):
        return [record.levelname for record in self.caplog.records if record.name == "multiflexi.credentials.alarms"]

    def test_a_change_once(self, credential, provider):
        for state in ("unavailable", "unavailable", "misconfigured", "misconfigured", "available", "available"):
            provider.says(Availability(state), "why")
            check(credential)
        assert self.lines() == ["WARNING", "ERROR", "INFO"]
        left = [row.payload for row in Outbox.objects.order_by("pk")]
        assert [(row["before"], row["after"]) for row in left] == [
            ("unknown", "unavailable"),
            ("unavailable", "misconfigured"),
            ("misconfigured", "available"),
        ]
        assert {row.company_id for row in Outbox.objects.all()} == {credential.company_id}

    def test_nothing_of_states_that_stop_no_job(self, credential, provider):
        for state in ("available", "degraded", "unknown", "available"):
            provider.says(Availability(state))
            check(credential)
        assert (self.lines(), Outbox.objects.count()) == ([], 0)

    def test_a_degraded_service_where_it_stops_jobs(self, bank, credential, provider):
        bank.type.gate_on_degraded = True
        bank.type.save()
        provider.says(Availability.DEGRADED, "busy")
        check(credential)
        assert self.lines() == ["WARNING"]


def test_an_edited_credential_is_asked_about_again(credential, provider):
    provider.says(Availability.MISCONFIGURED, "wrong password")
    check(credential)
    checking.forget(Credential.objects.filter(pk=credential.pk))
    found = stored(credential)
    assert (found.availability, found.availability_message, found.check_failures) == ("unknown", None, 0)
    provider.says(Availability.AVAILABLE)
    assert checking.current([credential.pk])[credential.pk].availability == "available"
    assert len(provider.checked) == 2


def test_a_provider_that_cannot_be_loaded_stops_its_credentials_only(bank, credential, provider, monkeypatch):
    installed = registry.get

    def lost(code: str) -> Provider:
        if code == fake.CODE:
            raise ModuleNotFoundError("no such plug-in")
        return installed(code)

    monkeypatch.setattr(registry, "get", lost)
    found = check(credential)[credential.pk]
    assert found.availability == "unavailable"
    assert "ModuleNotFoundError" in found.availability_message


def test_without_the_master_key_no_lease_stays_behind(credential, settings):
    settings.ENCRYPTION_MASTER_KEY = "another secret of forty characters at all"
    with pytest.raises(MasterKeyWrong):
        check(credential)
    assert (stored(credential).checking_by, stored(credential).checking_until) == (None, None)


class TestAtTheLaunch:
    """Only providers that supply values are asked while the last check counts."""

    @pytest.mark.parametrize(("says", "asked"), [(True, True), (False, False), (None, True)])
    def test_the_provider_says_whether_it_is_to_be_asked(self, credential, provider, says, asked):
        if says is None:
            # A plug-in that says nothing is asked, so that none of its values is missing.
            del type(provider).supplies
        else:
            provider.supplies = says
        try:
            assert answers_at_launch(credential.credential_type) is asked
        finally:
            fake.FakeBank.supplies = True

    def test_one_that_cannot_be_loaded_is_asked_and_says_so(self, credential, monkeypatch):
        def fail(_code):
            raise ImportError("no such plug-in")

        monkeypatch.setattr(registry, "get", fail)
        assert answers_at_launch(credential.credential_type)
