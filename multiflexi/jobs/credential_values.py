"""What assigned credentials offer to a job: fixed value of the type, else the provider's or the credential's own
value, else a default."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import F

from multiflexi.jobs.layers import CREDENTIAL, Offer, Sealed
from multiflexi.models import (
    Credential,
    CredentialPrototypeField,
    CredentialTypeField,
    CredentialTypeValue,
    CredentialValue,
    FieldType,
    TypeValueKind,
)
from multiflexi.vault.secrecy import is_secret_field


class Upload(NamedTuple):
    """A file that is the value of a field."""

    id: int
    file_name: str


class Given(NamedTuple):
    """A value that a provider answered for one variable."""

    text: str
    secret: bool


Answers = Callable[[Sequence[Credential]], Mapping[int, Mapping[str, Given]]]
"""Asks the providers of these credentials; credential id → name → value. It runs outside of transactions."""


def no_answers(credentials: Sequence[Credential]) -> Mapping[int, Mapping[str, Given]]:
    """The stored values are all there is."""
    return {}


@dataclass
class _Kind:
    """What a credential type knows about the variables it provides."""

    types: dict[str, str] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)
    helpers: dict[str, str] = field(default_factory=dict)
    obsolete: set[str] = field(default_factory=set)
    fixed: dict[str, CredentialTypeValue] = field(default_factory=dict)
    defaults: dict[str, CredentialTypeValue] = field(default_factory=dict)
    plain_defaults: dict[str, str] = field(default_factory=dict)

    def declare(self, name: str, type_: str, secret: bool, default: str | None) -> None:
        self.types[name] = type_
        self.obsolete.discard(name)
        if is_secret_field(name, type_, secret or None):
            self.secret.add(name)
        if default:
            self.plain_defaults[name] = default


def offers(credentials: Iterable[Credential], answers: Answers = no_answers) -> dict[int, list[Offer]]:
    """The offers of each credential by its id, names in alphabetical order, in five queries for all of them.

    Values are still sealed, and uploads are named only. `credential_type` must be loaded with each credential.
    """
    distinct = list({credential.pk: credential for credential in credentials}.values())
    if not distinct:
        return {}
    kinds = _kinds(distinct)
    own: dict[int, dict[str, CredentialValue]] = defaultdict(dict)
    uploads: dict[int, dict[str, Upload]] = defaultdict(dict)
    stored = CredentialValue.objects.filter(credential_id__in=[credential.pk for credential in distinct])
    for value in stored.annotate(upload_id=F("upload__id"), upload_name=F("upload__file_name")):
        if value.value is not None:
            own[value.credential_id][value.name] = value
        if value.upload_id is not None:
            uploads[value.credential_id][value.name] = Upload(value.upload_id, value.upload_name)
    answered = answers(distinct)
    return {
        credential.pk: list(
            _Source(
                credential,
                kinds[credential.credential_type_id],
                own[credential.pk],
                uploads[credential.pk],
                answered.get(credential.pk, {}),
            ).offers()
        )
        for credential in distinct
    }


def _kinds(credentials: Sequence[Credential]) -> dict[int, _Kind]:
    kinds: dict[int, _Kind] = defaultdict(_Kind)
    types_of: dict[int, set[int]] = defaultdict(set)
    for credential in credentials:
        if credential.credential_type.credential_prototype_id is not None:
            types_of[credential.credential_type.credential_prototype_id].add(credential.credential_type_id)
    for row in CredentialPrototypeField.objects.filter(credential_prototype_id__in=types_of):
        for type_id in types_of[row.credential_prototype_id]:
            kinds[type_id].declare(row.keyword, row.type, row.secret, row.default_value)
            if row.obsolete:
                kinds[type_id].obsolete.add(row.keyword)
    type_ids = {credential.credential_type_id for credential in credentials}
    for own_field in CredentialTypeField.objects.filter(credential_type_id__in=type_ids):
        kind = kinds[own_field.credential_type_id]
        kind.declare(own_field.keyname, own_field.type, own_field.secret, own_field.defval)
        if own_field.helper:
            kind.helpers[own_field.keyname] = own_field.helper
    stored = CredentialTypeValue.objects.filter(credential_type_id__in=type_ids, value__isnull=False)
    for value in stored.exclude(kind=TypeValueKind.INTERNAL):
        kind = kinds[value.credential_type_id]
        (kind.fixed if value.kind == TypeValueKind.FIXED else kind.defaults)[value.name] = value
    return kinds


@dataclass(frozen=True)
class _Source:
    """Where the values of one credential come from."""

    credential: Credential
    kind: _Kind
    own: Mapping[str, CredentialValue]
    uploads: Mapping[str, Upload]
    answers: Mapping[str, Given]

    def offers(self) -> Iterator[Offer]:
        kind = self.kind
        known = {*kind.fixed, *self.answers, *self.own, *kind.defaults, *kind.plain_defaults, *kind.helpers}
        for name in sorted(known - kind.obsolete):
            found = self._offer(name, name)
            if found is None and name in kind.helpers:
                found = self._offer(kind.helpers[name], name)
            if found is not None:
                yield found

    def _offer(self, name: str, as_name: str) -> Offer | None:
        text, is_secret, place = "", False, None
        fixed, answer = self.kind.fixed.get(name), self.answers.get(name)
        stored = fixed or self.own.get(name) or self.kind.defaults.get(name)
        if fixed is None and answer is not None and answer.text:
            text, is_secret = answer
        elif fixed is None and name in self.uploads:
            return self._file(self.uploads[name], as_name)
        elif stored is not None:
            text = stored.value or ""
            place = Sealed(stored._meta.db_table, "value", stored.pk) if stored.is_encrypted else None
        elif name in self.kind.plain_defaults:
            text = self.kind.plain_defaults[name]
        else:
            return None
        field_type = self.kind.types.get(name)
        return Offer(
            name=as_name,
            text=text,
            source=f"{CREDENTIAL}:{self.credential.pk}",
            secret=is_secret or place is not None or name in self.kind.secret or is_secret_field(name, field_type),
            sealed=place,
            type=field_type,
            version=self.credential.version,
        )

    def _file(self, upload: Upload, as_name: str) -> Offer:
        return Offer(
            name=as_name,
            text=upload.file_name,
            source=f"{CREDENTIAL}:{self.credential.pk}",
            type=FieldType.FILE_PATH,
            version=self.credential.version,
            upload_id=upload.id,
        )
