"""One job's trouble stays its own: what fails for a batch is done for each alone, and who fails alone is set apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from multiflexi.jobs.queue import is_passing
from multiflexi.vault.errors import DecryptionFailed, VaultError

T = TypeVar("T")


def concerns_all(error: Exception) -> bool:
    """Whether an error is no job's own: the database or the master key, without which no job gets on."""
    return is_passing(error) or (isinstance(error, VaultError) and not isinstance(error, DecryptionFailed))


def together(batch: Sequence[T], action: Callable[[Sequence[T]], None], failed: Callable[[T, Exception], None]) -> None:
    """Do it for all at once; when that fails, for each alone, and tell `failed` of those for which it fails again.

    Raises what concerns all.
    """
    if not batch:
        return
    try:
        action(batch)
        return
    except Exception as error:
        if concerns_all(error):
            raise
        if len(batch) == 1:
            failed(batch[0], error)
            return
    for one in batch:
        together([one], action, failed)
