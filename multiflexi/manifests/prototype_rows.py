"""Definitions of credential prototypes and the rows that hold them."""

from __future__ import annotations

from collections import defaultdict

from multiflexi.manifests.credential import read_credential
from multiflexi.manifests.definitions import CredentialDefinition, FieldDefinition
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.rows import field_texts, localized, manifest_of, reconcile, translations
from multiflexi.manifests.texts import base_text
from multiflexi.models import (
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialPrototypeFieldTranslation,
    CredentialPrototypeTranslation,
    CredentialTypeValue,
    CredentialValue,
)

_PLAIN_COLUMNS = ("uuid", "uuid_source", "code", "version", "url", "homepage", "logo", "tags")


def load(prototype: CredentialPrototype) -> CredentialDefinition:
    """What the rows of a prototype say; the stored manifest adds what has no column."""
    manifest = manifest_of(prototype)
    noted = read_credential(Kind.CREDENTIAL_PROTOTYPE, manifest, Notes()) if manifest else None
    spoken = {row.lang: row for row in prototype.translations.order_by("pk")}
    return CredentialDefinition(
        **{name: getattr(prototype, name) for name in _PLAIN_COLUMNS},
        name=localized(prototype.name, {lang: row.name for lang, row in spoken.items()}),
        description=localized(prototype.description, {lang: row.description for lang, row in spoken.items()}),
        fields=_loaded_fields(prototype, noted.fields if noted else {}),
        rest=noted.rest if noted else {},
    )


def save(prototype: CredentialPrototype, definition: CredentialDefinition) -> None:
    """Write a definition into the columns of a prototype and into its child rows; `prototype` is saved too."""
    for name in _PLAIN_COLUMNS:
        setattr(prototype, name, getattr(definition, name))
    prototype.name = base_text(definition.name)
    prototype.description = base_text(definition.description)
    prototype.save()
    reconcile(
        {row.lang: row for row in prototype.translations.all()},
        translations({"name": definition.name, "description": definition.description}),
        lambda lang: CredentialPrototypeTranslation(credential_prototype=prototype, lang=lang),
    )
    _save_fields(prototype, definition.fields)


def _loaded_fields(prototype: CredentialPrototype, noted: dict[str, FieldDefinition]) -> dict[str, FieldDefinition]:
    spoken: dict[int, dict[str, CredentialPrototypeFieldTranslation]] = defaultdict(dict)
    for text in CredentialPrototypeFieldTranslation.objects.filter(
        credential_prototype_field__credential_prototype=prototype
    ).order_by("pk"):
        spoken[text.credential_prototype_field_id][text.lang] = text
    return {
        row.keyword: FieldDefinition(
            type="password" if row.type == "secret" else row.type,
            default=row.default_value,
            required=row.required,
            secret=row.secret,
            expiring=row.expiring,
            options=row.options,
            position=index,
            rest=noted[row.keyword].rest if row.keyword in noted else {},
            name=localized(row.name, {lang: text.name for lang, text in spoken[row.pk].items()}),
            description=localized(row.description, {lang: text.description for lang, text in spoken[row.pk].items()}),
            hint=localized(row.hint, {lang: text.hint for lang, text in spoken[row.pk].items()}),
        )
        for index, row in enumerate(prototype.fields.filter(obsolete=False).order_by("position", "pk"))
    }


def _save_fields(prototype: CredentialPrototype, fields: dict[str, FieldDefinition]) -> None:
    desired = {
        key: {
            "type": field.type,
            "name": base_text(field.name) or None,
            "description": base_text(field.description),
            "hint": base_text(field.hint),
            "default_value": field.default,
            "required": field.required,
            "secret": field.secret,
            "expiring": field.expiring,
            "options": field.options,
            "position": field.position,
            "obsolete": False,
        }
        for key, field in fields.items()
    }
    rows = reconcile(
        {row.keyword: row for row in prototype.fields.all()},
        desired,
        lambda key: CredentialPrototypeField(credential_prototype=prototype, keyword=key),
        delete=lambda gone: _retire_fields(prototype, gone),
    )
    wanted = field_texts(rows, fields)
    present = CredentialPrototypeFieldTranslation.objects.filter(
        credential_prototype_field__in=[row.pk for row in rows.values()]
    )
    reconcile(
        {(text.credential_prototype_field_id, text.lang): text for text in present},
        wanted,
        lambda key: CredentialPrototypeFieldTranslation(credential_prototype_field_id=key[0], lang=key[1]),
    )


def _retire_fields(prototype: CredentialPrototype, gone: list[CredentialPrototypeField]) -> None:
    """Fields that left the definition: kept as obsolete while types or credentials have values for them."""
    names = [row.keyword for row in gone]
    values = CredentialValue.objects.filter(
        credential__credential_type__credential_prototype=prototype, name__in=names
    ).values_list("name", flat=True)
    settings = CredentialTypeValue.objects.filter(
        credential_type__credential_prototype=prototype, name__in=names
    ).values_list("name", flat=True)
    in_use = {*values, *settings}
    kept = [row.pk for row in gone if row.keyword in in_use and not row.obsolete]
    unused = [row.pk for row in gone if row.keyword not in in_use]
    if kept:
        CredentialPrototypeField.objects.filter(pk__in=kept).update(obsolete=True)
    if unused:
        CredentialPrototypeField.objects.filter(pk__in=unused).delete()
