"""The run templates of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.models import Application, Credential, RunTemplate
from multiflexi.record.actor import Actor
from multiflexi.scheduling import intervals
from multiflexi.services import credential_assignment, run_template, run_template_config
from multiflexi.services.blueprint import shape
from multiflexi.services.blueprint.matching import at, differing, differing_values, fresh, shown
from multiflexi.services.blueprint.outcome import Diff, Outcome
from multiflexi.services.blueprint.state import Held, State
from multiflexi.services.blueprint.supply import Supply, Value, given, placeholders
from multiflexi.services.blueprint.tree import Spot
from multiflexi.vault.secrecy import named_like_a_secret


@dataclass(frozen=True)
class _Wanted:
    """One entry of the file: columns, variables and credentials that the run template is to have."""

    title: str
    app: Application
    columns: dict[str, Any]
    variables: Mapping[str, Value]
    members: dict[str, Spot]
    labelled: Mapping[str, Credential]


class RunTemplates:
    """What the file says of run templates, brought about one by one."""

    def __init__(self, actor: Actor, state: State, supply: Supply, outcome: Outcome) -> None:
        self._actor, self._state, self._supply, self._outcome = actor, state, supply, outcome
        self._taken: set[int] = set()

    def one(
        self,
        held: Held,
        spot: Spot,
        application: Callable[[Spot], Application],
        labelled: Mapping[str, Credential],
    ) -> None:
        """Make or change one run template; credentials are assigned before it may be switched on."""
        with at(spot):
            members = shape.members(spot, {*shape.TEMPLATE, *shape.TEMPLATE_PARTS}, _("a run template"))
            name = shape.needed(members, "name", spot)
            shape.needed(members, "application", spot)
            wanted = _Wanted(
                title=f"{held.company.slug or held.company.name} / {name}",
                app=application(members["application"]),
                columns=_columns(members),
                variables=self._variables(members.get("values")),
                members=members,
                labelled=labelled,
            )
            found = self._found(held, name, wanted.app)
            self._tell_open(found, wanted)
            if found is None:
                self._made(held, wanted)
            else:
                self._updated(found, wanted)

    def _variables(self, spot: Spot | None) -> dict[str, Value]:
        values = self._supply.values(spot)
        if spot and None in values.values():
            raise spot.error(_("a value cannot be taken away here; give a text."))
        return values

    def _found(self, held: Held, name: str, app: Application) -> RunTemplate | None:
        for one in held.templates:
            if one.name == name and one.app_id == app.pk and one.pk not in self._taken:
                self._taken.add(one.pk)
                return one
        return None

    def _made(self, held: Held, wanted: _Wanted) -> None:
        config = {name: str(one) for name, one in given(wanted.variables).items()}
        made = run_template.create(self._actor, app=wanted.app, company=held.company, config=config, **wanted.columns)
        diff = fresh({**wanted.columns, "application": wanted.app.code})
        diff |= shown("values", {}, given(wanted.variables), self._is_open(wanted.app.pk))
        diff |= self._assigned(made, [], wanted)
        held.applications.add(wanted.app.pk)
        self._outcome.note("run template", wanted.title, "create", diff)

    def _updated(self, found: RunTemplate, wanted: _Wanted) -> None:
        told = self._assigned(found, self._state.assigned.get(found.pk, []), wanted)
        rows = self._state.configuration.get(found.pk, {})
        stored = {name: run_template_config.known(row) for name, row in rows.items()}
        config, before = differing_values(stored, wanted.variables)
        diff = differing(found, wanted.columns)
        changed = bool(diff or config) and run_template.update(
            self._actor,
            found,
            config={name: str(one) for name, one in config.items()},
            **{name: new for name, (_old, new) in diff.items()},
        )
        if changed:
            told |= {**diff, **shown("values", before, config, self._is_open(found.app_id))}
        if told:
            self._outcome.note("run template", wanted.title, "update", told)
        else:
            self._outcome.unchanged += 1

    def _assigned(self, template: RunTemplate, present: list[int], wanted: _Wanted) -> Diff:
        """Give the run template exactly the credentials that the file lists, in that order."""
        if "credentials" not in wanted.members:
            return {}
        spots = shape.listed(wanted.members["credentials"])
        credentials = [_credential(spot, wanted.labelled) for spot in spots]
        numbers = [one.pk for one in credentials]
        if numbers == present:
            return {}
        labels = {one.pk: label for label, one in wanted.labelled.items()}
        for number in present:
            if number not in numbers and number in labels:
                credential_assignment.unassign(self._actor, template, wanted.labelled[labels[number]])
        for position, (spot, one) in enumerate(zip(spots, credentials, strict=True)):
            with at(spot):
                done = credential_assignment.assign(self._actor, template, one, position=position)
            if set(done.replaced) & set(numbers):
                raise spot.error(_("two credentials of the same kind cannot be assigned to one run template."))
        old = [labels.get(number, str(number)) for number in present]
        return {"credentials": (old, [labels[number] for number in numbers])}

    def _tell_open(self, found: RunTemplate | None, wanted: _Wanted) -> None:
        stored = self._state.configuration.get(found.pk, {}) if found else {}
        lacking = [name for name in placeholders(wanted.variables) if name not in stored]
        if lacking:
            told = _("Run template %(name)s: %(fields)s is secret and not in the file; set it with run-template:update")
            self._outcome.warnings.append(told % {"name": wanted.title, "fields": ", ".join(lacking)})

    def _is_open(self, app_id: int) -> Callable[[str], bool]:
        secret = self._state.secret_variables.get(app_id, set())
        return lambda name: name not in secret and not named_like_a_secret(name)


def _columns(members: dict[str, Spot]) -> dict[str, Any]:
    """Typed columns, the interval as its code, so that a word does not count as a change. Raises Invalid."""
    columns = {shape.COLUMN_OF.get(name, name): one for name, one in shape.columns(members, shape.TEMPLATE).items()}
    if "interv" in columns:
        try:
            columns["interv"] = intervals.parse_interval(columns["interv"]).code
        except intervals.IntervalError as error:
            raise members["interval"].error(str(error)) from None
    return columns


def _credential(spot: Spot, labelled: Mapping[str, Credential]) -> Credential:
    label = shape.text(spot)
    if label in labelled:
        return labelled[label]
    known = ", ".join(sorted(labelled)) or _("none")
    raise spot.error(
        _("the company has no credential %(name)s; it has: %(known)s.") % {"name": label, "known": known},
        "credential_not_found",
    )
