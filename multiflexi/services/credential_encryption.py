"""Sealing secrets of credentials and credential types that lie open, as old data and hand-made rows do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs.queue import backend
from multiflexi.models import CredentialType, CredentialTypeValue, CredentialValue
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import credential_fields, sealed_values
from multiflexi.vault import envelope, keyring
from multiflexi.vault.errors import VaultError
from multiflexi.vault.secrecy import named_like_a_secret

Place = tuple[type[sealed_values.Row], int, int | None]


@dataclass
class Count:
    """How many values were looked at, how many lay open, and what became of those."""

    scanned: int = 0
    to_encrypt: int = 0
    encrypted: int = 0
    failed: int = 0


def encrypt_existing(
    actor: Actor, *, batch_size: int = 200, dry_run: bool = False, told: Callable[[Count], object] = lambda count: None
) -> Count:
    """Seal every secret that lies open, a batch per transaction; `told` hears after each one.

    Raises a VaultError before anything is changed when nothing could be sealed.
    """
    keyring.current(keyring.CREDENTIALS)
    count = Count()
    open_ones = _open(count)
    while batch := list(islice(open_ones, max(batch_size, 1))):
        count.to_encrypt += len(batch)
        if not dry_run:
            _seal(actor, batch, count)
        told(count)
    return count


def _open(count: Count) -> Iterator[Place]:
    """Secret values that are not sealed, type by type; counts all values on the way."""
    for kind in CredentialType.objects.select_related("credential_prototype").order_by("pk"):
        fields = credential_fields.of_type(kind)
        own = CredentialValue.objects.filter(credential__credential_type=kind)
        shared = CredentialTypeValue.objects.filter(credential_type=kind)
        count.scanned += own.count() + shared.count()
        for rows, company in ((own, "credential__company_id"), (shared, "credential_type__company_id")):
            found = rows.filter(is_encrypted=False).exclude(value=None).exclude(value="").order_by("pk")
            for number, name, owner in list(found.values_list("pk", "name", company)):
                field = fields.get(name)
                if field.secret if field else named_like_a_secret(name):
                    yield rows.model, number, owner


def _seal(actor: Actor, batch: list[Place], count: Count) -> None:
    sealed: dict[str, list[int]] = defaultdict(list)
    with transaction.atomic():
        for model, number, company_id in batch:
            rows: QuerySet[Any] = model._default_manager.filter(pk=number, is_encrypted=False)
            row: sealed_values.Row | None = backend().lock_waiting(rows).first()
            if row is None or not row.value:
                continue
            try:
                # A value may be an envelope already, and only not be marked as one.
                text = _plain(row)
            except VaultError:
                count.failed += 1
                continue
            row.save(update_fields=sealed_values.put(row, text, secret=True, company_id=company_id))
            sealed[model.__name__].append(number)
            count.encrypted += 1
        audit.write_many(
            [audit.entry(actor, "encrypt", name, severity="medium", data={"ids": ids}) for name, ids in sealed.items()]
        )


def _plain(row: sealed_values.Row) -> str:
    text = row.value or ""
    if not envelope.looks_sealed(text):
        return text
    return envelope.open_sealed(text, table=row._meta.db_table, field=sealed_values.COLUMN, record=row.pk)
