"""First set-up of an installation: data keys and the technical account."""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction

from multiflexi.models import User
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.vault import keyring


class SetUp(NamedTuple):
    """What the call created, and whether somebody can administer the installation."""

    created_keys: list[str]
    technical_account: str
    administrator: bool


def prepare(actor: Actor) -> SetUp:
    """Create the data keys that are missing; repeating it changes nothing. Raises VaultError."""
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
    people = User.objects.filter(is_system=False, enabled=True, deleted_at=None)
    return SetUp(created, User.objects.technical().login, people.exists())
