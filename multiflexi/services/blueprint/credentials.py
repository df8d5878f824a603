"""The credential types and credentials of the file."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from multiflexi.jobs.requirements import canonical, matches
from multiflexi.models import Company, Credential, CredentialPrototype, CredentialType, TypeValueKind
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_type, sealed_values
from multiflexi.services.blueprint import shape
from multiflexi.services.blueprint.exporting import labels_of
from multiflexi.services.blueprint.matching import Pairs, at, differing, differing_values, fresh, shown
from multiflexi.services.blueprint.outcome import Outcome
from multiflexi.services.blueprint.state import Held, State
from multiflexi.services.blueprint.supply import Supply, Value, given, placeholders
from multiflexi.services.blueprint.tree import Spot


class Credentials:
    """What the file says of credentials, brought about company by company."""

    def __init__(self, actor: Actor, state: State, supply: Supply, outcome: Outcome) -> None:
        self._actor, self._state, self._supply, self._outcome = actor, state, supply, outcome
        self._prototypes = {canonical(code).casefold(): one for code, one in state.prototypes.items()}

    def types(self, held: Held | None, spots: list[Spot]) -> None:
        """Types of a company, or without one those that all companies share."""
        present = held.types if held else self._state.shared_types
        pairs = Pairs(list(present), lambda one: one.name)
        for spot in spots:
            with at(spot):
                members = shape.members(spot, {*shape.TYPE, *shape.TYPE_PARTS}, _("a credential type"))
                found = pairs.take(shape.needed(members, "name", spot))
                if found is None:
                    present.append(self._made_type(held.company if held else None, members, spot))
                else:
                    self._updated_type(found, members, held)

    def credentials(self, held: Held, spots: list[Spot]) -> dict[str, Credential]:
        """The credentials of a company by the labels that its run templates refer to them with."""
        pairs = Pairs(list(held.credentials), lambda one: one.name)
        for spot in spots:
            with at(spot):
                members = shape.members(spot, {*shape.CREDENTIAL, *shape.CREDENTIAL_PARTS}, _("a credential"))
                found = pairs.take(shape.needed(members, "name", spot))
                kind = self._kind(held, members, spot, found)
                values = self._supply.values(members.get("values"))
                if found is None:
                    found = self._made(held, members, kind, values)
                    held.credentials.append(found)
                else:
                    self._updated(held, found, members, kind, values)
                self._tell_open(held, found, values)
        by_id = {one.pk: one for one in held.credentials}
        return {label: by_id[number] for number, label in labels_of(held.credentials).items()}

    def _made_type(self, company: Company | None, members: dict[str, Spot], spot: Spot) -> CredentialType:
        prototype = self._prototype(members, spot)
        columns = shape.columns(members, shape.TYPE)
        values = given(self._supply.values(members.get("values")))
        fixed = dict.fromkeys(shape.words(members["fixed"]), True) if "fixed" in members else {}
        made = credential_type.create(
            self._actor, prototype=prototype, company=company, values=values, fixed=fixed, **columns
        )
        diff = {**fresh(columns), **shown("values", {}, values, self._is_open(made))}
        self._outcome.note("credential type", _named(company, made.name), "create", diff)
        return made

    def _updated_type(self, kind: CredentialType, members: dict[str, Spot], held: Held | None) -> None:
        if "kind" in members and not matches(shape.text(members["kind"]), kind.prototype):
            raise members["kind"].error(_("the type exists and is of kind %(kind)s.") % {"kind": kind.prototype})
        rows = self._state.type_values.get(kind.pk, {})
        diff = differing(kind, shape.columns(members, shape.TYPE))
        stored = {name: sealed_values.known(row) for name, row in rows.items()}
        values, before = differing_values(stored, self._supply.values(members.get("values")))
        fixed = {}
        if "fixed" in members:
            binding = {name for name, row in rows.items() if row.kind == TypeValueKind.FIXED}
            fixed = dict.fromkeys(set(shape.words(members["fixed"])) - binding, True)
        columns = {name: new for name, (_old, new) in diff.items()}
        changed = bool(columns or values or fixed) and credential_type.update(
            self._actor, kind, values=values, fixed=fixed, **columns
        )
        if not changed:
            self._outcome.unchanged += 1
            return
        told = {**diff, **shown("values", before, values, self._is_open(kind))}
        told |= {f"fixed.{name}": (False, True) for name in fixed}
        self._outcome.note("credential type", _named(held.company if held else None, kind.name), "update", told)

    def _kind(self, held: Held, members: dict[str, Spot], spot: Spot, found: Credential | None) -> CredentialType:
        """The type a credential is to have: the named one, else the only one of its kind, else a new one."""
        present = [*held.types, *self._state.shared_types]
        code = shape.text(members["kind"]) if "kind" in members else ""
        if found and not {"kind", "type"} & members.keys():
            return next(one for one in present if one.pk == found.credential_type_id)
        candidates = [one for one in present if not code or matches(code, one.prototype)]
        if "type" in members:
            name = shape.text(members["type"])
            candidates = [one for one in candidates if one.name == name][:1]
            if not candidates and not code:
                raise members["type"].error(_("there is no credential type %(name)s.") % {"name": name})
        if not candidates:
            made = credential_type.create(
                self._actor,
                prototype=self._prototype(members, spot),
                company=held.company,
                name=shape.text(members["type"]) if "type" in members else None,
            )
            held.types.append(made)
            self._outcome.note("credential type", _named(held.company, made.name), "create", fresh({"kind": code}))
            return made
        if len(candidates) > 1:
            names = ", ".join(one.name for one in candidates)
            raise spot.error(_("several credential types fit (%(names)s); name one as type.") % {"names": names})
        return candidates[0]

    def _made(self, held: Held, members: dict[str, Spot], kind: CredentialType, values: dict[str, Value]) -> Credential:
        columns = shape.columns(members, shape.CREDENTIAL)
        present = {name: one for name, one in given(values).items() if one is not None}
        # A credential is made without its secrets when these come later; with values it had to be whole.
        whole = not placeholders(values)
        made = credential.create(
            self._actor, company=held.company, kind=kind, values=present if whole else {}, **columns
        )
        if present and not whole:
            credential.update(self._actor, made, values=present)
        diff = {**fresh({**columns, "kind": kind.prototype}), **shown("values", {}, present, self._is_open(kind))}
        self._outcome.note("credential", _named(held.company, made.name), "create", diff)
        return made

    def _updated(
        self,
        held: Held,
        found: Credential,
        members: dict[str, Spot],
        kind: CredentialType,
        wanted: dict[str, Value],
    ) -> None:
        rows = self._state.credential_values.get(found.pk, {})
        stored = {name: sealed_values.known(row) for name, row in rows.items()}
        values, before = differing_values(stored, wanted)
        diff = differing(found, shape.columns(members, shape.CREDENTIAL))
        if kind.pk != found.credential_type_id:
            diff["type"] = (found.credential_type_id, kind.pk)
        columns = {name: new for name, (_old, new) in diff.items() if name != "type"}
        if (diff or values) and credential.update(self._actor, found, kind=kind, values=values, **columns):
            told = {**diff, **shown("values", before, values, self._is_open(kind))}
            self._outcome.note("credential", _named(held.company, found.name), "update", told)
        else:
            self._outcome.unchanged += 1

    def _tell_open(self, held: Held, found: Credential, values: dict[str, Value]) -> None:
        rows = self._state.credential_values.get(found.pk, {})
        lacking = [name for name in placeholders(values) if name not in rows]
        if lacking:
            told = _("Credential %(name)s: %(fields)s is secret and not in the file; set it with credential:update.")
            self._outcome.warnings.append(
                told % {"name": _named(held.company, found.name), "fields": ", ".join(lacking)}
            )

    def _prototype(self, members: dict[str, Spot], spot: Spot) -> CredentialPrototype:
        code = shape.needed(members, "kind", spot)
        found = self._prototypes.get(canonical(code).casefold())
        if found is None:
            known = ", ".join(sorted(self._state.prototypes))
            raise members["kind"].error(
                _("there is no kind of credential %(code)s; possible are %(known)s.") % {"code": code, "known": known},
                "credential_prototype_not_found",
            )
        return found

    def _is_open(self, kind: CredentialType) -> Callable[[str], bool]:
        plain = self._state.open_fields.get(kind.credential_prototype_id or 0, set())
        return lambda name: name in plain


def _named(company: Company | None, name: str) -> str:
    return f"{company.slug or company.name} / {name}" if company else name
