"""Where stored secrets are sent to.

Who may write a secret but not see it could let the platform send it to a host of theirs, by a check or by a job. So
whoever changes the address gives the secrets again, in the same change. The command line need not: whoever calls it
holds the settings file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import Q

from multiflexi.models import Credential, CredentialType, CredentialTypeValue, CredentialValue, FieldType, TypeValueKind
from multiflexi.record.actor import Actor
from multiflexi.services import credential_fields
from multiflexi.services.credential_fields import UNCHANGED, Fields, KnownField
from multiflexi.services.errors import Invalid, Refused
from multiflexi.services.rights import OF_THE_INSTALLATION

Addresses = dict[str, str]
_NAMES = re.compile(r"(^|_)(HOST|HOSTNAME|SERVER|URL|URI|ADDRESS|PORT|REGISTRY|PROXY)$")
OF_ITSELF = 0
_EMPTY = Q(value=None) | Q(value="")


def is_free(actor: Actor) -> bool:
    """Whether the actor may redirect secrets without knowing them."""
    return actor.origin in OF_THE_INSTALLATION


def of_credential(credential: Credential) -> Addresses:
    """The addresses that a credential has, of its own or by its type."""
    return _by_credential(credential.credential_type, [credential.pk])[credential.pk]


def of_type(kind: CredentialType) -> dict[int, Addresses]:
    """The addresses of a type, under the id 0, and those of its credentials by their ids."""
    return _by_credential(kind, list(kind.credentials.values_list("pk", flat=True)))


def need_secrets_again(
    actor: Actor, credential: Credential, before: Addresses, given: Mapping[str, str | None], files: Iterable[str]
) -> None:
    """Raise Invalid for a credential whose secrets would go elsewhere without being among the values given."""
    moved = [] if is_free(actor) else _moved(before, of_credential(credential))
    if moved:
        rows = CredentialValue.objects.filter(credential=credential, is_encrypted=True)
        _refuse_kept(_kept(rows, [*_told(given), *files]), moved)


def need_secrets_of_type_again(
    actor: Actor, kind: CredentialType, before: Mapping[int, Addresses], given: Mapping[str, str | None]
) -> None:
    """As `need_secrets_again` for a type. Raises Refused when secrets of its credentials would go elsewhere."""
    after = {} if is_free(actor) else of_type(kind)
    moved = {number: names for number, one in after.items() if (names := _moved(before.get(number, {}), one))}
    if OF_ITSELF in moved:
        rows = CredentialTypeValue.objects.filter(credential_type=kind, is_encrypted=True)
        _refuse_kept(_kept(rows, _told(given)), moved[OF_ITSELF])
    secrets = CredentialValue.objects.filter(credential__in=moved.keys(), is_encrypted=True).exclude(_EMPTY)
    row = secrets.select_related("credential").order_by("credential").first()
    if row is not None:
        names = moved[row.credential_id]
        raise Refused(
            f"Credential {row.credential.name} ({row.credential_id}) has secrets, which {' and '.join(names)} of its "
            "type would send elsewhere; give it an address of its own together with its secrets, or change the type on "
            "the command line.",
            "secret_needed_again",
            details={"credential_id": row.credential_id, "addresses": names},
        )


def _by_credential(kind: CredentialType, numbers: list[int]) -> dict[int, Addresses]:
    fields = _addresses(credential_fields.of_type(kind))
    shared = CredentialTypeValue.objects.filter(credential_type=kind, name__in=fields, is_encrypted=False)
    given: Addresses = {name: field.default or "" for name, field in fields.items()}
    fixed: Addresses = {}
    for name, value, sort in shared.exclude(_EMPTY).values_list("name", "value", "kind"):
        (fixed if sort == TypeValueKind.FIXED else given)[name] = value or ""
    found: dict[int, Addresses] = {number: dict(given) for number in (OF_ITSELF, *numbers)}
    own = CredentialValue.objects.filter(credential__in=numbers, name__in=fields, is_encrypted=False).exclude(_EMPTY)
    for number, name, value in own.values_list("credential_id", "name", "value"):
        found[number][name] = value or ""
    return {number: one | fixed for number, one in found.items()}


def _addresses(fields: Fields) -> Fields:
    return {name: field for name, field in fields.items() if _is_address(field)}


def _is_address(field: KnownField) -> bool:
    return not field.secret and (field.type == FieldType.URL or _NAMES.search(field.keyname.upper()) is not None)


def _moved(before: Addresses, after: Addresses) -> list[str]:
    return [name for name, address in after.items() if address != before.get(name, "")]


def _told(given: Mapping[str, str | None]) -> list[str]:
    return [name for name, value in given.items() if value is not None and value not in UNCHANGED]


def _kept(rows: Any, told: Collection[str]) -> list[str]:
    return list(rows.exclude(_EMPTY).exclude(name__in=told).order_by("name").values_list("name", flat=True))


def _refuse_kept(kept: list[str], moved: list[str]) -> None:
    if kept:
        rule = (
            f"a new {' and '.join(moved)} would send the stored value elsewhere; give {' and '.join(kept)} again in "
            "the same change."
        )
        raise Invalid(
            f"{kept[0]}: {rule}", "secret_needed_again", details={"field": kept[0], "rule": rule, "fields": kept}
        )
