"""Accounts, roles, memberships and tokens: who may change whose, and what a change does at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from multiflexi.access.authority import of_user
from multiflexi.models import (
    AuditEntry,
    Company,
    CompanyRole,
    CompanyUser,
    EventSource,
    Job,
    JobStatus,
    Role,
    RunTemplate,
    Token,
    User,
    UserRole,
)
from multiflexi.record.actor import Actor
from multiflexi.services import company, event_source, member, role, run_template_run, token, token_check, user
from multiflexi.services.errors import BadCredential, Conflict, Invalid, NotFound, NotPermitted, Refused

SOON = timezone.now() + timedelta(days=3)
INSTALLATION = Actor(user_id=None, origin="cli")


def person(who: User, **limits: object) -> Actor:
    return Actor(user_id=who.pk, origin="api", grants=of_user(who, **limits))  # type: ignore[arg-type]


@pytest.fixture
def admin(ring: None) -> User:
    """Administrator of the installation, member of no company."""
    made = User.objects.create(login="admin", email="admin@example.org")
    UserRole.objects.create(user=made, role=Role.objects.get(name="admin"))
    return made


# --- tokens ---


def test_own_token_is_told_once_and_works(alice: User, acme: Company, ring: None) -> None:
    made = token.create(
        person(alice), alice, label="nightly", until=SOON, scopes=["read"], companies=[acme.pk], networks=["192.0.2.1"]
    )

    assert made.value.startswith("mfx_")
    assert len(made.value) >= 40
    assert token_check.by_value(made.value, "192.0.2.1") == made.token
    assert made.value not in str(Token.objects.values().get())
    assert made.value not in str(list(AuditEntry.objects.values()))
    assert made.token.networks == ["192.0.2.1/32"]


def test_tokens_never_repeat(alice: User, ring: None) -> None:
    assert len({token.create(person(alice), alice).value for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "limits",
    [
        {"scopes": ["everything"]},
        {"scopes": []},
        {"networks": ["example.org"]},
        {"networks": []},
        {"companies": ["x"]},
        {"companies": []},
        {"until": datetime(2026, 1, 1, tzinfo=UTC)},
        {"value": "short"},
        {"label": "x" * 65},
    ],
    ids=str,
)
def test_unusable_limits_of_a_token(alice: User, ring: None, limits: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        token.create(person(alice), alice, **limits)  # type: ignore[arg-type]
    assert not Token.objects.exists()


def test_a_token_for_a_company_one_is_no_member_of(alice: User, globex: Company, ring: None) -> None:
    with pytest.raises(Invalid):
        token.create(person(alice), alice, companies=[globex.pk])


def test_the_same_value_twice(alice: User, bob: User, ring: None) -> None:
    value = "abcdefghij0123456789"
    token.create(INSTALLATION, alice, value=value)
    with pytest.raises(Conflict):
        token.create(INSTALLATION, bob, value=value)
    assert token_check.by_value(value, "").user == alice


def test_a_token_makes_no_token(alice: User, ring: None) -> None:
    made = token.create(person(alice), alice)
    for actor in (replace(person(alice), token_id=made.token.pk), person(alice, scopes=["admin"])):
        with pytest.raises(NotPermitted):
            token.create(actor, alice)


def test_tokens_of_others(alice: User, bob: User, admin: User, root: User, ring: None) -> None:
    mine = token.create(person(alice), alice).token
    with pytest.raises(NotPermitted):
        token.create(person(bob), alice)
    with pytest.raises(NotFound):
        token.find(person(bob), mine.pk)
    with pytest.raises(NotPermitted):
        token.revoke(person(bob), mine)
    assert list(token.query(person(bob))) == []
    assert token.find(person(admin), mine.pk) == mine
    with pytest.raises(NotPermitted, match="higher role"):
        token.create(person(admin), root)


def test_nobody_comes_by_the_companies_of_another_account(
    alice: User, admin: User, root: User, acme: Company, ring: None
) -> None:
    """Whoever makes a token of an account, or takes the links for its password, acts with its memberships."""
    for take_over in (
        lambda: token.create(person(admin), alice),
        lambda: user.update(person(admin), alice, email="admin@example.org"),
        lambda: user.update(person(admin), alice, plaintext="Another-password-1"),
        lambda: token.update(person(admin), token.create(person(alice), alice).token, value="mfx_chosen-by-admin-0001"),
    ):
        with pytest.raises(NotPermitted, match="in companies where you lack them"):
            take_over()
    user.update(person(admin), alice, firstname="Alice")
    token.create(person(root), alice)
    CompanyUser.objects.create(company=acme, user=admin, role="manager")
    with pytest.raises(NotPermitted, match="in companies where you lack them"):
        token.create(person(admin), alice)
    CompanyUser.objects.filter(company=acme, user=admin).update(role="admin")
    token.create(person(admin), alice)


def test_a_revoked_token_is_worth_nothing_at_once(alice: User, ring: None) -> None:
    made = token.create(person(alice), alice)
    assert token.revoke(person(alice), made.token)
    assert not token.revoke(person(alice), made.token)
    with pytest.raises(BadCredential):
        token_check.by_value(made.value, "")
    assert AuditEntry.objects.filter(entity_type="Token", action="revoke").count() == 1


def test_a_token_may_end_itself(alice: User, ring: None) -> None:
    made = token.create(person(alice), alice).token
    assert token.revoke(replace(person(alice), token_id=made.pk), made)


# --- accounts ---


def test_who_may_not_see_or_make_accounts(alice: User, ring: None) -> None:
    with pytest.raises(NotPermitted):
        user.query(person(alice))
    with pytest.raises(NotPermitted):
        user.create(person(alice), login="new", email="n@example.org")


def test_an_administrator_grants_no_more_than_is_held(admin: User, ring: None) -> None:
    made = user.create(person(admin), login="new", email="n@example.org", roles=["editor"])
    assert [one.role.name for one in role.of_user(person(admin), made)] == ["editor"]
    with pytest.raises(NotPermitted):
        user.create(person(admin), login="other", email="o@example.org", roles=["super_admin"])
    with pytest.raises(NotPermitted):
        role.assign(person(admin), made, ["super_admin"])


def test_nobody_touches_an_account_of_a_higher_role(admin: User, root: User, ring: None) -> None:
    for change in (
        lambda: user.update(person(admin), root, enabled=False),
        lambda: user.update(person(admin), root, plaintext="A-new-password-9"),
        lambda: user.remove(person(admin), root),
        lambda: role.assign(person(admin), root, [], replace=True),
    ):
        with pytest.raises(NotPermitted):
            change()


def test_nobody_changes_their_own_role_or_switches_themselves(root: User, ring: None) -> None:
    User.objects.create(login="second")
    for change in (
        lambda: role.assign(person(root), root, ["viewer"]),
        lambda: user.update(person(root), root, enabled=False),
        lambda: user.update(person(root), root, plaintext="A-new-password-9"),
    ):
        with pytest.raises(NotPermitted):
            change()


def test_the_own_profile(alice: User, ring: None) -> None:
    assert user.update(person(alice), alice, firstname="Alice", enabled=True)
    with pytest.raises(NotPermitted):
        user.update(person(alice), alice, login="boss")
    with pytest.raises(NotPermitted):
        user.update(person(alice, scopes=["write"]), alice, firstname="Eve")


def test_a_ready_hash_comes_from_the_command_line_only(admin: User, alice: User, ring: None) -> None:
    with pytest.raises(NotPermitted):
        user.update(person(admin), alice, password=alice.password)


@pytest.mark.parametrize("ending", ["demoted", "temporary", "disabled", "deleted"])
def test_the_last_super_administrator_stays(root: User, ring: None, ending: str) -> None:
    with pytest.raises(Refused, match="last super administrator"):
        if ending == "demoted":
            role.assign(INSTALLATION, root, ["admin"], replace=True)
        elif ending == "temporary":
            role.assign(INSTALLATION, root, ["super_admin"], expires_at=SOON)
        elif ending == "disabled":
            user.update(INSTALLATION, root, enabled=False)
        else:
            user.remove(INSTALLATION, root)


def test_another_super_administrator_who_cannot_sign_in_does_not_count(root: User, ring: None) -> None:
    other = User.objects.create(login="other", enabled=False)
    UserRole.objects.create(user=other, role=Role.objects.get(name="super_admin"))
    with pytest.raises(Refused):
        role.assign(INSTALLATION, root, [], replace=True)
    User.objects.filter(pk=other.pk).update(enabled=True)
    assert role.assign(INSTALLATION, root, [], replace=True) == []


def test_roles_with_an_end(admin: User, bob: User, ring: None) -> None:
    held = role.assign(person(admin), bob, ["editor"], expires_at=SOON)
    assert {one.role.name: one.expires_at for one in held} == {"viewer": None, "editor": SOON}
    UserRole.objects.filter(role__name="editor").update(expires_at=timezone.now())
    assert not of_user(bob).permits("jobs.create")


def test_nobody_grants_for_longer_than_they_hold(admin: User, bob: User, ring: None) -> None:
    UserRole.objects.filter(user=admin).update(expires_at=SOON)
    for end in (None, SOON + timedelta(minutes=1)):
        with pytest.raises(NotPermitted, match="until then"):
            role.assign(person(admin), bob, ["editor"], expires_at=end)
    assert role.assign(person(admin), bob, ["editor"], expires_at=SOON)


def test_unknown_roles_are_named(admin: User, bob: User, ring: None) -> None:
    with pytest.raises(Invalid, match=r"Unknown role\(s\): a, b"):
        role.assign(person(admin), bob, ["b", "a", "viewer"])


# --- members ---


def test_members_are_made_by_administrators_of_the_company(
    alice: User, bob: User, carol: User, admin: User, acme: Company, ring: None
) -> None:
    assert member.assign(person(alice), acme, carol, "manager").role == CompanyRole.MANAGER
    assert member.assign(person(alice), acme, carol, "editor", expires_at=SOON).expires_at == SOON
    for actor in (person(bob), person(admin), person(alice, scopes=["read"])):
        with pytest.raises(NotPermitted):
            member.assign(actor, acme, bob, "admin")
        with pytest.raises(NotPermitted):
            member.candidate(actor, acme, "carol")
    assert member.candidate(person(alice), acme, "carol") == carol
    assert member.candidate(person(alice), acme, "carol@example.org") == carol
    with pytest.raises(NotFound):
        member.candidate(person(alice), acme, "caro")


def test_numbers_tell_only_of_accounts_one_knows(
    alice: User, bob: User, carol: User, root: User, acme: Company, globex: Company, ring: None
) -> None:
    refusals = []
    for number in (carol.pk, 9_999_999):
        with pytest.raises(NotFound) as refused:
            member.candidate(person(alice), acme, number)
        refusals.append((refused.value.code, refused.value.message.replace(str(number), "?"), refused.value.details))
        assert member.remove(person(alice), acme, number) is False
    assert refusals[0] == refusals[1]
    assert member.candidate(person(alice), acme, bob.pk) == bob
    assert member.candidate(person(root), acme, carol.pk) == carol
    with pytest.raises(NotFound, match="not found"):
        member.remove(person(root), acme, 9_999_999)
    member.assign(INSTALLATION, globex, alice, "viewer")
    assert member.candidate(person(alice), acme, str(carol.pk)) == carol


def test_a_name_that_is_taken_does_not_tell_by_what(alice: User, admin: User, globex: Company, ring: None) -> None:
    EventSource.objects.create(name="Theirs", company=globex)
    for make in (
        lambda: event_source.create(person(admin), name="Theirs"),
        lambda: company.create(person(admin), name="Globex"),
    ):
        with pytest.raises(Conflict) as refused:
            make()
        assert "id" not in refused.value.details and "(id" not in refused.value.message
    member.assign(INSTALLATION, globex, admin, "viewer")
    with pytest.raises(Conflict, match=r"\(id \d+\)"):
        event_source.create(person(admin), name="Theirs")
    with pytest.raises(Conflict, match=r"\(id \d+\)"):
        company.create(person(admin), name="Globex")


def test_a_membership_ends(alice: User, bob: User, acme: Company, ring: None) -> None:
    assert member.unassign(person(alice), acme, bob)
    assert not member.unassign(person(alice), acme, bob)
    assert not of_user(bob).companies
    kinds = AuditEntry.objects.filter(company_id=acme.pk).values_list("event_type", flat=True)
    assert list(kinds) == ["company_user_removed"]


def test_members_are_listed_to_members_only(alice: User, carol: User, acme: Company, ring: None) -> None:
    assert [one.user for one in member.query(person(alice), company=acme)] == [alice]
    assert not member.query(person(carol), company=acme).exists()
    assert [one.company.name for one in member.query(person(carol), user=carol)] == ["Globex"]


# --- jobs not started ---


@pytest.fixture
def manager(acme: Company) -> User:
    made = User.objects.create(login="mia", email="mia@example.org")
    UserRole.objects.create(user=made, role=Role.objects.get(name="editor"))
    CompanyUser.objects.create(user=made, company=acme, role=CompanyRole.MANAGER)
    return made


@pytest.mark.parametrize("loss", ["disabled", "left", "viewer of the company", "viewer of the installation"])
def test_a_waiting_job_of_somebody_who_lost_the_right_is_cancelled(
    template: RunTemplate, manager: User, acme: Company, operator: Actor, loss: str
) -> None:
    theirs = run_template_run.schedule(person(manager), template)
    later = run_template_run.schedule(person(manager), template, after=SOON)
    others = run_template_run.schedule(operator, template)
    if loss == "disabled":
        user.update(INSTALLATION, manager, enabled=False)
    elif loss == "left":
        member.unassign(INSTALLATION, acme, manager)
    elif loss == "viewer of the company":
        member.assign(INSTALLATION, acme, manager, "viewer")
    else:
        role.assign(INSTALLATION, manager, ["viewer"], replace=True)

    states = {job.pk: job for job in Job.objects.all()}
    assert {states[one.pk].status for one in (theirs, later)} == {JobStatus.CANCELLED}
    assert "mia" in (states[theirs.pk].reason_detail or "")
    assert states[others.pk].status == JobStatus.PENDING


def test_what_somebody_may_still_run_stays(
    template: RunTemplate, manager: User, acme: Company, globex: Company, ring: None
) -> None:
    plain = run_template_run.schedule(person(manager), template)
    changed = run_template_run.schedule(person(manager), template, overrides={"NAME": "x"})
    member.assign(INSTALLATION, globex, manager, "viewer")
    assert set(Job.objects.values_list("status", flat=True)) == {JobStatus.PENDING}

    # A user runs what is there, but gives no other values.
    role.assign(INSTALLATION, manager, ["user"], replace=True)
    assert Job.objects.get(pk=plain.pk).status == JobStatus.PENDING
    assert Job.objects.get(pk=changed.pk).status == JobStatus.CANCELLED


def test_two_super_administrators_are_not_demoted_at_once(shared_db: None) -> None:
    accounts = [User.objects.create(login=login) for login in ("one", "two")]
    for account in accounts:
        UserRole.objects.create(user=account, role=Role.objects.get(name="super_admin"))
    start = threading.Barrier(2)
    refused: list[str] = []

    def demote(account: User) -> None:
        start.wait()
        try:
            role.assign(INSTALLATION, account, [], replace=True)
        except Refused as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=(account,)) for account in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["last_super_admin"]
    assert UserRole.objects.filter(role__name="super_admin").count() == 1
