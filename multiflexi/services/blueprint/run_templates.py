"""The run templates of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from multiflexi.services.blueprint.supply import Supply, given, placeholders
from multiflexi.services.blueprint.tree import Spot
from multiflexi.vault.secrecy import named_like_a_secret


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
            app = application(members["application"])
            wanted = self._supply.values(members.get("values"))
            for variable, value in given(wanted).items():
                if value is None:
                    told = _("a value cannot be taken away here; give a text.")
                    raise (members["values"].content[variable]).error(told)  # type: ignore[call-overload, index, union-attr]
            values = {shape.COLUMN_OF.get(key, key): one for key, one in shape.columns(members, shape.TEMPLATE).items()}
            with at(members.get("interval", spot)):
                _name_interval(values, members)
            title = f"{held.company.slug or held.company.name} / {name}"
            found = self._found(held, name, app)
            self._tell_open(title, found, wanted)
            if found is None:
                self._made(held, app, values, members, wanted, labelled, title)
            else:
                self._updated(found, values, members, wanted, labelled, title)

    def _found(self, held: Held, name: str, app: Application) -> RunTemplate | None:
        for one in held.templates:
            if one.name == name and one.app_id == app.pk and one.pk not in self._taken:
                self._taken.add(one.pk)
                return one
        return None

    def _made(
        self,
        held: Held,
        app: Application,
        values: dict[str, Any],
        members: dict[str, Spot],
        wanted: Mapping[str, Any],
        labelled: Mapping[str, Credential],
        title: str,
    ) -> None:
        config = {name: str(one) for name, one in given(wanted).items()}
        made = run_template.create(self._actor, app=app, company=held.company, config=config, **values)
        diff = {**fresh({**values, "application": app.code}), **shown("values", {}, given(wanted), self._is_open(app.pk))}
        diff |= self._assigned(made, [], members, labelled)
        held.applications.add(app.pk)
        self._outcome.note("run template", title, "create", diff)

    def _updated(
        self,
        found: RunTemplate,
        values: dict[str, Any],
        members: dict[str, Spot],
        wanted: Mapping[str, Any],
        labelled: Mapping[str, Credential],
        title: str,
    ) -> None:
        assigned = self._assigned(found, self._state.assigned.get(found.pk, []), members, labelled)
        rows = self._state.configuration.get(found.pk, {})
        stored = {name: run_template_config.known(row) for name, row in rows.items()}
        config, before = differing_values(stored, wanted)
        diff = differing(found, values)
        changed = bool(diff or config) and run_template.update(
            self._actor,
            found,
            config={name: str(one) for name, one in config.items()},
            **{name: new for name, (_old, new) in diff.items()},
        )
        if changed:
            assigned |= {**diff, **shown("values", before, config, self._is_open(found.app_id))}
        if assigned:
            self._outcome.note("run template", title, "update", assigned)
        else:
            self._outcome.unchanged += 1

    def _assigned(
        self, template: RunTemplate, present: list[int], members: dict[str, Spot], labelled: Mapping[str, Credential]
    ) -> Diff:
        """Give the run template exactly the credentials that the file lists, in that order."""
        if "credentials" not in members:
            return {}
        spots = shape.listed(members["credentials"])
        wanted = [_credential(spot, labelled) for spot in spots]
        numbers = [one.pk for one in wanted]
        if numbers == present:
            return {}
        labels = {one.pk: label for label, one in labelled.items()}
        for number in present:
            if number not in numbers and number in labels:
                credential_assignment.unassign(self._actor, template, labelled[labels[number]])
        for position, (spot, one) in enumerate(zip(spots, wanted, strict=True)):
            with at(spot):
                done = credential_assignment.assign(self._actor, template, one, position=position)
            if set(done.replaced) & set(numbers):
                raise spot.error(_("two credentials of the same kind cannot be assigned to one run template."))
        old = [labels.get(number, str(number)) for number in present]
        return {"credentials": (old, [labels[number] for number in numbers])}

    def _tell_open(self, title: str, found: RunTemplate | None, wanted: Mapping[str, Any]) -> None:
        stored = self._state.configuration.get(found.pk, {}) if found else {}
        lacking = [name for name in placeholders(wanted) if name not in stored]
        if lacking:
            told = _("Run template %(name)s: %(fields)s is secret and not in the file; set it with run-template:update.")
            self._outcome.warnings.append(told % {"name": title, "fields": ", ".join(lacking)})

    def _is_open(self, app_id: int) -> Callable[[str], bool]:
        secret = self._state.secret_variables.get(app_id, set())
        return lambda name: name not in secret and not named_like_a_secret(name)


def _name_interval(values: dict[str, Any], members: dict[str, Spot]) -> None:
    """The code of the interval, so that a word does not count as a change. Raises Invalid."""
    if "interv" in values:
        try:
            values["interv"] = intervals.parse_interval(values["interv"]).code
        except intervals.IntervalError as error:
            raise members["interval"].error(str(error)) from None


def _credential(spot: Spot, labelled: Mapping[str, Credential]) -> Credential:
    label = shape.text(spot)
    if label in labelled:
        return labelled[label]
    known = ", ".join(sorted(labelled)) or _("none")
    raise spot.error(
        _("the company has no credential %(name)s; it has: %(known)s.") % {"name": label, "known": known},
        "credential_not_found",
    )
