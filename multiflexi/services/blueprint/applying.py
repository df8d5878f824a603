"""Bringing about what a file says: only what differs is touched, and only through the services of each noun.

One transaction for the whole file: a file is one set-up, and half of it would have to be told from the other half by
hand. A trial run does the same work, so that it finds the same faults, and takes it back.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from multiflexi.models import Application, Company
from multiflexi.record.actor import Actor
from multiflexi.services import company, company_app, company_env
from multiflexi.services.blueprint import shape
from multiflexi.services.blueprint.credentials import Credentials
from multiflexi.services.blueprint.matching import at, differing, differing_values, fresh, shown
from multiflexi.services.blueprint.outcome import Outcome
from multiflexi.services.blueprint.run_templates import RunTemplates
from multiflexi.services.blueprint.state import Held, State, read
from multiflexi.services.blueprint.supply import Hidden, Supply, placeholders
from multiflexi.services.blueprint.tree import Spot, parse
from multiflexi.services.scope import visible
from multiflexi.vault.secrecy import named_like_a_secret

TOP = {"format", "applications", "credential_types", "companies"}


def apply(actor: Actor, text: str | bytes, *, supply: Supply | None = None, dry_run: bool = False) -> Outcome:
    """Bring about what the file says, all of it or nothing; nothing is ever deleted that it does not mention.

    Raises Invalid with line and path for what cannot be, and what the services of each noun raise, placed likewise.
    """
    root = parse(text)
    file = shape.members(root, TOP, _("the file"))
    if shape.needed(file, "format", root) != shape.FORMAT:
        raise file["format"].error(_("this program understands %(format)s only.") % {"format": shape.FORMAT})
    entries = [_Entry(spot) for spot in shape.listed(file.get("companies"))]
    _refuse_repeated(entries)
    with transaction.atomic():
        state = read(actor, _meant(actor, entries))
        work = _Work(actor, state, supply or Supply(), file.get("applications"))
        with work.placed(file.get("credential_types") or root):
            work.credentials.types(None, shape.listed(file.get("credential_types")))
        for entry in entries:
            work.company(entry)
        if dry_run:
            transaction.set_rollback(True)
    return work.outcome


class _Entry:
    """A company in the file."""

    def __init__(self, spot: Spot) -> None:
        self.spot = spot
        self.members = shape.members(spot, {*shape.COMPANY, *shape.COMPANY_PARTS}, _("a company"))
        self.name = shape.needed(self.members, "name", spot)
        self.slug = shape.text(self.members["slug"]) if "slug" in self.members else ""

    def is_meant(self, record: Company) -> bool:
        return record.slug == self.slug if self.slug else record.name == self.name


def _refuse_repeated(entries: list[_Entry]) -> None:
    seen = set()
    for entry in entries:
        key = entry.slug or entry.name
        if key in seen:
            raise entry.spot.error(_("company %(name)s is in the file twice.") % {"name": key})
        seen.add(key)


def _meant(actor: Actor, entries: list[_Entry]) -> Any:
    slugs = [one.slug for one in entries if one.slug]
    names = [one.name for one in entries if not one.slug]
    return visible(Company, actor).filter(Q(slug__in=slugs) | Q(name__in=names))


class _Work:
    """One run over a file."""

    placed = staticmethod(at)

    def __init__(self, actor: Actor, state: State, supply: Supply, aliases: Spot | None) -> None:
        self.outcome = Outcome()
        self._actor, self._state, self._supply = actor, state, supply
        self._applications = _applications(state, aliases)
        self.credentials = Credentials(actor, state, supply, self.outcome)
        self._templates = RunTemplates(actor, state, supply, self.outcome)

    def company(self, entry: _Entry) -> None:
        found = next((one for one in self._state.companies if entry.is_meant(one.company)), None)
        with at(entry.spot):
            held = self._updated(entry, found) if found else self._created(entry)
            parts = entry.members
            self._environment(held, parts.get("environment"))
            self.credentials.types(held, shape.listed(parts.get("credential_types")))
            labelled = self.credentials.credentials(held, shape.listed(parts.get("credentials")))
            for spot in shape.listed(parts.get("run_templates")):
                self._templates.one(held, spot, self._application, labelled)
            for spot in shape.listed(parts.get("applications")):
                self._switch_on(held, spot)

    def _created(self, entry: _Entry) -> Held:
        values = shape.columns(entry.members, shape.COMPANY)
        made = company.create(self._actor, **values)
        self.outcome.note("company", made.slug or made.name, "create", fresh(values))
        return Held(made)

    def _updated(self, entry: _Entry, held: Held) -> Held:
        diff = differing(held.company, shape.columns(entry.members, shape.COMPANY))
        if diff and company.update(self._actor, held.company, **{name: new for name, (_old, new) in diff.items()}):
            self.outcome.note("company", held.company.slug or held.company.name, "update", diff)
        else:
            self.outcome.unchanged += 1
        return held

    def _environment(self, held: Held, spot: Spot | None) -> None:
        if spot is None:
            return
        wanted = self._supply.values(spot)
        name = held.company.slug or held.company.name
        stored = {keyword: company_env.known(entry) for keyword, entry in held.environment.items()}
        for keyword in placeholders(wanted):
            if keyword not in stored:
                told = _("Company %(company)s: %(name)s is a secret that is not in the file; set it.")
                self.outcome.warnings.append(told % {"company": name, "name": keyword})
        changed, before = differing_values(stored, wanted)
        for keyword, value in changed.items():
            if value is None:
                company_env.unset(self._actor, held.company, keyword)
            else:
                secret = True if isinstance(value, Hidden) else None
                company_env.set_value(self._actor, held.company, keyword, str(value), secret=secret)

        def is_open(keyword: str) -> bool:
            entry = held.environment.get(keyword)
            return not (entry.secret if entry else named_like_a_secret(keyword))

        if changed:
            self.outcome.note("environment", name, "update", shown("environment", before, changed, is_open))

    def _switch_on(self, held: Held, spot: Spot) -> None:
        app = self._application(spot)
        if app.pk in held.applications:
            return
        with at(spot):
            done = company_app.assign(self._actor, held.company, app, with_template=False)
        if done.created:
            name = f"{held.company.slug or held.company.name} / {app.code}"
            self.outcome.note("application", name, "switch on", {})

    def _application(self, spot: Spot) -> Application:
        """What an entry calls an application: by the table of the file, else by uuid, code or name."""
        wanted = shape.text(spot).strip()
        found = self._applications.get(wanted, ())
        if len(found) == 1:
            return found[0]
        if found:
            raise spot.error(_("several applications are called %(name)s; give the uuid.") % {"name": wanted})
        raise spot.error(
            _("there is no application %(name)s here; import its definition first with application:import-json.")
            % {"name": wanted or "?"},
            "application_not_found",
        )


def _applications(state: State, aliases: Spot | None) -> dict[str, list[Application]]:
    """All applications by each name they may be given; those of the file's table win."""
    named: dict[str, list[Application]] = {}
    for reference in ("name", "code", "uuid"):
        stronger: dict[str, list[Application]] = {}
        for app in state.applications.values():
            stronger.setdefault(str(getattr(app, reference)), []).append(app)
        named |= stronger
    if aliases is None or aliases.content is None:
        return named
    own = {}
    table = aliases.content
    if not isinstance(table, dict):
        raise aliases.error(_("write ALIAS: {uuid: …} lines."))
    for alias, spot in table.items():
        members = shape.members(spot, {"uuid", "name"}, _("an application"))
        own[alias] = named.get(shape.needed(members, "uuid", spot).lower(), [])
    return named | own
