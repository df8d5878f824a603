"""Codes that stand in for a second factor, each of them once; kept as keyed hashes."""

from __future__ import annotations

import secrets

from django.utils import timezone

from multiflexi.models import RecoveryCode, User
from multiflexi.vault import keyed

CODES = 10
CODE_LENGTH = 8
# Without letters and digits that look alike.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PURPOSE = "recovery code"


def left(user: User) -> int:
    """How many were not used yet."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def replace(user: User) -> list[str]:
    """New ones instead of those there are; call it in the transaction that writes the audit entry."""
    codes = ["".join(secrets.choice(CODE_LETTERS) for _place in range(CODE_LENGTH)) for _number in range(CODES)]
    key = keyed.current_key()
    remove(user)
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=keyed.code(key, PURPOSE, f"{user.pk}:{code}")) for code in codes
    )
    return codes


def remove(user: User) -> None:
    """Forget them all."""
    RecoveryCode.objects.filter(user=user).delete()


def take(user_id: int, code: str) -> bool:
    """Mark a right one as used. Another host may be doing the same: one of both wins."""
    hashes = keyed.codes(PURPOSE, f"{user_id}:{code}")
    unused = RecoveryCode.objects.filter(user_id=user_id, used_at=None, code_hash__in=hashes)
    return bool(unused.update(used_at=timezone.now()))
