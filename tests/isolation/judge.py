"""What each persona must be answered, and what no answer may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.isolation.personas import ACME, ALL_SCOPES, GLOBEX, SESSION, Persona
from tests.isolation.plots import SECRET, World, numbers
from tests.isolation.rows import OWN, PAGE, PUBLIC, SEEN_BY, Row, kinds_of

# Kinds that both companies have rows of, but that belong to accounts.
OF_ACCOUNTS = frozenset({"member", "token"})
SIGN_IN = 302
_DIGITS = re.compile(rb"(?<!\d)\d{9}(?!\d)")


@dataclass(frozen=True)
class Judge:
    """Judges by the data of the matrix and the permissions that system roles have in the database."""

    world: World
    permissions: dict[str | None, frozenset[str]]

    def expected(self, address: str, row: Row, persona: Persona, company: str = ACME) -> int | None:
        """The status a request for rows of a company must have; None: whatever those get who may."""
        if row.rule == PUBLIC:
            return None
        if row.rule == PAGE:
            return self._of_page(row, persona)
        if persona.anonymous:
            return 401
        if row.person and (persona.scopes is not None or persona.only):
            return row.refused
        if row.rule == OWN or self._sees_everything(row, persona):
            return None
        kinds = kinds_of(address, row)
        rules = [row.rule, *row.also, *(SEEN_BY[kind] for kind in kinds - set(row.unseen) if kind in SEEN_BY)]
        if not all(persona.holds(rule, self.permissions) for rule in rules):
            return row.refused
        return self._by_company(kinds, row, persona, company)

    def _of_page(self, row: Row, persona: Persona) -> int | None:
        if persona.way != SESSION:
            return SIGN_IN
        return None if all(persona.holds(rule, self.permissions) for rule in row.also) else row.refused

    def _by_company(self, kinds: set[str], row: Row, persona: Persona, company: str) -> int | None:
        if not any(kind in self.world.acme.ids and kind not in OF_ACCOUNTS for kind in kinds):
            return None
        if not persona.is_in(company):
            return row.foreign
        if kinds & {"audit_entry"}:
            return None if persona.ranks("companies.members", company) else row.foreign
        return None if all(persona.ranks(rule, company) for rule in (row.rule, *row.also)) else row.refused

    def _sees_everything(self, row: Row, persona: Persona) -> bool:
        return bool(row.everything) and persona.only is None and persona.holds(row.everything, self.permissions)

    def leaks(self, row: Row, persona: Persona, answer: bytes) -> Iterator[str]:
        """What is in an answer that must not be there."""
        if SECRET.encode() in answer:
            yield "a secret"
        if persona.is_everywhere and not persona.anonymous and persona.scopes in (None, ALL_SCOPES):
            return
        if persona.is_everywhere or (not persona.anonymous and self._sees_everything(row, persona)):
            return
        for name, plot in ((ACME, self.world.acme), (GLOBEX, self.world.globex)):
            if not persona.anonymous and persona.is_in(name):
                continue
            told = answer
            if not persona.anonymous and persona.holds("users.read", self.permissions):
                # Administrators of the installation see the accounts of all companies.
                told = told.replace(f"member-{plot.marker}".encode(), b"").replace(f"{plot.marker}@".encode(), b"")
                if row.rule.startswith(("users.", "roles.")):
                    continue
            if plot.marker.encode() in told:
                yield f"the marker of {name}"
            found = {int(number) for number in _DIGITS.findall(answer)} & numbers(plot)
            if found:
                yield f"ids of {name}: {sorted(found)}"
