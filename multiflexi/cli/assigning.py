"""Credentials of run templates on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.output.results import Done, Rows

if TYPE_CHECKING:
    from multiflexi.models import RunTemplate

COLUMNS = ("id", "credentials_id", "credential_name", "credential_prototype", "credential_type_name")


def assign(call: Call, template: RunTemplate) -> Done:
    """Assign a credential, telling what it replaces and overrides."""
    from multiflexi.services import credential, credential_assignment

    found = credential.find(call.reader, call.need("credential_id"))
    outcome = credential_assignment.assign(call.actor, template, found, position=call["position"])
    if outcome.replaced:
        call.warn(f"Warning: it takes the place of credential {', '.join(map(str, outcome.replaced))}")
    if outcome.resting:
        call.warn(f"Warning: values of the run template rest while it is assigned: {', '.join(outcome.resting)}")
    call.warn_all(outcome.clashes)
    data = {
        "status": "ok",
        "runtemplate_id": template.pk,
        "credential_id": found.pk,
        "prototype": found.credential_type.prototype,
    }
    done = "assigned to" if outcome.changed else "is assigned already to"
    return Done(data, f"Credential {found.pk} {done} run template {template.pk}")


def unassign(call: Call, template: RunTemplate) -> Done:
    """Unassign a credential; one that is not assigned, or does not exist, is no failure."""
    from multiflexi.services import credential, credential_assignment, lookup
    from multiflexi.services.errors import NotFound

    reference = call.need("credential_id")
    number: Any = int(reference) if lookup.is_id(reference) else None
    try:
        found = credential.find(call.reader, reference)
        number, removed = found.pk, credential_assignment.unassign(call.actor, template, found)
    except NotFound:
        removed = False
    data = {"status": "ok" if removed else "not_found", "runtemplate_id": template.pk, "credential_id": number}
    done = "unassigned from" if removed else "is not assigned to"
    return Done(data, f"Credential {reference} {done} run template {template.pk}")


def assigned(call: Call, template: RunTemplate) -> Rows:
    """The credentials of a run template, the one that counts most last."""
    from multiflexi.services import credential_assignment, shadowing
    from multiflexi.services.presenters.credential import assignment

    call.warn_all(shadowing.clashes(template))
    return Rows(map(assignment, credential_assignment.query(call.reader, template)), COLUMNS)
