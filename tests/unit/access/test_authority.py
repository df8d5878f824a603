"""Permission, role in the company and scope of the token must all say yes."""

from __future__ import annotations

import pytest

from multiflexi.access.authority import INSTALLATION, NOBODY, Authority
from multiflexi.access.matrix import RULES, Scope
from multiflexi.models import CompanyRole

ACME, GLOBEX = 1, 2
EVERY_PERMISSION = frozenset(name for rule in RULES.values() for name in rule.permissions)


def member(role: CompanyRole, *permissions: str, **more: object) -> Authority:
    return Authority(permissions=frozenset(permissions), companies={ACME: role}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RULES)
def test_nobody_may_do_anything_and_the_installation_everything(name: str) -> None:
    assert not NOBODY.permits(name) and not NOBODY.allows(name, ACME)
    assert INSTALLATION.permits(name) and INSTALLATION.allows(name, ACME)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.company])
def test_a_permission_counts_in_the_companies_one_belongs_to(name: str) -> None:
    rule = RULES[name]
    held = member(rule.company, *rule.permissions)  # type: ignore[arg-type]
    assert held.allows(name, ACME)
    assert not held.allows(name, GLOBEX)
    assert not held.allows(name, None), "what binds all companies takes a super administrator"


@pytest.mark.parametrize("name", RULES)
def test_a_role_in_the_company_is_nothing_without_the_permission(name: str) -> None:
    assert not member(CompanyRole.ADMIN).allows(name, ACME)
    lacking = EVERY_PERMISSION - {next(iter(RULES[name].permissions))}
    assert not member(CompanyRole.ADMIN, *lacking).allows(name, ACME)


@pytest.mark.parametrize(
    ("held", "may"),
    [(CompanyRole.VIEWER, False), (CompanyRole.MANAGER, True), (CompanyRole.ADMIN, True)],
)
def test_the_least_role_and_those_above_it(held: CompanyRole, may: bool) -> None:
    assert member(held, "jobs.create").allows("jobs.create", ACME) is may


def test_a_super_administrator_needs_no_membership_but_the_permission() -> None:
    assert Authority(super_admin=True, permissions=frozenset({"jobs.stop"})).allows("jobs.stop", GLOBEX)
    assert not Authority(super_admin=True).allows("jobs.stop", GLOBEX)


def test_own_jobs_only() -> None:
    user = member(CompanyRole.MANAGER, "jobs.retry_own")
    assert user.permits("jobs.retry")
    assert user.allows("jobs.retry", ACME, own=True)
    assert not user.allows("jobs.retry", ACME)
    assert not user.allows("jobs.retry", GLOBEX, own=True)
    assert not user.allows("jobs.stop", ACME, own=True)


@pytest.mark.parametrize("name", RULES)
def test_a_token_does_what_its_scopes_say(name: str) -> None:
    rule = RULES[name]
    every = {"permissions": EVERY_PERMISSION, "super_admin": True}
    others = frozenset(Scope.values) - {rule.scope}
    assert not Authority(**every, scopes=others).allows(name, ACME)  # type: ignore[arg-type]
    assert Authority(**every, scopes=frozenset(Scope.values)).allows(name, ACME) is (rule.scope is not None)  # type: ignore[arg-type]


def test_a_token_for_some_companies_reaches_no_others() -> None:
    bound = Authority(super_admin=True, permissions=EVERY_PERMISSION, only_companies=frozenset({ACME}))
    assert bound.company_ids == {ACME}
    assert bound.allows("jobs.read", ACME) and not bound.allows("jobs.read", GLOBEX)
    assert bound.allows("applications.read") and not bound.allows("applications.update")
    assert not bound.allows("users.create")
    both = Authority(companies={ACME: CompanyRole.VIEWER}, only_companies=frozenset({ACME, GLOBEX}))
    assert both.company_ids == {ACME}


def test_an_action_without_a_rule_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        INSTALLATION.allows("jobs.destroy")
