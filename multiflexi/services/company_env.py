"""Variables that every job of a company gets."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs import fields, names
from multiflexi.models import Company, CompanyEnv, RunTemplate
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes
from multiflexi.services.errors import invalid_field
from multiflexi.services.lookup import not_found
from multiflexi.services.rights import need
from multiflexi.services.schedules import refresh
from multiflexi.vault import envelope, secrecy
from multiflexi.vault.errors import VaultError

LONGEST_NAME = 255


def query(company: Company) -> QuerySet[CompanyEnv]:
    return CompanyEnv.objects.filter(company=company).order_by("keyword")


def set_value(actor: Actor, company: Company, keyword: str, value: str, *, secret: bool | None = None) -> CompanyEnv:
    """Store a variable; a secret one is sealed. A mask written back, or nothing for a secret, changes nothing.

    `secret` None keeps what is stored, and for a new variable lets its name decide. Raises Invalid.
    """
    need(actor, "companies.update", company.pk)
    _check_keyword(keyword)
    with transaction.atomic():
        entry = CompanyEnv.objects.select_for_update().filter(company=company, keyword=keyword).first()
        hidden = _hidden(entry, keyword, secret)
        if entry and entry.secret and hidden and value in ("", secrecy.MASK, secrecy.NOT_SET):
            return entry
        if hidden:
            _refuse_long(keyword, value)
        created = entry is None
        entry = entry or CompanyEnv.objects.create(company=company, keyword=keyword, secret=hidden)
        before = None if entry.secret else entry.value or None
        entry.secret = hidden
        entry.value = _sealed(entry, value) if hidden else value
        entry.save(update_fields=["value", "secret"])
        _after_change(company)
        audit.write(
            actor,
            "create" if created else "update",
            entry,
            company_id=company.pk,
            changes=changes.for_audit({keyword: (before, value)}, secret=[keyword] if hidden else ()),
        )
    return entry


def change(actor: Actor, company: Company, values: Mapping[str, str | None]) -> None:
    """Store several variables and remove those without a value, all of them or none. Raises Invalid."""
    known = set(query(company).filter(keyword__in=list(values)).values_list("keyword", flat=True))
    with transaction.atomic():
        need(actor, "companies.update", company.pk)
        for keyword, value in values.items():
            if value is not None:
                set_value(actor, company, keyword, value)
            elif keyword in known:
                unset(actor, company, keyword)


def plain(entry: CompanyEnv) -> str:
    """The value in clear. Raises a VaultError."""
    if not entry.secret:
        return entry.value
    return envelope.open_sealed(entry.value, table="company_env", field="value", record=entry.pk)


def unset(actor: Actor, company: Company, keyword: str) -> None:
    """Remove a variable. Raises NotFound."""
    need(actor, "companies.update", company.pk)
    with transaction.atomic():
        entry = CompanyEnv.objects.filter(company=company, keyword=keyword).first()
        if entry is None:
            raise not_found("Variable", f"name {keyword} of company {company.slug or company.pk}")
        audit.write(actor, "delete", entry, company_id=company.pk, data={"keyword": keyword})
        entry.delete()
        _after_change(company)


def known(entry: CompanyEnv) -> str | None:
    """The plain value; an unreadable one counts as none, so that it can be replaced."""
    if not entry.secret:
        return entry.value
    try:
        return envelope.open_sealed(entry.value, table="company_env", field="value", record=entry.pk)
    except VaultError:
        return None


def _check_keyword(keyword: str) -> None:
    if not names.is_possible(keyword):
        # Behind an equals sign stands a value, which may be secret.
        shown = keyword.partition("=")[0]
        raise invalid_field("key", f'"{shown}" cannot be the name of a variable; use letters, digits and underscores.')
    if len(keyword) > LONGEST_NAME:
        raise invalid_field("key", f"the name of a variable has at most {LONGEST_NAME} characters, not {len(keyword)}.")
    if names.is_reserved(keyword):
        raise invalid_field("key", "names that begin with MULTIFLEXI_ belong to the platform; use another one.")
    if names.changes_loading(keyword):
        raise invalid_field("key", f"{keyword} changes how programs are loaded; only a definition may set it.")


def _refuse_long(keyword: str, value: str) -> None:
    try:
        fields.refuse_long_secret(keyword, value)
    except fields.FieldError as error:
        raise invalid_field("value", str(error)) from None


def _hidden(entry: CompanyEnv | None, keyword: str, secret: bool | None) -> bool:
    if secret is not None:
        return secret
    return entry.secret if entry else secrecy.named_like_a_secret(keyword)


def _sealed(entry: CompanyEnv, value: str) -> str:
    return envelope.seal(
        value, key="default", table="company_env", field="value", record=entry.pk, company_id=entry.company_id
    )


def _after_change(company: Company) -> None:
    """A required value may have come or gone."""
    refresh(RunTemplate.objects.filter(company=company))
