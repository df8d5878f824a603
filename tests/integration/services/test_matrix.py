"""The permission matrix: as decided, as seeded, and as documented."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from multiflexi.access.matrix import RULES, Scope
from multiflexi.models import Permission, Role

ROOT = Path(__file__).resolve().parents[3]
DECIDED = ROOT.parent / "shared" / "spec" / "rest-api.md"
ROLES = ("super_admin", "admin", "editor", "user", "viewer")
# Rows that say more than one action does, or that no rule can say: who owns the account may.
SCOPES_APART = {"credentials.reveal"}


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def seeded(db: None) -> dict[str, set[str]]:
    return {
        role.name: set(role.permissions.values_list("name", flat=True)) for role in Role.objects.filter(is_system=True)
    }


def test_the_documented_roles_are_the_seeded_ones(seeded: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    # The generator chooses its own settings.
    monkeypatch.setattr("os.environ", {})
    assert generator().default_grants() == seeded


def test_every_permission_that_a_rule_takes_exists(db: None) -> None:
    needed = {name for rule in RULES.values() for name in rule.permissions} | {
        rule.own for rule in RULES.values() if rule.own
    }
    assert needed <= set(Permission.objects.values_list("name", flat=True))


def decided_rows() -> list[list[str]]:
    if not DECIDED.is_file():
        pytest.skip(f"the decided matrix is not at {DECIDED}")
    text = DECIDED.read_text(encoding="utf-8")
    table = text[text.index("| Action | Permission | SA |") :].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def names_of(cell: str) -> list[str]:
    """`users.read/create` and `a.b` +, `a.c` + as single names."""
    found = []
    for quoted in re.findall(r"`([^`]+)`", cell):
        resource, _dot, actions = quoted.partition(".")
        found += [f"{resource}.{action}" for action in actions.split("/")]
    return found


def test_the_rules_are_the_decided_ones(seeded: dict[str, set[str]]) -> None:
    checked = set()
    for action, permission, *marks, company, scope in decided_rows():
        for name in names_of(permission):
            if name not in RULES:
                # Seeing a company is one rule with two permissions.
                assert name == "companies.read"
                continue
            rule = RULES[name]
            checked.add(name)
            for role, mark in zip(ROLES, marks, strict=True):
                full, own = rule.permissions <= seeded[role], rule.own in seeded[role]
                assert {"●": full, "–": not full and not own, "own": own and not full}[mark], (action, role)
            if name not in SCOPES_APART:
                assert scope == (f"`{rule.scope.value}`" if rule.scope else "none"), action
                assert company.split()[0].rstrip(":") in (rule.company or "–", "clone"), action
    # Their permissions stand in the rows of others.
    assert checked | {"artifacts.reveal", "audit.read"} == set(RULES)


def test_scopes_are_the_decided_ones() -> None:
    decided = "read write jobs:run artifacts:read credentials:read credentials:write admin audit"
    assert [scope.value for scope in Scope] == decided.split()
