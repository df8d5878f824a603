"""Layers of the environment and their merge: later wins, and what was overridden is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.jobs import names
from multiflexi.vault import envelope
from multiflexi.vault.errors import DecryptionFailed

SYSTEM, DEFINITION, COMPANY, RUNTEMPLATE, PLATFORM = "system", "definition", "company", "runtemplate", "platform"
# In front of the id of the credential that a value comes from.
CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where an envelope belongs: it opens at this place only."""

    table: str
    field: str
    record: int


@dataclass(frozen=True, slots=True)
class Offer:
    """One value that a layer offers; `sealed` when the text is an envelope. Opened only if it wins.

    With `upload_id` it stands for a file: the text is its name until the job's directory is known.
    """

    name: str
    text: str
    source: str
    secret: bool = False
    sealed: Sealed | None = None
    type: str | None = None
    version: int | None = None
    upload_id: int | None = None

    def opened(self) -> str:
        """The plain text; raises DecryptionFailed and the other errors of the vault."""
        if self.sealed is None and envelope.looks_sealed(self.text):
            raise DecryptionFailed(_("it is an envelope among plain values, so it was sealed for another place."))
        if self.sealed is None or self.text == "":
            return self.text
        place = self.sealed
        return envelope.open_sealed(self.text, table=place.table, field=place.field, record=place.record)


@dataclass(slots=True)
class Winner:
    """The offer that counts, and the sources of the lower ones it overrides, lowest first."""

    offer: Offer
    overridden: list[str]


def merge(offers: Iterable[Offer], warnings: list[str]) -> dict[str, Winner]:
    """Merge offers given from the lowest layer to the highest; refused names and clashes are told in `warnings`."""
    winners: dict[str, Winner] = {}
    for offer in offers:
        refusal = _refusal(offer)
        if refusal:
            warnings.append(refusal)
            continue
        lower = winners.get(offer.name)
        if lower is None:
            winners[offer.name] = Winner(offer, [])
            continue
        if is_credential(lower.offer) and is_credential(offer):
            warnings.append(
                _("%(name)s is offered by %(first)s and by %(second)s; the value of %(second)s counts.")
                % {"name": offer.name, "first": lower.offer.source, "second": offer.source}
            )
        lower.overridden.append(lower.offer.source)
        lower.offer = offer
    return winners


def plain_text(value: Any) -> str:
    """A JSON scalar as the text of a variable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _refusal(offer: Offer) -> str | None:
    if offer.source == PLATFORM:
        return None
    told = {"name": offer.name, "source": offer.source}
    if not names.is_possible(offer.name):
        return _("%(name)r from %(source)s was left out: a variable cannot have this name. Rename it.") % told
    if names.is_reserved(offer.name):
        return (
            _("%(name)s from %(source)s was left out: names beginning with MULTIFLEXI_ belong to the platform.") % told
        )
    if names.changes_loading(offer.name) and offer.source != DEFINITION:
        return (
            _(
                "%(name)s from %(source)s was left out: it changes how programs are loaded, so only the definition of "
                "the application may set it."
            )
            % told
        )
    return None


def is_credential(offer: Offer) -> bool:
    """Whether the value comes from an assigned credential."""
    return names_credential(offer.source)


def names_credential(source: str) -> bool:
    """Whether a source is an assigned credential."""
    return source.startswith(f"{CREDENTIAL}:")
