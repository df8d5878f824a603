"""Credentials of run templates: order, one per kind, what they override, and who may assign them."""

from __future__ import annotations

import pytest

from multiflexi.jobs import environment
from multiflexi.models import (
    AuditEntry,
    CompanyRole,
    CompanyUser,
    Configuration,
    Job,
    Role,
    RunTemplateCredential,
    User,
    UserRole,
)
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_assignment, credential_type, run_template, shadowing
from multiflexi.services.errors import NotFound, Refused
from tests.integration.jobs.builders import in_threads

from .bank import SHELL, TOKEN, make_credential, make_prototype, make_type

pytestmark = pytest.mark.usefixtures("ring")
assign, unassign = credential_assignment.assign, credential_assignment.unassign


@pytest.fixture
def fio(acme):
    return make_type(acme)


@pytest.fixture
def main(acme, fio):
    return make_credential(fio, acme, ACCOUNT="42")


@pytest.fixture
def csas(acme):
    """A credential of another kind with the same names."""
    return make_credential(make_type(acme, make_prototype("Csas")), acme, "Savings", ACCOUNT="43")


def order(template):
    return [link.credential.name for link in credential_assignment.query(SHELL, template)]


def values_of(template):
    job = Job.objects.create(
        app=template.app, company=template.company, runtemplate=template, launched_by=User.objects.technical()
    )
    return environment.resolve_many([job], installation={})[job.pk].values


def test_a_job_gets_the_values(template, main):
    outcome = assign(SHELL, template, main)
    assert (outcome.changed, outcome.position, outcome.replaced, outcome.clashes) == (True, 0, [], [])
    found = values_of(template)
    assert (found["BANK_TOKEN"], found["ACCOUNT"]) == (TOKEN, "42")
    assert not assign(SHELL, template, main).changed


def test_one_of_a_kind_takes_the_place_of_the_other(template, acme, fio, main, csas):
    assign(SHELL, template, main)
    assign(SHELL, template, csas)
    second = make_credential(make_type(acme, fio.credential_prototype, name="Again"), acme, "Second")
    outcome = assign(SHELL, template, second)
    assert (outcome.replaced, outcome.position) == ([main.pk], 0)
    assert order(template) == ["Second", "Savings"]


def test_of_two_values_that_of_the_last_one_counts(template, main, csas):
    assign(SHELL, template, main)
    outcome = assign(SHELL, template, csas)
    assert outcome.clashes == [
        f"{name} is offered by Main ({main.pk}), Savings ({csas.pk}); the value of Savings ({csas.pk}) counts."
        for name in ("ACCOUNT", "BANK_TOKEN")
    ]
    assert values_of(template)["ACCOUNT"] == "43"
    assert assign(SHELL, template, main, position=7).changed
    assert order(template) == ["Savings", "Main"]
    assert values_of(template)["ACCOUNT"] == "42"
    assert shadowing.clashes(template)[0].endswith(f"the value of Main ({main.pk}) counts.")


def test_values_of_the_run_template_rest_until_it_is_unassigned(template, main):
    run_template.update(SHELL, template, config={"ACCOUNT": "own"})
    assert assign(SHELL, template, main).resting == ["ACCOUNT"]
    assert Configuration.objects.get(name="ACCOUNT").inactive
    credential.update(SHELL, main, values={"ACCOUNT": None})
    assert not Configuration.objects.get(name="ACCOUNT").inactive
    credential.update(SHELL, main, values={"ACCOUNT": "42"})
    assert Configuration.objects.get(name="ACCOUNT").inactive
    assert unassign(SHELL, template, main)
    assert values_of(template)["ACCOUNT"] == "own"
    assert not unassign(SHELL, template, main)


def test_they_come_back_when_the_credential_is_removed(template, main):
    run_template.update(SHELL, template, config={"ACCOUNT": "own"})
    assign(SHELL, template, main)
    credential.remove(SHELL, main, force=True)
    assert values_of(template)["ACCOUNT"] == "own"


def test_a_required_kind_makes_it_complete(template, app, main):
    app.requirements = ["fiobank"]
    app.save()
    run_template.update(SHELL, template, note="refreshed")
    template.refresh_from_db()
    assert not template.complete
    for change, complete in ((assign, True), (unassign, False)):
        change(SHELL, template, main)
        template.refresh_from_db()
        assert (template.complete, template.next_schedule is not None) == (complete, complete)


def test_managers_assign_and_viewers_do_not(template, main, acme, bob, carol, root):
    manager = User.objects.create(login="mallory", password="!")
    CompanyUser.objects.create(user=manager, company=acme, role=CompanyRole.MANAGER)
    UserRole.objects.create(user=manager, role=Role.objects.get(name="user"))
    for change in (assign, unassign):
        with pytest.raises(Refused, match="role manager in company ACME"):
            change(Actor(bob.pk, "api"), template, main)
        with pytest.raises(NotFound):
            change(Actor(carol.pk, "api"), template, main)
        assert change(Actor(manager.pk, "api"), template, main)
    assert assign(Actor(root.pk, "web"), template, main).changed


def test_the_audit_trail_names_the_credential(template, main, operator):
    assign(operator, template, main)
    unassign(operator, template, main)
    entries = AuditEntry.objects.filter(event_type__startswith="credential_").order_by("pk")
    assert [(one.event_type, one.entity_id, one.company_id, one.user_id) for one in entries] == [
        (event, template.pk, template.company_id, operator.user_id)
        for event in ("credential_assigned", "credential_unassigned")
    ]
    assert entries[0].additional_data["credential_id"] == main.pk


def test_a_clone_has_the_same_ones_in_the_same_order(template, main, csas):
    assign(SHELL, template, csas)
    assign(SHELL, template, main, position=5)
    assert order(run_template.clone(SHELL, template)) == ["Savings", "Main"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shared_db")
def test_two_at_once_leave_one(template, acme, fio, main):
    rival = make_credential(make_type(acme, fio.credential_prototype, name="Again"), acme, "Rival")
    in_threads(*((lambda one=one: assign(SHELL, template, one)) for one in (main, rival)))
    assert RunTemplateCredential.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shared_db")
def test_changes_from_all_sides_do_not_block_each_other(template, acme, fio, main):
    """Values of the credential, of its type and of the run template, and the link between them, all at once."""
    rounds = range(5)

    def link():
        for _round in rounds:
            assign(SHELL, template, main)
            unassign(SHELL, template, main)

    in_threads(
        link,
        lambda: [credential.update(SHELL, main, values={"ACCOUNT": str(number)}) for number in rounds],
        lambda: [credential_type.update(SHELL, fio, values={"DAYS": str(number)}) for number in rounds],
        lambda: [run_template.update(SHELL, template, config={"ACCOUNT": f"own{number}"}) for number in rounds],
    )
    main.refresh_from_db()
    assert main.version == 1 + len(rounds)
    assert values_of(template)["ACCOUNT"] == "own4"
