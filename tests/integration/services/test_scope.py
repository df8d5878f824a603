"""Members see their companies only; the installation sees everything."""

from __future__ import annotations

import pytest

from multiflexi.models import Company, RunTemplate, User
from multiflexi.record.actor import Actor
from multiflexi.services import artifact, company, company_app, job_query, queue, run_template, run_template_run, task
from multiflexi.services.errors import NotFound, NotPermitted
from multiflexi.services.lists import Page


def person(user: User) -> Actor:
    return Actor(user_id=user.pk, origin="api")


def test_a_foreign_company_does_not_exist(acme: Company, globex: Company, bob: User, carol: User, root: User) -> None:
    assert list(company.query(person(bob))) == [acme]
    assert list(company.query(person(carol))) == [globex]
    assert set(company.query(person(root))) == {acme, globex}
    with pytest.raises(NotFound):
        company.find(person(carol), acme.pk)
    with pytest.raises(NotFound):
        company.find(person(carol), "acme")
    with pytest.raises(NotPermitted):
        company.query(Actor(user_id=None, origin="web"))


def test_nor_does_anything_in_it(template: RunTemplate, operator: Actor, bob: User, carol: User) -> None:
    job = run_template_run.schedule(operator, template)
    for query in (run_template.query, job_query.query, queue.query, task.query, artifact.query, company_app.query):
        assert not query(person(carol)).exists(), query
    assert run_template.query(person(bob)).get() == template
    assert job_query.totals(person(carol))["total_jobs"] == 0
    assert job_query.totals(person(bob))["total_jobs"] == 1
    with pytest.raises(NotFound):
        job_query.find(person(carol), job.pk)
    with pytest.raises(NotFound):
        run_template.find(person(carol), "T")


def test_a_switched_off_account_sees_nothing(acme: Company, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(enabled=False)
    with pytest.raises(NotPermitted):
        company.query(person(bob))


def test_pages_are_stable_and_complete(acme: Company, globex: Company, operator: Actor) -> None:
    Company.objects.create(name="Initech", slug="initech")
    columns = {"id": "pk", "enabled": "enabled"}
    seen = [
        one.pk
        for offset in range(3)
        for one in Page(limit=1, offset=offset, order="enabled").of(company.query(operator), columns)
    ]
    assert seen == sorted(Company.objects.values_list("pk", flat=True))
