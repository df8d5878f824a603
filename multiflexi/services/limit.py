"""Named limits: at most so many jobs at once against one thing, for a company or for the whole installation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Prefetch, QuerySet

from multiflexi.jobs.queue import backend
from multiflexi.models import Application, Company, CredentialType, JobLimit, NamedLimit, NamedLimitUser
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup
from multiflexi.services.errors import Conflict, Refused, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible
from multiflexi.services.search import containing

NOUN = "Limit"
User = Application | CredentialType


def query(actor: Actor, *, company: Company | None = None, search: str | None = None) -> QuerySet[NamedLimit]:
    """Limits with what they apply to, the number of jobs that hold a place, and those of the jobs the actor may see.

    Limits of the whole installation are seen by who may see every company.
    """
    rows = visible(NamedLimit, actor).annotate(used=Count("holders__job", distinct=True))
    rows = rows.prefetch_related(
        "users__app",
        "users__credential_type",
        Prefetch("holders", visible(JobLimit, actor).order_by("job_id"), to_attr="seen_holders"),
    )
    if company:
        rows = rows.filter(company=company)
    return containing(rows, search, "name")


def find(actor: Actor, reference: Any) -> NamedLimit:
    """By id, else by name. Raises NotFound, and Refused when several have the name."""
    return lookup.by_id_or(query(actor), NOUN, reference, "name")


def create(
    actor: Actor,
    *,
    name: str,
    maximum: int,
    company: Company | None = None,
    users: Iterable[User] = (),
) -> NamedLimit:
    """Make a limit of a company, or without one of the whole installation, for applications and credential types.

    Jobs claimed from now on take a place; a maximum of 0 stops them. Raises Invalid, Conflict and Refused.
    """
    limit = NamedLimit(name=name.strip(), company=company, maximum=maximum)
    need(actor, "companies.update", limit.company_id)
    _check(limit)
    with _named_once(limit), transaction.atomic():
        limit.save(force_insert=True)
        added = _add(limit, users)
        values = {"name": limit.name, "maximum": maximum, "company_id": limit.company_id}
        audit.write(
            actor,
            "create",
            limit,
            company_id=limit.company_id,
            changes=changes.created(values),
            data={"added": added},
        )
    return limit


def update(
    actor: Actor,
    limit: NamedLimit,
    *,
    add: Iterable[User] = (),
    remove: Iterable[User] = (),
    **values: Any,
) -> bool:
    """Change name, maximum or what the limit applies to, and say whether anything changed.

    Jobs under way keep the places they have. Raises Invalid, Conflict and Refused.
    """
    need(actor, "companies.update", limit.company_id)
    if "name" in values:
        values["name"] = str(values["name"]).strip()
    changes.assign(limit, values)
    _check(limit)
    with _named_once(limit), transaction.atomic():
        stored = _locked(limit)
        changed = changes.assign(stored, values)
        if changed:
            changes.save(stored, changed)
        removed = _remove(limit, remove)
        added = _add(limit, add)
        if not (changed or added or removed):
            return False
        audit.write(
            actor,
            "update",
            limit,
            company_id=limit.company_id,
            changes=changes.for_audit(changed),
            data={"added": added, "removed": removed},
        )
    return True


def remove(actor: Actor, limit: NamedLimit) -> None:
    """Delete a limit; nothing that waits for it has to wait any more. Raises Refused."""
    need(actor, "companies.update", limit.company_id)
    with transaction.atomic():
        # Locked, so that no claim takes a place while the places are deleted.
        limit = _locked(limit)
        audit.write(
            actor,
            "delete",
            limit,
            company_id=limit.company_id,
            changes=changes.for_audit({"name": (limit.name, None), "maximum": (limit.maximum, None)}),
        )
        limit.delete()


def _locked(limit: NamedLimit) -> NamedLimit:
    found = backend().lock_waiting(NamedLimit.objects.filter(pk=limit.pk)).first()
    if found is None:
        raise lookup.not_found(NOUN, f"id {limit.pk}")
    return found


def _check(limit: NamedLimit) -> None:
    if not limit.name:
        raise invalid_field("name", "a limit needs a name; give one.")
    changes.check(limit)


@contextmanager
def _named_once(limit: NamedLimit) -> Iterator[None]:
    """Refuse a name that is taken, also when somebody takes it at this very moment. Raises Conflict."""
    _refuse_duplicate(limit)
    try:
        yield
    except IntegrityError:
        _refuse_duplicate(limit)
        raise


def _refuse_duplicate(limit: NamedLimit) -> None:
    found = NamedLimit.objects.exclude(pk=limit.pk).filter(name=limit.name, company=limit.company_id).first()
    if found:
        raise Conflict(
            f"A limit with name {limit.name} already exists there (id {found.pk}); update it or choose another name.",
            "limit_exists",
            details={"id": found.pk, "field": "name"},
        )


def _add(limit: NamedLimit, users: Iterable[User]) -> list[str]:
    """Apply the limit to more; what it applies to already is left alone. Returns what was added, in words."""
    added = []
    for user in users:
        if isinstance(user, CredentialType) and limit.company_id and user.company_id not in (None, limit.company_id):
            raise Refused(
                f"Credential type {user.name} belongs to another company than limit {limit.name}; choose one of its "
                "own.",
                "foreign_credential_type",
            )
        _row, created = NamedLimitUser.objects.get_or_create(limit=limit, **_reference(user))
        if created:
            added.append(_described(user))
    return added


def _remove(limit: NamedLimit, users: Iterable[User]) -> list[str]:
    found: Sequence[User] = [
        user for user in users if NamedLimitUser.objects.filter(limit=limit, **_reference(user)).delete()[0]
    ]
    return [_described(user) for user in found]


def _reference(user: User) -> dict[str, Any]:
    return {"app": user} if isinstance(user, Application) else {"credential_type": user}


def _described(user: User) -> str:
    return f"{'app' if isinstance(user, Application) else 'credential_type'} {user.pk}"
