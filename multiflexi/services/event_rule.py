"""Event rules: which run template is started by an event, or by the end of another run template's job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs import names
from multiflexi.models import EventOperation, EventRule, EventSource, RunTemplate
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup, run_template
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import need
from multiflexi.services.scope import visible

NOUN = "Event rule"
CAUSES = ("event_source_id", "runtemplate_source_id")
NULLABLE = ("name", "evidence", "debounce_key", "env_mapping", "conditions")


def query(actor: Actor, *, company_id: int | None = None, enabled: bool | None = None) -> QuerySet[EventRule]:
    """Rules whose target belongs to a company the actor sees."""
    rows = visible(EventRule, actor)
    if company_id is not None:
        rows = rows.filter(runtemplate__company_id=company_id)
    return rows if enabled is None else rows.filter(enabled=enabled)


def find(actor: Actor, reference: Any) -> EventRule:
    rows = query(actor).select_related("runtemplate__app", "runtemplate__company")
    return lookup.by_id(rows, NOUN, reference)


def create(actor: Actor, **values: Any) -> EventRule:
    """Make a rule for a target and either an event source or a source run template, given by their ids.

    Raises Invalid, NotFound and Refused.
    """
    if not values.get("runtemplate_id"):
        raise invalid_field("runtemplate_id", "a rule needs the run template that it starts; give its id.")
    given = _usable(values)
    with transaction.atomic():
        rule = EventRule(**given)
        _refuse_unfit(actor, rule)
        changes.check(rule)
        rule.save(force_insert=True)
        audit.write(actor, "create", rule, company_id=rule.runtemplate.company_id, changes=changes.created(given))
    return rule


def update(actor: Actor, rule: EventRule, **values: Any) -> bool:
    """Change a rule and say whether anything changed. Raises Invalid, NotFound and Refused."""
    given = _usable(values)
    with transaction.atomic():
        rule = EventRule.objects.select_for_update().get(pk=rule.pk)
        need(actor, "runtemplates.update", rule.runtemplate.company_id)
        # Giving one cause takes the place of the other.
        if given.get("event_source_id") and "runtemplate_source_id" not in given:
            given["runtemplate_source_id"] = None
        elif given.get("runtemplate_source_id") and "event_source_id" not in given:
            given["event_source_id"] = None
        changed = changes.assign(rule, given)
        _refuse_unfit(actor, rule)
        changes.check(rule)
        if not changed:
            return False
        changes.save(rule, changed)
        audit.write(actor, "update", rule, company_id=rule.runtemplate.company_id, changes=changes.for_audit(changed))
    return True


def remove(actor: Actor, rule: EventRule) -> None:
    company_id = rule.runtemplate.company_id
    need(actor, "runtemplates.update", company_id)
    with transaction.atomic():
        audit.write(
            actor,
            "delete",
            rule,
            company_id=company_id,
            changes=changes.for_audit({"runtemplate_id": (rule.runtemplate_id, None)}),
        )
        rule.delete()


def _refuse_unfit(actor: Actor, rule: EventRule) -> None:
    """One cause, and everything the rule ties together belongs to one company."""
    rule.runtemplate = run_template.find(actor, rule.runtemplate_id)
    company_id = rule.runtemplate.company_id
    need(actor, "runtemplates.update", company_id)
    if bool(rule.event_source_id) == bool(rule.runtemplate_source_id):
        raise invalid_field(
            "event_source_id", "a rule has either an event source or a source run template; give exactly one of them."
        )
    if rule.runtemplate_source_id:
        rule.runtemplate_source = run_template.find(actor, rule.runtemplate_source_id)
        _refuse_foreign(rule.runtemplate, rule.runtemplate_source.company_id)
        if rule.runtemplate_source_id == rule.runtemplate_id:
            raise invalid_field("runtemplate_source_id", "a run template would start itself for ever; choose another.")
    else:
        source = EventSource.objects.filter(pk=rule.event_source_id or 0).first()
        if source is None or source.company_id not in (None, company_id):
            raise lookup.not_found("Event source", f"id {rule.event_source_id}")


def _refuse_foreign(target: RunTemplate, company_id: int) -> None:
    if target.company_id != company_id:
        raise Refused(
            "Both run templates of a rule belong to one company; data would leave the company otherwise.",
            "foreign_company",
        )


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    given = changes.empty_to_none(values, *NULLABLE)
    given |= {name: given[name] or None for name in CAUSES if name in given}
    if given.get("operation", EventOperation.ANY) not in EventOperation.values:
        raise invalid_field("operation", f"use one of {', '.join(EventOperation.values)}.")
    if given.get("env_mapping") is not None:
        given["env_mapping"] = _mapping(given["env_mapping"])
    return given


def _mapping(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise invalid_field("env_mapping", 'write a JSON object of variables and selectors, e.g. {"ID": "recordid"}.')
    for name, selector in given.items():
        if not names.is_possible(name) or names.is_reserved(name) or names.changes_loading(name):
            raise invalid_field("env_mapping", f'"{name}" cannot be a variable of a job; choose another name.')
        if not isinstance(selector, str):
            raise invalid_field("env_mapping", f"the selector of {name} is no text; write a path such as a.b.")
    return dict(given)
