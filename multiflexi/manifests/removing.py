"""Removing applications and credential prototypes that a file or a person names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.reports import Removal, RemovalReport
from multiflexi.manifests.validation import analyse
from multiflexi.models import ACTIVE_STATES, Application, CredentialPrototype, Job, RunTemplate
from multiflexi.record import audit
from multiflexi.record.actor import Actor

Sees = Callable[[int | None], bool]
"""Whether whoever removes something may know of the rows of a company, by its id."""


def everything(_company_id: int | None) -> bool:
    """As the one who has the installation."""
    return True


def remove_application(
    subject: bytes | UUID | Application,
    *,
    actor: Actor,
    origin: str = "",
    purge: bool = False,
    sees: Sees = everything,
) -> RemovalReport:
    """Remove the application of a definition file, with a uuid, or given as it is.

    Refused while run templates use it. With history it is retired: disabled and hidden, kept for reports; `purge`
    deletes the history too, unless a job is still running. A file that matches nothing removes nothing. Of companies
    that the actor does not see only the number of users is told.
    """
    uuid = _uuid_of(subject, origin)
    if isinstance(uuid, RemovalReport):
        return uuid
    with transaction.atomic():
        app = Application.objects.select_for_update().filter(uuid=uuid).first()
        if app is None or (app.retired_at is not None and not purge):
            return RemovalReport(Removal.NOTHING, f"No application has the uuid {uuid}; nothing was removed.")
        return _removed(app, actor, purge=purge, sees=sees)


def remove_prototype(prototype: CredentialPrototype, *, actor: Actor, sees: Sees = everything) -> RemovalReport:
    """Delete a credential prototype; refused while credential types are made from it, told as above."""
    with transaction.atomic():
        types = _told(((one.company_id, str(one)) for one in prototype.types.order_by("name", "pk")), sees)
        if types:
            message = (
                f"Credential prototype {prototype.code} is used by the credential types {', '.join(types)}; "
                "delete them first."
            )
            return RemovalReport(Removal.REFUSED, message, prototype, types)
        audit.write(actor, "delete", prototype, data={"uuid": str(prototype.uuid), "code": prototype.code})
        prototype.delete()
    return RemovalReport(Removal.REMOVED, f"Credential prototype {prototype.code} was removed.", prototype)


def _told(users: Iterable[tuple[int | None, str]], sees: Sees) -> list[str]:
    """The users by name, and how many there are in companies that are not seen."""
    found = list(users)
    named = [name for company_id, name in found if sees(company_id)]
    others = len(found) - len(named)
    return [*named, f"{others} of other companies"] if others else named


def uuid_in(data: bytes, origin: str, kind: Kind) -> UUID | RemovalReport:
    """The uuid, given or derived, that a file defines a record of this kind under; else why nothing is removed."""
    analysis = analyse(data, origin)
    if analysis.definition is None or analysis.kind is not kind:
        wanted = kind.with_article
        what = f"is no usable definition of {wanted}"
        if analysis.kind is not kind:
            what = f"defines {analysis.kind.with_article} and not {wanted}"
        return RemovalReport(Removal.NOTHING, f"{origin} {what}; nothing was removed.")
    return analysis.definition.uuid


def _uuid_of(subject: bytes | UUID | Application, origin: str) -> UUID | RemovalReport:
    if isinstance(subject, Application):
        return subject.uuid
    if isinstance(subject, UUID):
        return subject
    return uuid_in(subject, origin, Kind.APPLICATION)


def _removed(app: Application, actor: Actor, *, purge: bool, sees: Sees) -> RemovalReport:
    templates = app.runtemplates.filter(archived_at=None).select_related("company").order_by("pk")
    names = ((one.company_id, f"{one.name} ({one.company.name}, id {one.pk})") for one in templates)
    users = _told(names, sees)
    if users:
        message = f"Application {app.name} is used by the run templates {', '.join(users)}; delete them first."
        return RemovalReport(Removal.REFUSED, message, app, users)
    jobs = Job.objects.filter(app=app)
    if purge and jobs.filter(status__in=[*ACTIVE_STATES]).exists():
        return RemovalReport(Removal.REFUSED, f"A job of application {app.name} is running; stop it first.", app)
    history = {"jobs": jobs.count(), "run templates": RunTemplate.objects.filter(app=app).count()}
    facts = {"uuid": str(app.uuid), "name": app.name, **{noun: number for noun, number in history.items() if number}}
    if any(history.values()) and not purge:
        app.enabled, app.retired_at = False, timezone.now()
        app.updated_at = app.retired_at
        app.save(update_fields=["enabled", "retired_at", "updated_at"])
        audit.write(actor, "retire", app, data=facts, severity="medium")
        return RemovalReport(Removal.RETIRED, f"Application {app.name} was retired; its history stays.", app)
    audit.write(actor, "purge" if any(history.values()) else "delete", app, data=facts, severity="high")
    jobs.delete()
    RunTemplate.objects.filter(app=app).delete()
    app.delete()
    result = Removal.PURGED if any(history.values()) else Removal.REMOVED
    return RemovalReport(result, f"Application {app.name} was removed.", app)
