"""Companies: the tenants everything else is scoped to."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from multiflexi.models import Company, CompanyRole, CompanyUser, Contact, RunTemplate
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup, storable
from multiflexi.services.company_removal import dependants, remove_with_dependants
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import OF_THE_INSTALLATION, need
from multiflexi.services.schedules import refresh
from multiflexi.services.scope import sees, visible
from multiflexi.services.search import containing

NOUN = "Company"
SLUG_LENGTH = 64
# It may begin with what derived slugs do, of names such as "Česká pekárna".
SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
NULLABLE = ("ic", "dic", "email", "phone", "zabbix_host", "timezone", "language", "color", "max_running")
NEVER_NULL = ("logo", "slug")
EMPTY_MEANS_UNCHANGED = ("enabled", "created_at", "updated_at")


def query(actor: Actor, *, enabled: bool | None = None, search: str | None = None) -> QuerySet[Company]:
    rows = visible(Company, actor)
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return containing(rows, search, "name", "slug", "ic")


def find(actor: Actor, reference: Any) -> Company:
    """By id, or by slug when the reference is no number. Raises NotFound."""
    return lookup.by_id_or(visible(Company, actor), NOUN, reference, "slug")


def find_by(actor: Actor, **keys: Any) -> Company:
    """By the first given of `id`, `ic`, `name`, `slug`, in the caller's order. Raises NotFound or Invalid."""
    for name, wanted in keys.items():
        if wanted not in (None, ""):
            rows = visible(Company, actor)
            return find(actor, wanted) if name == "id" else lookup.by_key(rows, NOUN, **{name: wanted})
    raise invalid_field("id", f"one of {', '.join(keys)} is needed to select the company.")


def create(actor: Actor, **values: Any) -> Company:
    """Create a company whose administrator its creator becomes; a missing slug is derived from the name.

    Raises Invalid and Conflict.
    """
    need(actor, "companies.create")
    values = _usable(values)
    name = str(values.get("name") or "").strip()
    if not name:
        raise invalid_field("name", "a company needs a name; give one.")
    with transaction.atomic():
        _refuse_duplicate(actor, name=name)
        values["slug"] = _own_slug(actor, values["slug"]) if values.get("slug") else _derived_slug(name)
        company = Company(**{**values, "name": name})
        changes.check(company)
        company.save(force_insert=True)
        audit.write(actor, "create", company, company_id=company.pk, changes=changes.created(values))
        if actor.user_id and actor.origin not in OF_THE_INSTALLATION:
            CompanyUser.objects.create(company=company, user_id=actor.user_id, role=CompanyRole.ADMIN)
    return company


def update(actor: Actor, company: Company, **values: Any) -> bool:
    """Change a company and say whether anything changed. Raises Invalid and Conflict."""
    need(actor, "companies.update", company.pk)
    values = _usable(values)
    with transaction.atomic():
        company.refresh_from_db(from_queryset=Company.objects.select_for_update())
        if "name" in values:
            if not str(values["name"] or "").strip():
                raise invalid_field("name", "a company needs a name; give one.")
            _refuse_duplicate(actor, company, name=values["name"])
        if values.get("slug"):
            values["slug"] = _own_slug(actor, values["slug"], company)
        changed = changes.assign(company, values)
        if not changed:
            return False
        changes.check(company)
        changes.save(company, changed)
        templates = RunTemplate.objects.filter(company=company)
        if "enabled" in changed:
            refresh(templates)
        if "timezone" in changed:
            # Those with a zone of their own keep their next slot, which may be due at this moment.
            refresh(templates.filter(Q(timezone=None) | Q(timezone="")), cadence_changed=True)
        audit.write(actor, "update", company, company_id=company.pk, changes=changes.for_audit(changed))
    return True


def remove(actor: Actor, company: Company, *, cascade: bool = False) -> dict[str, int]:
    """Delete a company and, with `cascade`, everything that belongs to it; returns what was counted.

    Raises Refused with the list of dependants without `cascade`, and while jobs of the company are under way.
    """
    need(actor, "companies.delete", company.pk)
    counts = {noun: number for noun, number in dependants(company).items() if number}
    if counts and not cascade:
        listed = ", ".join(f"{number} {noun}" for noun, number in counts.items())
        raise Refused(
            f"Company {company.name} still has {listed}; delete them first, or disable the company.",
            "company_has_dependants",
            details={"dependants": counts},
        )
    with transaction.atomic():
        audit.write(
            actor,
            "delete",
            company,
            company_id=company.pk,
            changes=changes.for_audit({"name": (company.name, None)}),
            severity="high",
            data={"dependants": counts},
        )
        remove_with_dependants(company)
    return counts


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    given = changes.empty_to_none(values, *NULLABLE, "settings", "customer")
    given = {name: one for name, one in given.items() if not (name in EMPTY_MEANS_UNCHANGED and one in (None, ""))}
    given = {name: "" if one is None and name in NEVER_NULL else one for name, one in given.items()}
    if given.get("settings") is not None:
        given["settings"] = storable.settings(given["settings"])
    if "customer" in given:
        number = given.pop("customer")
        if number is not None and not Contact.objects.filter(pk=number).exists():
            raise invalid_field("customer", f"there is no contact {number}; give the id of one or leave it empty.")
        given["customer_id"] = number
    return given


def _refuse_duplicate(actor: Actor, company: Company | None = None, **key: Any) -> None:
    """A company that the caller does not see is not told by its id."""
    others = Company.objects.exclude(pk=company.pk) if company else Company.objects.all()
    ((name, wanted),) = key.items()
    found = others.filter(**key).first()
    if found:
        what = f"A company with {name} {wanted}"
        raise lookup.taken(what, found, seen=sees(actor, found), code="company_exists", field=name)


def _own_slug(actor: Actor, slug: str, company: Company | None = None) -> str:
    if len(slug) > SLUG_LENGTH or not SLUG.fullmatch(slug):
        raise invalid_field(
            "slug", f"use at most {SLUG_LENGTH} letters, digits, dots, dashes and underscores, e.g. acme."
        )
    _refuse_duplicate(actor, company, slug=slug)
    return slug


def _derived_slug(name: str) -> str:
    base = re.sub(r"[^a-z0-9]", "_", name.lower())[: SLUG_LENGTH - 4]
    slug, number = base, 1
    while Company.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}_{number}"
    return slug
