"""What providers are asked with: each credential in clear, as one job would receive it."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials import registry
from multiflexi.credentials.contract import Given, Provider, Result
from multiflexi.credentials.expanding import Expanded, expand, surroundings
from multiflexi.jobs import credential_values, inputs
from multiflexi.jobs.layers import Offer, Sealed
from multiflexi.models import (
    Availability,
    Credential,
    CredentialType,
    CredentialTypeValue,
    FileStore,
    TypeValueKind,
)
from multiflexi.vault.errors import DecryptionFailed, KeyMissing
from multiflexi.vault.masker import Masker
from multiflexi.vault.secrecy import is_secret_field

log = logging.getLogger(__name__)


class _Unreadable(Exception):
    """A sealed value cannot be opened; the text names it."""


@dataclass(frozen=True)
class Question:
    """One credential for its provider; `refusal` stands for the answer when its values cannot be read.

    A check gets `checked`, the values with their macros expanded, unless `unchecked` stands for its result; `given` are
    the values for `resolve` as they are stored, because those of a job are expanded with all that it gets.
    """

    credential_id: int
    provider: Provider
    given: Given
    checked: Given
    masker: Masker = field(repr=False)
    refusal: Result | None = None
    unchecked: Result | None = None


def provider_of(kind: CredentialType) -> Provider:
    """The provider of a credential type, whose prototype must be loaded."""
    prototype = kind.credential_prototype
    return registry.get((prototype.provider or prototype.code) if prototype else kind.prototype)


def answers_at_launch(kind: CredentialType) -> bool:
    """Whether its provider may have values beyond the stored ones; one that cannot be loaded is asked, and says so.

    So is one that does not say.
    """
    try:
        return bool(getattr(provider_of(kind), "supplies", True))
    except Exception:
        return True


def questions(credentials: Sequence[Credential]) -> dict[int, Question]:
    """A question for each credential by its id, in a constant number of queries; type and prototype must be loaded.

    Raises MasterKeyMissing and MasterKeyWrong, which are the fault of no credential.
    """
    offered = credential_values.offers(credentials)
    internal = _internal({credential.credential_type_id for credential in credentials})
    uploads = _uploads(offer for offers in offered.values() for offer in offers)
    beneath = surroundings(credentials, offered)
    return {
        credential.pk: _question(
            credential,
            offered[credential.pk],
            internal[credential.credential_type_id],
            uploads,
            beneath.offers.get(credential.pk, ()),
        )
        for credential in credentials
    }


def _uploads(offers: Iterable[Offer]) -> Mapping[int, FileStore]:
    """The files behind these offers, secret ones still sealed."""
    ids = [offer.upload_id for offer in offers if offer.upload_id is not None]
    return FileStore.objects.in_bulk(ids) if ids else {}


def _internal(type_ids: Iterable[int]) -> Mapping[int, Sequence[Offer]]:
    """Internal settings by credential type, still sealed."""
    found: dict[int, list[Offer]] = defaultdict(list)
    rows = CredentialTypeValue.objects.filter(credential_type_id__in=type_ids, value__isnull=False)
    for row in rows.filter(kind=TypeValueKind.INTERNAL).order_by("name"):
        place = Sealed(row._meta.db_table, "value", row.pk) if row.is_encrypted else None
        secret = row.is_encrypted or is_secret_field(row.name, row.type)
        offer = Offer(row.name, row.value or "", f"credential_type:{row.credential_type_id}", secret, place, row.type)
        found[row.credential_type_id].append(offer)
    return found


def _question(
    credential: Credential,
    offered: Sequence[Offer],
    internal: Sequence[Offer],
    uploads: Mapping[int, FileStore],
    beneath: Sequence[Offer],
) -> Question:
    try:
        provider = provider_of(credential.credential_type)
    except Exception as error:
        log.exception("the provider of a credential cannot be loaded", extra={"credential": credential.pk})
        told = _("Its provider cannot be loaded (%(kind)s); the log tells more.") % {"kind": type(error).__name__}
        return _unasked(credential, Result(Availability.UNAVAILABLE, told, ttl=0))
    try:
        values = {offer.name: _opened(offer) for offer in offered if offer.upload_id is None}
        settings = {offer.name: _opened(offer) for offer in internal}
        files = {offer.name: _content(offer, uploads) for offer in offered if offer.upload_id is not None}
        expanded = _expanded(offered, values, beneath)
    except _Unreadable as error:
        return _unasked(credential, Result(Availability.MISCONFIGURED, str(error)))
    secrets = {values[offer.name] for offer in offered if offer.secret} | {
        settings[offer.name] for offer in internal if offer.secret
    }
    given = Given(
        values,
        settings,
        options=_options(settings),
        company_id=credential.company_id,
        files=files,
        failures=credential.check_failures,
    )
    masker = Masker({*secrets, *expanded.secrets, *inputs.maskable(files.values())} - {""})
    checked = replace(given, values=expanded.values)
    return Question(credential.pk, provider, given, checked, masker, unchecked=expanded.refusal)


def _expanded(offered: Sequence[Offer], values: Mapping[str, str], beneath: Sequence[Offer]) -> Expanded:
    try:
        return expand(offered, values, beneath)
    except (DecryptionFailed, KeyMissing) as error:
        told = {"error": error}
        raise _Unreadable(
            _("A value that its macros name cannot be decrypted: %(error)s Enter it again.") % told
        ) from None


def _content(offer: Offer, uploads: Mapping[int, FileStore]) -> bytes:
    upload = uploads.get(offer.upload_id or 0)
    try:
        if upload is not None:
            return inputs.content(upload)
        problem = _("The uploaded file of %(name)s is gone. Upload it again.")
    except (DecryptionFailed, KeyMissing):
        problem = _("The uploaded file of %(name)s cannot be decrypted. Upload it again.")
    raise _Unreadable(problem % {"name": offer.name})


def _opened(offer: Offer) -> str:
    try:
        return offer.opened()
    except (DecryptionFailed, KeyMissing) as error:
        told = {"name": offer.name, "error": error}
        raise _Unreadable(_("The value of %(name)s cannot be decrypted: %(error)s Enter it again.") % told) from None


def _options(settings: Mapping[str, str]) -> Mapping[str, Any]:
    """The switches of a type: its internal settings in small letters, which no variable is named in."""
    return {name: _plain(text) for name, text in settings.items() if name.islower()}


def _plain(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _unasked(credential: Credential, refusal: Result) -> Question:
    nothing = Given({})
    return Question(credential.pk, registry.get(registry.COMMON), nothing, nothing, Masker.empty, refusal)
