"""Exporting applications and credential prototypes: importing the result again changes nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from django.db.models import prefetch_related_objects

from multiflexi.manifests import application_rows, prototype_rows, type_rows
from multiflexi.manifests.application import read_application
from multiflexi.manifests.application_writer import application_document
from multiflexi.manifests.credential import credential_document
from multiflexi.manifests.definitions import ApplicationDefinition
from multiflexi.manifests.findings import Finding, Level, pointer
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.rows import manifest_of
from multiflexi.models import Application, CredentialPrototype, CredentialType


def export_application(app: Application, *, compat: bool = False, warnings: list[Finding] | None = None) -> str:
    """JSON text of an application: keys in the order of the schema, two spaces, UTF-8, final newline.

    `compat` adds the older `cmdparams`. A secret default that did not come from the definition is left out; such
    findings are appended to `warnings`.
    """
    prefetch_related_objects([app], "fields")
    definition = _without_typed_secrets(app, application_rows.load(app), [] if warnings is None else warnings)
    return _text(application_document(definition, manifest_of(app), compat=compat))


def export_prototype(prototype: CredentialPrototype) -> str:
    """JSON text of a credential prototype, written like an application's."""
    return _text(credential_document(Kind.CREDENTIAL_PROTOTYPE, prototype_rows.load(prototype), manifest_of(prototype)))


def export_type(kind: CredentialType) -> str:
    """JSON text of a credential type, without its company and without values."""
    return _text(credential_document(Kind.CREDENTIAL_TYPE, type_rows.load(kind), manifest_of(kind)))


def export_file_name(record: Application | CredentialPrototype | CredentialType) -> str:
    """Usual name of the file: the name in lower case, everything but letters and digits as underscores."""
    endings = {Application: "multiflexi.app", CredentialPrototype: "credprototype", CredentialType: "credential-type"}
    stem = re.sub(r"\W+", "_", record.name.lower()).strip("_") or str(record.uuid)
    return f"{stem}.{endings[type(record)]}.json"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _without_typed_secrets(
    app: Application, definition: ApplicationDefinition, warnings: list[Finding]
) -> ApplicationDefinition:
    manifest = manifest_of(app)
    original = read_application(manifest, Notes()).environment if manifest else {}
    overridden = {row.keyname for row in app.fields.all() if row.secret_override}
    environment = {}
    for key, field in definition.environment.items():
        is_secret = field.secret or key in overridden
        brought = key in original and original[key].default == field.default
        if is_secret and field.default and not brought:
            message = "the default was typed in by an administrator and is secret; it is left out"
            warnings.append(Finding(pointer("environment", key, "defval"), message, Level.ADVICE))
            environment[key] = replace(field, default=None)
        else:
            environment[key] = field
    return replace(definition, environment=environment)
