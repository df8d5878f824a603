"""Fields of a credential type: those of its prototype and those it adds or changes; and values that fit them."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials import registry
from multiflexi.jobs import fields as typed
from multiflexi.models import (
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialType,
    CredentialTypeField,
    FieldType,
)
from multiflexi.services.errors import Invalid, invalid_field
from multiflexi.vault.forms import is_maskable
from multiflexi.vault.secrecy import MASK, NOT_SET, is_secret_field, named_like_a_secret

INTERNAL = "internal"
UNCHANGED = ("", MASK, NOT_SET)
# No variable of a job is named like this.
SWITCH = re.compile("[a-z][a-z0-9_]*")

log = logging.getLogger(__name__)

Values = Mapping[str, str | None]


@dataclass(slots=True)
class KnownField:
    """What is asked for under one name; an internal field stays on the type and reaches no job."""

    keyname: str
    type: str
    name: str = ""
    description: str = ""
    options: Any = None
    required: bool = False
    secret: bool = False
    expiring: bool = False
    internal: bool = False
    default: str | None = None


Fields = dict[str, KnownField]


def of_type(kind: CredentialType) -> Fields:
    """The fields of a type by name, in their order; those that left the definition of the prototype are not among
    them."""
    prototype = kind.credential_prototype
    given = () if prototype is None else prototype.fields.filter(obsolete=False).order_by("position", "pk")
    return _merged(kind, given, kind.fields.order_by("position", "pk"))


def of_types(kinds: Sequence[CredentialType]) -> dict[int, Fields]:
    """The fields of several types by id, in two queries; their prototypes must be loaded."""
    wanted = {kind.credential_prototype_id for kind in kinds}
    given: dict[int | None, list[CredentialPrototypeField]] = defaultdict(list)
    own: dict[int, list[CredentialTypeField]] = defaultdict(list)
    rows = CredentialPrototypeField.objects.filter(credential_prototype_id__in=wanted, obsolete=False)
    for row in rows.order_by("position", "pk"):
        given[row.credential_prototype_id].append(row)
    ids = [kind.pk for kind in kinds]
    for added in CredentialTypeField.objects.filter(credential_type_id__in=ids).order_by("position", "pk"):
        own[added.credential_type_id].append(added)
    return {kind.pk: _merged(kind, given[kind.credential_prototype_id], own[kind.pk]) for kind in kinds}


def _merged(
    kind: CredentialType, given: Iterable[CredentialPrototypeField], own: Iterable[CredentialTypeField]
) -> Fields:
    fields = {} if kind.credential_prototype is None else dict(_of_prototype(kind.credential_prototype, given))
    for row in own:
        base = fields.get(row.keyname, KnownField(row.keyname, row.type))
        fields[row.keyname] = replace(
            base,
            type=row.type,
            description=row.description or base.description,
            options=row.options or base.options,
            required=row.required or base.required,
            secret=base.secret or is_secret_field(row.keyname, row.type, row.secret or None),
            default=row.defval or base.default,
        )
    return fields


def _of_prototype(
    prototype: CredentialPrototype, rows: Iterable[CredentialPrototypeField]
) -> Iterator[tuple[str, KnownField]]:
    internal = _internal_names(prototype)
    for row in rows:
        yield (
            row.keyword,
            KnownField(
                keyname=row.keyword,
                type=row.type,
                name=row.name or "",
                description=row.description,
                options=row.options,
                required=row.required,
                secret=is_secret_field(row.keyword, row.type, row.secret or None),
                expiring=row.expiring,
                internal=row.keyword in internal,
                default=row.default_value,
            ),
        )


def _internal_names(prototype: CredentialPrototype) -> set[str]:
    """Fields that stay on the type, by the definition or by its provider; older files say nothing of them."""
    manifest: Any = prototype.manifest
    try:
        shipped = registry.get(prototype.code).definition()
    except Exception:
        log.exception("a credential provider cannot be loaded", extra={"provider": prototype.code})
        shipped = {}
    return {*((manifest or {}).get(INTERNAL) or ()), *(shipped.get(INTERNAL) or ())}


def with_switches(fields: Fields, names: Iterable[str]) -> Fields:
    """Also the names in small letters: switches of a type such as `allow_http`, which its provider understands."""
    switches = [name for name in names if name not in fields and SWITCH.fullmatch(name)]
    return fields | {
        name: KnownField(name, FieldType.TEXT, secret=named_like_a_secret(name), internal=True) for name in switches
    }


def checked(kind: CredentialType, fields: Fields, given: Values, stored: Values) -> dict[str, str | None]:
    """The values to write: texts replace, None clears; an empty text or a mask for a secret keeps what is stored.

    `stored` are the present values by name. Raises Invalid that names field and rule, never the value.
    """
    wanted: dict[str, str | None] = {}
    for name, value in given.items():
        field = fields.get(name)
        if field is None:
            if value is None and name in stored:
                wanted[name] = None
                continue
            known = ", ".join(fields) or "none; import the definition of its prototype"
            raise invalid_field(name, f"credential type {kind.name} has no such field; its fields: {known}.")
        if value is None:
            wanted[name] = None
        elif not (field.secret and value in UNCHANGED):
            wanted[name] = _fitting(field, value, stored.get(name))
    return wanted


def hints(fields: Fields, given: Values) -> list[str]:
    """What is to be told about secrets that are too short or too common to be masked in the output of jobs."""
    return [
        _("%(name)s is shorter than 4 characters or a common word: it will not be masked in the output of jobs.")
        % {"name": name}
        for name, value in given.items()
        if value and value not in UNCHANGED and name in fields and fields[name].secret and not is_maskable(value)
    ]


def _fitting(field: KnownField, value: str, stored: str | None) -> str:
    try:
        if field.secret and value != stored:
            typed.refuse_long_secret(field.keyname, value)
        return typed.validate(field, value, stored)
    except typed.FieldError as error:
        raise Invalid(str(error), "invalid_value", details={"field": field.keyname, "rule": str(error)}) from None
