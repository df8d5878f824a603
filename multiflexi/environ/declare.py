"""The declaration of one setting."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

ROLES = ("scheduler", "executor", "eventor", "housekeeper")


class Setting(NamedTuple):
    """One variable of the environment: everything documentation, checks and code need to know about it.

    ``attribute`` is its name among the Django settings, equal to ``name`` unless Django uses that name itself.
    ``roles`` are the daemons that may override it as ``MULTIFLEXI_<ROLE>_…``; ``role_defaults`` differ per daemon.
    ``shortest`` is the least number of characters of a text, blanks around it not counted.
    ``below`` names a setting whose value must be greater. ``live`` settings are taken over from the file on SIGHUP.
    An empty text means "not set" unless ``keeps_empty``.
    """

    name: str
    type: str
    default: Any
    help: str
    group: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    shortest: int = 0
    below: str = ""
    separator: str = ","
    schemes: tuple[str, ...] = ("http", "https")
    aliases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    role_defaults: Mapping[str, Any] = MappingProxyType({})
    live: bool = False
    default_text: str = ""
    attribute: str = ""
    keeps_empty: bool = False

    @property
    def key(self) -> str:
        """Name among the Django settings."""
        return self.attribute or self.name


def group(title: str, *settings: Setting) -> tuple[Setting, ...]:
    """The settings under one title of the reference page."""
    return tuple(setting._replace(group=title) for setting in settings)


def role_name(role: str, name: str) -> str:
    """The override of a shared setting for one daemon: MULTIFLEXI_HOUSEKEEPER_DAEMONIZE."""
    return f"MULTIFLEXI_{role.upper()}_{name.removeprefix('MULTIFLEXI_')}"


def with_overrides(declared: tuple[Setting, ...]) -> tuple[Setting, ...]:
    """The declarations followed by the per-daemon overrides they allow; those have no default of their own."""
    known = {setting.name for setting in declared}
    overrides = [
        setting._replace(
            name=name,
            default=None,
            default_text=setting.name
            if role not in setting.role_defaults
            else f"{setting.name}, else {setting.role_defaults[role]}",
            help=f"{setting.name} for the {role} alone",
            aliases=(),
            roles=(),
            role_defaults=MappingProxyType({}),
            attribute="",
        )
        for setting in declared
        for role in setting.roles
        if (name := role_name(role, setting.name)) not in known
    ]
    return declared + tuple(overrides)
