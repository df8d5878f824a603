"""What accounts may do follows from roles and memberships as they stand now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from multiflexi.access.authority import of_user
from multiflexi.models import Company, CompanyRole, CompanyUser, Job, Role, RunTemplate, User, UserRole
from multiflexi.record.actor import Actor
from multiflexi.services import company, job, job_query, job_stop, run_template, run_template_run, shadowing
from multiflexi.services.errors import NotFound, NotPermitted


def person(user: User, **more: object) -> Actor:
    return Actor(user_id=user.pk, origin="api", **more)  # type: ignore[arg-type]


@pytest.fixture
def ursula(acme: Company) -> User:
    """Manager of ACME who only runs things."""
    user = User.objects.create(login="ursula", password="!")
    UserRole.objects.create(user=user, role=Role.objects.get(name="user"))
    CompanyUser.objects.create(user=user, company=acme, role=CompanyRole.MANAGER)
    return user


def test_authority_takes_one_query(django_assert_num_queries, alice: User, acme: Company) -> None:
    with django_assert_num_queries(1):
        held = of_user(alice)
        assert held.allows("companies.update", acme.pk)
        assert held.company_ids == {acme.pk}


def test_what_has_ended_does_not_count(ursula: User, acme: Company) -> None:
    past = timezone.now() - timedelta(seconds=1)
    CompanyUser.objects.filter(user=ursula).update(expires_at=past)
    assert of_user(ursula).company_ids == frozenset()
    with pytest.raises(NotFound):
        company.find(person(ursula), acme.pk)
    CompanyUser.objects.filter(user=ursula).update(expires_at=None)
    UserRole.objects.filter(user=ursula).update(expires_at=past)
    with pytest.raises(NotPermitted):
        company.find(person(ursula), acme.pk)


def test_a_viewer_runs_nothing_and_is_told_what_it_takes(template: RunTemplate, bob: User) -> None:
    with pytest.raises(NotPermitted, match=r"permission jobs\.create and role manager in company ACME"):
        run_template_run.schedule(person(bob), template)
    assert not Job.objects.exists()


def test_running_unchanged_and_with_other_values(template: RunTemplate, ursula: User) -> None:
    assert run_template_run.schedule(person(ursula), template).launched_by_id == ursula.pk
    with pytest.raises(NotPermitted, match=r"jobs\.execute"):
        run_template_run.schedule(person(ursula), template, overrides={"A": "b"})


def test_own_jobs_only(template: RunTemplate, ursula: User, alice: User) -> None:
    mine = run_template_run.schedule(person(ursula), template)
    hers = run_template_run.schedule(person(alice), template)
    assert job_stop.cancel(person(ursula), mine)
    with pytest.raises(NotPermitted, match=r"jobs\.cancel"):
        job_stop.cancel(person(ursula), hers)
    assert job.retry(person(ursula), job_query.find(person(ursula), mine.pk)).retry_of_id == mine.pk
    job_stop.cancel(person(alice), hers)
    with pytest.raises(NotPermitted, match=r"jobs\.retry"):
        job.retry(person(ursula), job_query.find(person(ursula), hers.pk))


def test_switching_on_and_changing_are_two_permissions(template: RunTemplate, ursula: User) -> None:
    role = Role.objects.get(name="user")
    role.permissions.through.objects.filter(role=role, permission__name="runtemplates.activate").delete()
    with pytest.raises(NotPermitted, match=r"runtemplates\.activate"):
        run_template.update(person(ursula), template, active=False)
    assert run_template.update(person(ursula), template, note="Mine")


def test_whoever_makes_a_company_administers_it(alice: User, ring: None) -> None:
    with pytest.raises(NotPermitted, match=r"companies\.create"):
        company.create(person(alice), name="Initech")
    UserRole.objects.create(user=alice, role=Role.objects.get(name="admin"))
    made = company.create(person(alice), name="Initech")
    assert CompanyUser.objects.get(company=made).user_id == alice.pk
    assert company.update(person(alice), made, ic="12345678")


def test_a_token_of_an_administrator_may_do_less(template: RunTemplate, root: User) -> None:
    reading = person(root, grants=of_user(root, scopes=["read"]))
    assert run_template.find(reading, template.pk) == template
    with pytest.raises(NotPermitted, match="scope jobs:run"):
        run_template_run.schedule(reading, template)


def test_removal_of_a_company(acme: Company, alice: User, root: User, ring: None) -> None:
    with pytest.raises(NotPermitted, match=r"companies\.delete"):
        company.remove(person(alice), acme)
    company.remove(person(root), acme)
    assert not Company.objects.filter(pk=acme.pk).exists()


def test_what_a_credential_provides_takes_an_administrator_to_override(
    template: RunTemplate, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadowing, "offered", lambda _template: {"TOKEN"})
    CompanyUser.objects.filter(user=alice).update(role=CompanyRole.MANAGER)
    assert run_template_run.schedule(person(alice), template, overrides={"OTHER": "1"})
    with pytest.raises(NotPermitted, match=r"credentials\.override"):
        run_template_run.schedule(person(alice), template, overrides={"TOKEN": "1"})
    CompanyUser.objects.filter(user=alice).update(role=CompanyRole.ADMIN)
    assert run_template_run.schedule(person(alice), template, overrides={"TOKEN": "1"})
