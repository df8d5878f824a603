"""The database, its tables, the keys and the audit trail in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from multiflexi import environ
from multiflexi.jobs.queue import backend
from multiflexi.models import AuditUnsealed
from multiflexi.services.doctor.finding import Finding, broken, doubtful, well
from multiflexi.vault import keyring

# The scheduler seals within seconds; so long nobody does.
UNSEALED_FOR = timedelta(minutes=5)


def reachable(timeout: float) -> Iterator[Finding]:
    """Whether the database answers."""
    try:
        environ.require_database()
        connection.ensure_connection()
        version = ".".join(map(str, connection.get_database_version()))
    except (DatabaseError, environ.SettingsError) as error:
        yield broken(
            "connection",
            _("the database cannot be used: %(reason)s") % {"reason": " ".join(str(error).split())},
            _("correct DB_DATABASE, or put a backup in the place of the file")
            if connection.vendor == "sqlite"
            else _("start the server, or correct DB_HOST, DB_PORT, DB_DATABASE, DB_USERNAME and DB_PASSWORD"),
        )
        return
    yield well("connection", f"{connection.display_name} {version}")


def migrated(timeout: float) -> Iterator[Finding]:
    """Whether the tables are those of this version."""
    loader = MigrationLoader(connection)
    known = {key for key in loader.graph.nodes if key[0] == "multiflexi"}
    applied = {key for key in loader.applied_migrations if key[0] == "multiflexi"}
    if pending := sorted(name for _app, name in known - applied):
        text = _("%(number)d migrations are not applied, the first is %(name)s")
        yield broken("tables", text % {"number": len(pending), "name": pending[0]}, _("run multiflexi-cli setup"))
    elif strange := sorted(name for _app, name in applied - known):
        yield broken(
            "tables",
            _("the database belongs to a newer version (%(name)s)") % {"name": strange[-1]},
            _("install that version on this host, too"),
        )
    else:
        yield well("tables", _("up to date (%(name)s)") % {"name": max(name for _app, name in known)})


def keys(timeout: float) -> Iterator[Finding]:
    """Whether secrets can be sealed and opened."""
    found = keyring.status()
    if found.problem:
        yield broken("keys", found.problem, _("see multiflexi-cli encryption:status"))
    else:
        yield well("keys", _("master key and %(number)d data keys are usable") % {"number": found.active_keys})
    if settings.ENCRYPTION_MASTER_KEY_PREVIOUS:
        yield doubtful(
            "master key",
            _("the previous master key is still configured"),
            _("finish with encryption:rotate --master, then remove ENCRYPTION_MASTER_KEY_PREVIOUS"),
        )


def sealed(timeout: float) -> Iterator[Finding]:
    """Whether entries of the audit trail are chained soon after they are written."""
    oldest = AuditUnsealed.objects.order_by("pk").first()
    if oldest and backend().now() - oldest.created_at > UNSEALED_FOR:
        yield doubtful(
            "audit trail",
            _("%(number)d entries are not sealed, the oldest since %(time)s")
            % {"number": AuditUnsealed.objects.count(), "time": f"{oldest.created_at:%Y-%m-%d %H:%M:%S} UTC"},
            _("start multiflexi-scheduler, which seals them; audit:verify checks the trail"),
        )
    else:
        yield well("audit trail", _("sealed"))
