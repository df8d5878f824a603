"""Prototypes of the providers that are installed: their shipped definitions, stored like imported files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from multiflexi.credentials import registry
from multiflexi.manifests import importing
from multiflexi.manifests.reports import ImportReport, Result
from multiflexi.models import CredentialPrototype
from multiflexi.record.actor import Actor


@dataclass
class Synced:
    """How many providers there were, and what became of their definitions; `problems` in words."""

    processed: int = 0
    created: int = 0
    updated: int = 0
    errors: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)


def sync(actor: Actor, *, dry_run: bool = False, only_new: bool = False) -> Synced:
    """Store the definition of every provider; equal ones, and providers without a definition, are skipped.

    With `only_new` a definition that was stored before is not looked at again, whatever was changed by hand since.
    Fields that credentials have values for are never deleted. One provider's trouble is told and stops no other.
    """
    outcome = Synced()
    known = dict(CredentialPrototype.objects.values_list("provider", "manifest")) if only_new else {}
    for code in registry.names():
        outcome.processed += 1
        try:
            definition = dict(registry.get(code).definition())
        except Exception as error:
            outcome.errors += 1
            outcome.problems.append(f"{code}: the provider cannot be loaded ({type(error).__name__})")
            continue
        if not definition or definition == known.get(code):
            outcome.skipped += 1
            continue
        _count(outcome, code, _stored(actor, code, definition, dry_run=dry_run))
    return outcome


def _stored(actor: Actor, code: str, definition: dict[str, object], *, dry_run: bool) -> ImportReport:
    content = json.dumps(definition, ensure_ascii=False).encode()
    report = importing.import_prototype(content, f"provider {code}", actor=actor, dry_run=dry_run)
    if isinstance(report.record, CredentialPrototype) and not dry_run and report.record.provider != code:
        CredentialPrototype.objects.filter(pk=report.record.pk).update(provider=code)
    return report


def _count(outcome: Synced, code: str, report: ImportReport) -> None:
    if report.result == Result.CREATED:
        outcome.created += 1
    elif report.result == Result.UPDATED:
        outcome.updated += 1
    elif report.result == Result.UNCHANGED:
        outcome.skipped += 1
    else:
        outcome.errors += 1
        outcome.problems += [f"{code}: {finding.sentence}" for finding in report.errors]
