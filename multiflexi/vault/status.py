"""What the key ring looks like, for `encryption:status`, health and doctor."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from multiflexi.models import EncryptionKey
from multiflexi.vault import master, wrapping
from multiflexi.vault.errors import VaultError
from multiflexi.vault.names import INSTALLATION_NAMES


@dataclass(frozen=True)
class KeyState:
    """One row of the key ring, without key material."""

    id: int
    key_name: str
    company_id: int | None
    version: int
    algorithm: str
    created_at: datetime
    rotated_at: datetime | None
    is_active: bool
    usable: bool


@dataclass(frozen=True)
class KeyRingStatus:
    """`master_key` is `configured` or `missing`; `problem` says why secrets cannot be used, None when they can."""

    master_key: str
    master_key_id: str | None
    keys: list[KeyState]
    problem: str | None

    @property
    def active_keys(self) -> int:
        """How many keys are used for writing."""
        return sum(key.is_active for key in self.keys)


def status() -> KeyRingStatus:
    """Look at master key and key ring; raises nothing but database errors."""
    rows = list(EncryptionKey.objects.order_by("key_name", "company_id", "version"))
    try:
        master_key = master.current()
    except VaultError as error:
        return KeyRingStatus("missing", None, [_state(row, False) for row in rows], str(error))
    problems = [_problem_of(row, master_key) for row in rows]
    keys = [_state(row, problem is None) for row, problem in zip(rows, problems, strict=True)]
    first = next(filter(None, problems), None) or _missing_keys(rows)
    return KeyRingStatus("configured", master_key.id, keys, first)


def _state(row: EncryptionKey, usable: bool) -> KeyState:
    return KeyState(
        id=row.pk,
        key_name=row.key_name,
        company_id=row.company_id,
        version=row.version,
        algorithm=row.algorithm,
        created_at=row.created_at,
        rotated_at=row.rotated_at,
        is_active=row.is_active,
        usable=usable,
    )


def _problem_of(row: EncryptionKey, master_key: master.MasterKey) -> str | None:
    try:
        wrapping.unwrapped(row, master_key)
    except VaultError as error:
        return str(error)
    return None


def _missing_keys(rows: list[EncryptionKey]) -> str | None:
    present = {row.key_name for row in rows if row.company_id is None and row.is_active}
    missing = [name for name in INSTALLATION_NAMES if name not in present]
    if not missing:
        return None
    return _("Data keys are missing: {names}. Run `multiflexi-cli setup`, which creates them.").format(
        names=", ".join(missing)
    )
