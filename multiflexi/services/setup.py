"""First set-up of an installation: data keys, kinds of credentials, and the technical account."""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction

from multiflexi.models import User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import prototype_sync
from multiflexi.vault import keyring


class SetUp(NamedTuple):
    """What the call created, what became of the shipped prototypes, and whether somebody can administer the
    installation."""

    created_keys: list[str]
    prototypes: prototype_sync.Synced
    technical_account: str
    administrator: bool


def prepare(actor: Actor) -> SetUp:
    """Create the data keys that are missing and store the shipped credential prototypes; repeating it changes nothing.

    A provider whose prototype cannot be stored is told and stops nothing. Raises VaultError.
    """
    created = create_keys(actor)
    people = User.objects.filter(is_system=False, enabled=True, deleted_at=None)
    return SetUp(created, prototype_sync.sync(actor, only_new=True), User.objects.technical().login, people.exists())


def create_keys(actor: Actor) -> list[str]:
    """Create the data keys that are missing and return their names. Raises VaultError."""
    created = keyring.ensure_keys()
    if created:
        with transaction.atomic():
            audit.write(
                actor,
                "create",
                "EncryptionKey",
                event_type="encryption_key_generated",
                severity="high",
                data={"keys": created},
            )
    return created
