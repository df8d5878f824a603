"""The native executor as the settings want it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from multiflexi.executors.native.module import Native


def native() -> Native:
    """Make the executor for this process; a group named in the settings is taken instead of the unit's."""
    group = settings.NATIVE_CONTROL_GROUP
    return Native(
        use_groups=group != "none",
        group=Path(group) if group and group != "none" else None,
        run_as=settings.NATIVE_RUN_AS or None,
    )
