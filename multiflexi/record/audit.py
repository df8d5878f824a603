"""The audit trail: one entry for every change, in the transaction of the change."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from multiflexi.models import AuditEntry, AuditOutcome, AuditSeverity, AuditUnsealed, Company
from multiflexi.record.actor import Actor
from multiflexi.record.changes import changes_between
from multiflexi.record.plain import clean_text, plain
from multiflexi.record.proof import sign_entries, verify_entry

__all__ = ("Details", "Entity", "changes_between", "entry", "verify_entry", "write", "write_many")

Entity = Model | tuple[str, int | None] | str


class Details(TypedDict, total=False):
    """What else an entry can say; without `company_id` the entity's company is taken."""

    company_id: int | None
    changes: Mapping[str, Any] | None
    description: str | None
    event_type: str | None
    severity: str
    outcome: str
    data: Mapping[str, Any] | None


def write(actor: Actor, action: str, entity: Entity, **details: Unpack[Details]) -> AuditEntry:
    """Write one entry; call it inside the transaction of the change, which fails when the entry cannot be written.

    Arguments as for `entry`. Without a usable master key it raises a VaultError that names ENCRYPTION_MASTER_KEY
    and the way out: nothing is changed that could not be proven later.
    """
    return write_many([entry(actor, action, entity, **details)])[0]


def write_many(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Write entries made by `entry` with one INSERT, and with another one the list of those not sealed yet.

    Raises as `write` does; then none is written.
    """
    written = list(entries)
    if not written:
        return []
    sign_entries(written)
    # Without a savepoint: a caller that swallowed the error could otherwise commit its change unrecorded.
    with transaction.atomic(savepoint=False):
        _insert(written)
        AuditUnsealed.objects.bulk_create(
            [AuditUnsealed(audit_id=one.pk, created_at=one.created_at) for one in written]
        )
    return written


def entry(actor: Actor, action: str, entity: Entity, **details: Unpack[Details]) -> AuditEntry:
    """An unsaved entry of this moment, for `write_many`.

    `entity` is a saved model instance, its class name and id, or a class name alone for several rows.
    `changes` come from `changes_between`, `data` is masked context. Raises ValueError for an instance without id.
    """
    kind, number, owner = _identified(entity)
    description = details.get("description") or f"{kind} {action}" + (f" #{number}" if number is not None else "")
    company_id = details.get("company_id")
    return AuditEntry(
        user_id=actor.user_id,
        real_user_id=actor.real_user_id,
        token_id=actor.token_id,
        origin=str(actor.origin),
        request_id=clean_text(actor.request_id)[:64] if actor.request_id else None,
        ip_address=clean_text(actor.ip)[:45] if actor.ip else None,
        user_agent=clean_text(actor.agent) if actor.agent else None,
        company_id=owner if company_id is None else company_id,
        entity_type=kind,
        entity_id=number,
        action=action,
        event_type=details.get("event_type") or f"entity_{action}",
        event_description=clean_text(description),
        changes=_json(details.get("changes")),
        additional_data=_json(_data(actor, details)),
        severity=AuditSeverity(details.get("severity", AuditSeverity.LOW)).value,
        outcome=AuditOutcome(details.get("outcome", AuditOutcome.DONE)).value,
        created_at=timezone.now(),
    )


def _data(actor: Actor, details: Details) -> dict[str, Any]:
    data = dict(details.get("data") or {})
    if actor.client:
        data["oauth_client"] = {"id": actor.client.id, "name": clean_text(actor.client.name)}
    return data


def _json(members: Mapping[str, Any] | None) -> Any:
    return plain(members) if members else None


def _insert(entries: list[AuditEntry]) -> None:
    if connection.features.can_return_rows_from_bulk_insert:
        AuditEntry.objects.bulk_create(entries)
        return
    # MySQL does not tell the ids of a bulk INSERT.
    for one in entries:
        one.save(force_insert=True)


def _identified(entity: Entity) -> tuple[str, int | None, int | None]:
    """Class name, id and company of what the entry is about."""
    if isinstance(entity, str):
        return entity, None, None
    if isinstance(entity, tuple):
        return *entity, None
    if entity.pk is None:
        raise ValueError(f"{type(entity).__name__} has no id: write the entry after saving, or before deleting it")
    number = entity.pk if isinstance(entity.pk, int) else None
    owner = number if isinstance(entity, Company) else getattr(entity, "company_id", None)
    # Not the name of its type: the account of a request is a lazy stand-in.
    return str(entity._meta.object_name), number, owner
