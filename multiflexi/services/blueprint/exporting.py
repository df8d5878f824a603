"""Writing companies with all they are made of as one file; secrets stay behind, only that they exist is said."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import yaml
from django.db.models import Model

from multiflexi.models import Company, Credential, CredentialType, RunTemplate, TypeValueKind
from multiflexi.record.actor import Actor
from multiflexi.scheduling.intervals import INTERVALS
from multiflexi.services.blueprint import shape
from multiflexi.services.blueprint.state import Held, State, read
from multiflexi.services.scope import visible

ALWAYS = ("name", "slug", "active", "interval")
KEPT_SECRET = {"secret": True}
HEAD = "# Made by multiflexi-cli export; multiflexi-cli apply brings it about. Secrets are not in it.\n"

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def export(actor: Actor, companies: Collection[Company] | None = None) -> str:
    """The file's text for some companies, or for all that the actor sees and that are not archived."""
    rows = visible(Company, actor).filter(archived_at=None)
    if companies is not None:
        rows = rows.filter(pk__in=[one.pk for one in companies])
    text: str = yaml.dump(document(read(actor, rows)), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return HEAD + text


def document(state: State) -> dict[str, Any]:
    """The content of the file; what has its default value is left out, and names are sorted, whatever was first."""
    used = {one.app_id for held in state.companies for one in held.templates}
    used |= {number for held in state.companies for number in held.applications}
    apps = [app for number, app in state.applications.items() if number in used]
    used_types = {one.credential_type_id for held in state.companies for one in held.credentials}
    shared = [_type(state, one) for one in state.shared_types if one.pk in used_types]
    return _filled(
        format=shape.FORMAT,
        applications=_sorted({app.code: {"uuid": str(app.uuid), "name": app.name} for app in apps}),
        credential_types=shared,
        companies=[_company(state, held) for held in state.companies],
    )


def _company(state: State, held: Held) -> dict[str, Any]:
    return {
        **_columns(held.company, shape.COMPANY),
        **_filled(
            environment=_sorted(
                {name: KEPT_SECRET if entry.secret else entry.value for name, entry in held.environment.items()}
            ),
            applications=sorted(
                state.applications[number].code for number in held.applications if number in state.applications
            ),
            credential_types=[_type(state, one) for one in held.types],
            credentials=[_credential(state, held, one) for one in held.credentials],
            run_templates=[_template(state, held, one) for one in held.templates if one.app_id in state.applications],
        ),
    }


def _type(state: State, kind: CredentialType) -> dict[str, Any]:
    values = state.type_values.get(kind.pk, {})
    fixed = sorted(name for name, row in values.items() if row.kind == TypeValueKind.FIXED)
    shown = _columns(kind, shape.TYPE)
    return {
        "name": shown.pop("name"),
        "kind": kind.prototype,
        **shown,
        "gate_on_degraded": kind.gate_on_degraded,
        **_filled(values=_values(values.values()), fixed=fixed),
    }


def _credential(state: State, held: Held, credential: Credential) -> dict[str, Any]:
    kind = next(one for one in (*held.types, *state.shared_types) if one.pk == credential.credential_type_id)
    values = _values(state.credential_values.get(credential.pk, {}).values())
    for name in state.required_secrets.get(kind.credential_prototype_id or 0, ()):
        values.setdefault(name, KEPT_SECRET)
    shown = _columns(credential, shape.CREDENTIAL)
    return {
        "name": shown.pop("name"),
        "kind": kind.prototype,
        "type": kind.name,
        **shown,
        **_filled(values=_sorted(values)),
    }


def _template(state: State, held: Held, template: RunTemplate) -> dict[str, Any]:
    labels = labels_of(held.credentials)
    shown = _columns(template, shape.TEMPLATE)
    return {
        "name": shown.pop("name"),
        "application": state.applications[template.app_id].code,
        **shown,
        **_filled(
            values=_values(state.configuration.get(template.pk, {}).values()),
            credentials=[labels[number] for number in state.assigned.get(template.pk, ()) if number in labels],
        ),
    }


def labels_of(credentials: Iterable[Credential]) -> dict[int, str]:
    """How run templates refer to the credentials of their company: by name, from the second of a name on NAME#2."""
    seen: Counter[str] = Counter()
    labels = {}
    for one in credentials:
        seen[one.name] += 1
        labels[one.pk] = one.name if seen[one.name] == 1 else f"{one.name}#{seen[one.name]}"
    return labels


def _values(rows: Iterable[Any]) -> dict[str, Any]:
    return _sorted({row.name: KEPT_SECRET if row.is_encrypted else row.value for row in rows if row.value is not None})


def _sorted(named: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(named.items()))


def _columns(record: Model, readers: Mapping[str, Any]) -> dict[str, Any]:
    """The plain columns of a record, without those that have their default value."""
    shown = {}
    for name in readers:
        column = shape.COLUMN_OF.get(name, name)
        value = getattr(record, column)
        default = record._meta.get_field(column).get_default()  # type: ignore[union-attr]
        if name in ALWAYS or value not in (default, None, "", []):
            shown[name] = _plain(name, value)
    return {name: value for name, value in shown.items() if value != ""}


def _plain(name: str, value: Any) -> Any:
    if name == "interval":
        return INTERVALS[value].word
    if name == "settings":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _filled(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}
