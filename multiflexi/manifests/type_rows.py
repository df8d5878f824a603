"""Definitions of credential types and the rows that hold them."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from multiflexi.jobs.requirements import canonical
from multiflexi.manifests.credential import read_credential
from multiflexi.manifests.definitions import CredentialDefinition, FieldDefinition
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.rows import field_texts, localized, manifest_of, reconcile, translations
from multiflexi.manifests.texts import base_text
from multiflexi.models import (
    CredentialType,
    CredentialTypeField,
    CredentialTypeFieldTranslation,
    CredentialTypeTranslation,
)


def load(kind: CredentialType) -> CredentialDefinition:
    """What the rows of a type say; the stored manifest adds what has no column."""
    manifest = manifest_of(kind)
    noted = read_credential(Kind.CREDENTIAL_TYPE, manifest, Notes()) if manifest else None
    spoken = {row.lang: row for row in kind.translations.order_by("pk")}
    return CredentialDefinition(
        uuid=UUID(kind.definition_uuid) if kind.definition_uuid else kind.uuid,
        uuid_source=noted.uuid_source if noted else None,
        # The file may call its prototype by an alias.
        code=noted.code if noted and canonical(noted.code) == kind.prototype else kind.prototype,
        name=localized(kind.name, {lang: row.name for lang, row in spoken.items()}),
        description=localized(None, {lang: row.description for lang, row in spoken.items()}),
        version=kind.version,
        fields=_loaded_fields(kind, noted.fields if noted else {}),
    )


def save(kind: CredentialType, definition: CredentialDefinition) -> None:
    """Write a definition into the columns of a type and into its child rows; `kind` is saved too."""
    kind.definition_uuid = str(definition.uuid)
    kind.prototype = canonical(definition.code)
    kind.name = base_text(definition.name)
    kind.version = definition.version
    kind.save()
    reconcile(
        {row.lang: row for row in kind.translations.all()},
        translations({"name": definition.name, "description": definition.description}, always=True),
        lambda lang: CredentialTypeTranslation(credential_type=kind, lang=lang),
    )
    _save_fields(kind, definition.fields)


def _loaded_fields(kind: CredentialType, noted: dict[str, FieldDefinition]) -> dict[str, FieldDefinition]:
    spoken: dict[int, dict[str, CredentialTypeFieldTranslation]] = defaultdict(dict)
    for text in CredentialTypeFieldTranslation.objects.filter(crtypefield__credential_type=kind).order_by("pk"):
        spoken[text.crtypefield_id][text.lang] = text
    return {
        row.keyname: FieldDefinition(
            type="password" if row.type == "secret" else row.type,
            name=localized(None, {lang: text.name for lang, text in spoken[row.pk].items()}),
            description=localized(row.description, {lang: text.description for lang, text in spoken[row.pk].items()}),
            hint=localized(row.hint, {lang: text.hint for lang, text in spoken[row.pk].items()}),
            default=row.defval,
            required=row.required,
            secret=row.secret,
            options=row.options,
            position=index,
            rest=noted[row.keyname].rest if row.keyname in noted else {},
        )
        for index, row in enumerate(kind.fields.order_by("position", "pk"))
    }


def _save_fields(kind: CredentialType, fields: dict[str, FieldDefinition]) -> None:
    desired = {
        key: {
            "type": field.type,
            "description": base_text(field.description),
            "hint": base_text(field.hint),
            "defval": field.default,
            "required": field.required,
            "secret": field.secret,
            "options": field.options,
            "position": field.position,
        }
        for key, field in fields.items()
    }
    rows = reconcile(
        {row.keyname: row for row in kind.fields.all()},
        desired,
        lambda key: CredentialTypeField(credential_type=kind, keyname=key),
    )
    wanted = field_texts(rows, fields, always=True)
    present = CredentialTypeFieldTranslation.objects.filter(crtypefield__credential_type=kind)
    reconcile(
        {(text.crtypefield_id, text.lang): text for text in present},
        wanted,
        lambda key: CredentialTypeFieldTranslation(crtypefield_id=key[0], lang=key[1]),
    )
