"""Named limits: who may make and see them, what they apply to, and what the audit trail keeps."""

from __future__ import annotations

import pytest
from django.db import connection

from multiflexi.models import AuditEntry, Company, CredentialType, JobLimit, NamedLimit, User
from multiflexi.record.actor import Actor
from multiflexi.services import credential_type, limit
from multiflexi.services.errors import Conflict, Invalid, NotFound, Refused
from multiflexi.services.presenters.limit import row
from tests.integration.jobs import builders
from tests.integration.jobs.builders import NOON, in_threads, make_app, queue, unscheduled

pytestmark = pytest.mark.usefixtures("ring")

SHELL = Actor(user_id=None, origin="cli")


def by(user: User) -> Actor:
    return Actor(user_id=user.pk, origin="api")


@pytest.fixture
def app(db):
    return make_app(code="probe")


@pytest.fixture
def bank(acme):
    return CredentialType.objects.create(name="Bank", company=acme)


class TestPermission:
    def test_company_limits_belong_to_the_administrators_of_the_company(self, acme, alice, bob, carol, root, app):
        made = limit.create(by(alice), name="bank", maximum=2, company=acme, users=[app])
        for stranger in (bob, carol):
            with pytest.raises(Refused, match="role admin in company") as refused:
                limit.create(by(stranger), name="another", maximum=2, company=acme)
            assert refused.value.code == "not_permitted"
            with pytest.raises(Refused):
                limit.update(by(stranger), made, maximum=9)
            with pytest.raises(Refused):
                limit.remove(by(stranger), made)
        assert limit.update(by(root), made, maximum=1)
        limit.remove(by(alice), made)
        assert not NamedLimit.objects.exists()

    def test_limits_of_the_installation_belong_to_its_administrators(self, alice, root, app):
        with pytest.raises(Refused, match="super_admin"):
            limit.create(by(alice), name="bank", maximum=2)
        assert limit.create(by(root), name="bank", maximum=2).company_id is None
        assert limit.create(SHELL, name="other", maximum=2).company_id is None

    def test_a_disabled_account_administers_nothing(self, acme, alice):
        User.objects.filter(pk=alice.pk).update(enabled=False)
        with pytest.raises(Refused):
            limit.create(by(alice), name="bank", maximum=2, company=acme)
        with pytest.raises(Refused):
            limit.create(Actor(user_id=None, origin="api"), name="bank", maximum=2, company=acme)

    def test_foreign_limits_do_not_exist(self, acme, alice, bob, carol, root):
        own = limit.create(by(alice), name="bank", maximum=2, company=acme)
        shared = limit.create(SHELL, name="shared", maximum=2)
        for user, seen in ((bob, [own]), (carol, []), (root, [own, shared])):
            assert list(limit.query(by(user)).order_by("pk")) == seen
        for reference in (own.pk, "bank", shared.pk):
            with pytest.raises(NotFound):
                limit.find(by(carol), reference)
        assert limit.find(by(bob), "bank") == own

    def test_foreign_credential_types_do_not_exist(self, bank, alice, carol):
        shared = CredentialType.objects.create(name="Shared", company=None)
        assert credential_type.find(by(alice), "Bank") == bank
        assert credential_type.find(by(carol), "Shared") == shared
        for reference in ("Bank", bank.pk, str(bank.uuid)):
            with pytest.raises(NotFound):
                credential_type.find(by(carol), reference)


class TestHolders:
    @pytest.fixture
    def used(self, acme, globex, app):
        """A limit of the installation whose places two companies hold."""
        made = limit.create(SHELL, name="bank", maximum=5, users=[app])
        jobs = [queue(unscheduled(one, app), after=NOON)[0] for one in (acme, globex)]
        JobLimit.objects.bulk_create([JobLimit(job=job, limit=made) for job in jobs])
        return made, jobs

    def test_are_told_by_id_to_who_may_see_the_jobs_and_counted_for_all(self, used, root):
        made, jobs = used
        shown = row(limit.find(by(root), made.pk))
        assert (shown["used"], shown["holders"]) == (2, [job.pk for job in jobs])

    def test_of_other_companies_are_only_counted(self, used, acme, alice):
        _made, jobs = used
        own = limit.create(by(alice), name="own", maximum=5, company=acme)
        JobLimit.objects.bulk_create([JobLimit(job=job, limit=own) for job in jobs])
        shown = row(limit.find(by(alice), own.pk))
        assert (shown["used"], shown["holders"]) == (2, [jobs[0].pk])

    def test_a_list_takes_the_same_number_of_queries_for_any_number(
        self, acme, app, bank, used, django_assert_num_queries
    ):
        for number in range(5):
            limit.create(SHELL, name=f"limit {number}", maximum=number, company=acme, users=[app, bank])
        with django_assert_num_queries(5):
            assert len([row(one) for one in limit.query(SHELL)]) == 6


class TestRules:
    def test_names_are_unique_where_they_count(self, acme, globex):
        for owner in (None, acme, globex):
            limit.create(SHELL, name="bank", maximum=2, company=owner)
        for owner in (None, acme):
            with pytest.raises(Conflict, match="already exists there") as refused:
                limit.create(SHELL, name=" bank ", maximum=2, company=owner)
            assert refused.value.code == "limit_exists"
        other = limit.create(SHELL, name="other", maximum=2)
        with pytest.raises(Conflict):
            limit.update(SHELL, other, name="bank")
        with pytest.raises(Refused, match="More than one limit"):
            limit.find(SHELL, "bank")

    @pytest.mark.parametrize(
        ("values", "field"),
        [({"name": " "}, "name"), ({"name": "x" * 191}, "name"), ({"maximum": -1}, "maximum")],
    )
    def test_unusable_values(self, values, field):
        with pytest.raises(Invalid, match=field):
            limit.create(SHELL, **{"name": "bank", "maximum": 1} | values)
        made = limit.create(SHELL, name="bank", maximum=1)
        with pytest.raises(Invalid, match=field):
            limit.update(SHELL, made, **values)
        made.refresh_from_db()
        assert (made.name, made.maximum) == ("bank", 1)

    def test_a_company_limit_takes_no_credential_type_of_another_company(self, globex, bank, app):
        made = limit.create(SHELL, name="bank", maximum=2, company=globex)
        with pytest.raises(Refused, match="belongs to another company"):
            limit.update(SHELL, made, add=[app, bank])
        assert not made.users.exists()

    def test_what_it_applies_to_can_be_added_and_removed(self, app, bank):
        made = limit.create(SHELL, name="bank", maximum=2, users=[app])
        assert not limit.update(SHELL, made, add=[app], remove=[bank])
        assert limit.update(SHELL, made, add=[bank], remove=[app])
        shown = row(limit.find(SHELL, made.pk))
        assert (shown["apps"], shown["credential_types"]) == ([], ["Bank"])

    def test_every_change_is_in_the_audit_trail(self, acme, alice, app):
        made = limit.create(by(alice), name="bank", maximum=2, company=acme, users=[app])
        limit.update(by(alice), made, maximum=0, remove=[app])
        limit.remove(by(alice), made)
        entries = list(AuditEntry.objects.filter(entity_type="NamedLimit").order_by("pk"))
        assert [(one.action, one.company_id, one.user_id) for one in entries] == [
            (action, acme.pk, alice.pk) for action in ("create", "update", "delete")
        ]
        assert entries[1].changes["maximum"] == {"old": 2, "new": 0}


@pytest.mark.usefixtures("shared_db")
def test_two_that_choose_the_same_name_at_once(acme):
    def make(owner: Company | None) -> bool:
        try:
            limit.create(SHELL, name="bank", maximum=1, company=owner)
        except Conflict:
            return False
        return True

    for owner in (None, acme):
        assert sorted(in_threads(*[lambda owner=owner: make(owner)] * 3)) == [False, False, True]
    assert NamedLimit.objects.count() == 2


@pytest.mark.usefixtures("shared_db")
def test_a_limit_goes_with_the_places_jobs_hold(acme, app):
    made = limit.create(SHELL, name="bank", maximum=1, users=[app])
    queue(unscheduled(acme, app), after=NOON)
    assert len(builders.claim(builders.worker())) == 1
    limit.remove(SHELL, made)
    assert (JobLimit.objects.count(), NamedLimit.objects.count()) == (0, 0)
    assert connection.is_usable()
