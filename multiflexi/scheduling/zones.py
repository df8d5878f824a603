"""Time zones by name, and the zone of the installation."""

from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

ETC = Path("/etc")


class ZoneError(ValueError):
    """A time zone name that the system's time-zone data do not know."""

    def __init__(self, name: str, setting: str | None = None):
        self.name = name
        subject = f"{setting}={name!r}" if setting else f"{name!r}"
        super().__init__(
            f"Time zone {subject}: no such zone in the time-zone data. Use an IANA name such as Europe/Prague or UTC."
        )


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises ZoneError. The same name always gives the same object, so zones can be compared by identity.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError, TypeError):
        # ZoneInfo reports a folder, a path outside and an unknown name by three different exceptions.
        raise ZoneError(name) from None


def installation_zone(configured: str | None = None, *, etc: Path = ETC) -> ZoneInfo:
    """The zone of the installation: the setting, else /etc/timezone, else the link /etc/localtime, else UTC.

    Raises ZoneError for a wrong configured name; what the system files say is skipped when it is not a zone.
    """
    if configured and configured.strip():
        try:
            return zone(configured.strip())
        except ZoneError:
            raise ZoneError(configured.strip(), setting="MULTIFLEXI_TIMEZONE") from None
    for name in (_name_in_file(etc / "timezone"), _name_in_link(etc / "localtime")):
        if name:
            try:
                return zone(name)
            except ZoneError:
                continue
    return zone("UTC")


def _name_in_file(path: Path) -> str | None:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    names = (line.split("#")[0].strip() for line in lines)
    return next((name for name in names if name), None)


def _name_in_link(path: Path) -> str | None:
    try:
        target = path.readlink().as_posix()
    except OSError:
        return None
    _, found, name = target.partition("zoneinfo/")
    return name.removeprefix("posix/") if found else None
