"""Macros in the values that a check gets: expanded as for a job, as far as that is known without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi import environ
from multiflexi.credentials.contract import Result
from multiflexi.credentials.verdicts import unknown
from multiflexi.jobs import names
from multiflexi.jobs.layers import COMPANY, SYSTEM, Offer, Sealed, merge
from multiflexi.jobs.macros import Expansion, MacroError, Raw
from multiflexi.models import Availability, CompanyEnv, Configuration, Credential, RunTemplateCredential
from multiflexi.vault.secrecy import named_like_a_secret

BRACE = "{"


@dataclass(frozen=True)
class Expanded:
    """The values for a check, and what of them is secret by the macros in it; `refusal` stands for the check when it
    could not be made with what a job would get."""

    values: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    refusal: Result | None = None


@dataclass
class Surroundings:
    """Offers of the layers beneath credentials, still sealed, by credential; without those of the run templates that it
    is assigned to, which may differ from each other."""

    offers: Mapping[int, Sequence[Offer]]


def surroundings(credentials: Sequence[Credential], offered: Mapping[int, Sequence[Offer]]) -> Surroundings:
    """What macros of these credentials may name; no query unless one of them has a macro at all."""
    wanted = [one for one in credentials if any(_is_scanned(offer) for offer in offered[one.pk])]
    if not wanted:
        return Surroundings({})
    company: dict[int, list[Offer]] = defaultdict(list)
    for row in CompanyEnv.objects.filter(company_id__in={one.company_id for one in wanted}).order_by("keyword"):
        place = Sealed(row._meta.db_table, "value", row.pk) if row.secret else None
        company[row.company_id].append(Offer(row.keyword, row.value, COMPANY, row.secret, place))
    system = [
        Offer(name, text, SYSTEM)
        for name, text in names.for_jobs(environ.file_values(), settings.MULTIFLEXI_JOB_ENV_DENY).items()
    ]
    own = _names_of_templates([one.pk for one in wanted])
    return Surroundings(
        {
            one.pk: [offer for offer in (*system, *company[one.company_id]) if offer.name not in own[one.pk]]
            for one in wanted
        }
    )


def expand(offers: Sequence[Offer], values: Mapping[str, str], beneath: Iterable[Offer]) -> Expanded:
    """The values with their macros expanded; secret ones are taken as they are. `values` are those of the offers.

    Raises the errors of the vault for a value of another layer that cannot be opened.
    """
    if not any(_is_scanned(offer) for offer in offers):
        return Expanded(values)
    raw = {
        name: Raw(winner.offer.opened(), secret, scanned=not secret)
        for name, winner in merge(beneath, []).items()
        if name not in values
        for secret in [winner.offer.secret or named_like_a_secret(name)]
    }
    own = {offer.name: offer for offer in offers if offer.name in values}
    raw |= {name: Raw(values[name], offer.secret, scanned=not offer.secret) for name, offer in own.items()}
    expansion = Expansion(raw, known=(), render=lambda _name, text: text)
    try:
        found = {name: expansion.value(name) for name in own}
    except MacroError as problem:
        return Expanded(values, refusal=Result(Availability.MISCONFIGURED, str(problem)))
    # Also those of other layers that a macro has brought in.
    secrets = frozenset(filter(None, map(expansion.value, expansion.secret)))
    open_ones = sorted({name for strange in expansion.unknown.values() for name in strange})
    return Expanded(found, secrets, _not_checked(open_ones) if open_ones else None)


def _is_scanned(offer: Offer) -> bool:
    return not offer.secret and offer.sealed is None and BRACE in offer.text


def _names_of_templates(credential_ids: Sequence[int]) -> Mapping[int, set[str]]:
    """Variables that run templates with these credentials set themselves."""
    found: dict[int, set[str]] = defaultdict(set)
    links = RunTemplateCredential.objects.filter(credential_id__in=credential_ids)
    templates: dict[int, list[int]] = defaultdict(list)
    for credential_id, template_id in links.values_list("credential_id", "runtemplate_id"):
        templates[template_id].append(credential_id)
    rows = Configuration.objects.filter(runtemplate_id__in=templates, inactive=False, value__isnull=False)
    for template_id, name in rows.values_list("runtemplate_id", "name"):
        for credential_id in templates[template_id]:
            found[credential_id].add(name)
    return found


def _not_checked(open_ones: Sequence[str]) -> Result:
    return unknown(
        _("Not checked: it contains %(names)s, which is known only when a job starts.")
        % {"names": ", ".join(f"{{{name}}}" for name in open_ones)}
    )
