"""Application definitions and the rows that hold them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, TypeVar

from multiflexi.manifests import placeholders
from multiflexi.manifests.application import read_application
from multiflexi.manifests.definitions import (
    ApplicationDefinition,
    ArtifactDefinition,
    ExitCodeDefinition,
    FieldDefinition,
    IngredientDefinition,
    ProductDefinition,
)
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.rows import field_texts, localized, manifest_of, reconcile, translations
from multiflexi.manifests.texts import Texts, base_text
from multiflexi.models import (
    AppArtifact,
    AppArtifactTranslation,
    AppConsumes,
    AppExitCode,
    AppExitCodeTranslation,
    Application,
    ApplicationTranslation,
    AppProduces,
    ConfField,
    ConfFieldTranslation,
    Configuration,
    FileStore,
)

_PLAIN_COLUMNS = [
    "uuid",
    "uuid_source",
    "version",
    "executable",
    "setup",
    "deploy",
    "resultfile",
    "homepage",
    "ociimage",
    "image",
    "requirements",
    "tags",
    "kubernetes",
]

A = TypeVar("A", AppArtifact, ArtifactDefinition)


def load(app: Application) -> ApplicationDefinition:
    """What the rows of an application say; the stored manifest adds what has no column."""
    noted = _noted(app)
    texts = {row.lang: row for row in app.translations.order_by("pk")}
    return ApplicationDefinition(
        **{name: getattr(app, name) for name in _PLAIN_COLUMNS},
        code=app.code,
        name=localized(app.name, {lang: row.name for lang, row in texts.items()}),
        title=localized(app.title, {lang: row.title for lang, row in texts.items()}),
        description=localized(app.description, {lang: row.description for lang, row in texts.items()}),
        cmdparams=placeholders.stored_form(app.cmdparams),
        environment=_loaded_fields(app, noted.environment if noted else {}),
        artifacts=_loaded_artifacts(app, noted.artifacts if noted else []),
        exit_codes=_loaded_exit_codes(app),
        produces={
            row.name: ProductDefinition(
                format=row.format,
                description=_texts(row.description),
                patterns=row.patterns or [],
                fields=row.fields,
                rest=noted.produces[row.name].rest if noted and row.name in noted.produces else {},
            )
            for row in app.produces.order_by("pk")
        },
        consumes={
            row.name: IngredientDefinition(
                format=row.format,
                description=_texts(row.description),
                required=row.required,
                target=row.target_env_key or "",
                fields=row.fields,
                rest=noted.consumes[row.name].rest if noted and row.name in noted.consumes else {},
            )
            for row in app.consumes.order_by("pk")
        },
        rest=noted.rest if noted else {},
        leftover=noted.leftover if noted else {},
    )


def save(app: Application, definition: ApplicationDefinition) -> None:
    """Write a definition into the columns of an application and into its child rows; `app` is saved too."""
    for name in _PLAIN_COLUMNS:
        setattr(app, name, getattr(definition, name))
    app.name = base_text(definition.name)
    app.title = base_text(definition.title) or None
    app.description = base_text(definition.description)
    app.cmdparams = definition.cmdparams
    app.save()
    reconcile(
        {row.lang: row for row in app.translations.all()},
        translations({name: getattr(definition, name) for name in ("name", "title", "description")}),
        lambda lang: ApplicationTranslation(app=app, lang=lang),
    )
    _save_fields(app, definition.environment)
    _save_artifacts(app, definition.artifacts)
    _save_exit_codes(app, definition.exit_codes)
    _save_chaining(app, definition)


def _noted(app: Application) -> ApplicationDefinition | None:
    manifest = manifest_of(app)
    return read_application(manifest, Notes()) if manifest else None


def _texts(value: Any) -> Texts:
    return dict(value) if isinstance(value, dict) else {}


def _loaded_fields(app: Application, noted: dict[str, FieldDefinition]) -> dict[str, FieldDefinition]:
    rows = sorted((row for row in app.fields.all() if not row.obsolete), key=lambda row: (row.position, row.pk))
    spoken: dict[int, dict[str, ConfFieldTranslation]] = defaultdict(dict)
    for text in ConfFieldTranslation.objects.filter(conffield__app=app).order_by("pk"):
        spoken[text.conffield_id][text.lang] = text
    return {
        row.keyname: FieldDefinition(
            type="password" if row.type == "secret" else row.type,
            category=row.category,
            note=row.note,
            default=row.defval,
            required=row.required,
            secret=row.secret,
            multiline=row.multiline,
            expiring=row.expiring,
            options=row.options,
            position=index,
            rest=noted[row.keyname].rest if row.keyname in noted else {},
            name=localized(row.name, {lang: text.name for lang, text in spoken[row.pk].items()}),
            description=localized(row.description, {lang: text.description for lang, text in spoken[row.pk].items()}),
            hint=localized(row.hint, {lang: text.hint for lang, text in spoken[row.pk].items()}),
        )
        for index, row in enumerate(rows)
    }


def _save_fields(app: Application, fields: dict[str, FieldDefinition]) -> None:
    desired = {
        key: {
            "type": field.type,
            "category": field.category,
            "name": base_text(field.name) or None,
            "description": base_text(field.description),
            "hint": base_text(field.hint),
            "note": field.note,
            "defval": field.default,
            "required": field.required,
            "secret": field.secret,
            "multiline": field.multiline,
            "expiring": field.expiring,
            "options": field.options,
            "position": field.position,
            "obsolete": False,
        }
        for key, field in fields.items()
    }
    rows = reconcile(
        {row.keyname: row for row in app.fields.all()},
        desired,
        lambda key: ConfField(app=app, keyname=key),
        delete=lambda gone: _retire_fields(app, gone),
    )
    wanted = field_texts(rows, fields)
    present = ConfFieldTranslation.objects.filter(conffield__in=[row.pk for row in rows.values()])
    reconcile(
        {(text.conffield_id, text.lang): text for text in present},
        wanted,
        lambda key: ConfFieldTranslation(conffield_id=key[0], lang=key[1]),
    )


def _retire_fields(app: Application, gone: list[ConfField]) -> None:
    """Fields that left the definition: kept as obsolete while run templates have values for them."""
    names = [row.keyname for row in gone]
    in_use = {
        *Configuration.objects.filter(runtemplate__app=app, name__in=names).values_list("name", flat=True),
        *FileStore.objects.filter(runtemplate__app=app, field__in=names).values_list("field", flat=True),
    }
    kept = [row.pk for row in gone if row.keyname in in_use and not row.obsolete]
    unused = [row.pk for row in gone if row.keyname not in in_use]
    if kept:
        ConfField.objects.filter(pk__in=kept).update(obsolete=True)
    if unused:
        ConfField.objects.filter(pk__in=unused).delete()


def _loaded_artifacts(app: Application, noted: list[ArtifactDefinition]) -> list[ArtifactDefinition]:
    spoken: dict[int, dict[str, AppArtifactTranslation]] = defaultdict(dict)
    for text in AppArtifactTranslation.objects.filter(app_artifact__app=app).order_by("pk"):
        spoken[text.app_artifact_id][text.lang] = text
    rows = _by_path(app.artifact_definitions.order_by("pk"))
    # Rows have no position: their order is that of the manifest, and ids stay with their paths.
    order = [*(key for key in _by_path(noted) if key in rows), *rows]
    return [
        ArtifactDefinition(
            path=row.path,
            type=row.type,
            name={lang: text.name for lang, text in spoken[row.pk].items() if text.name},
            description={lang: text.description for lang, text in spoken[row.pk].items() if text.description},
        )
        for row in (rows[key] for key in dict.fromkeys(order))
    ]


def _by_path(artifacts: Iterable[A]) -> dict[tuple[str, int], A]:
    """Promised files by path; one that is promised repeatedly is numbered."""
    found: dict[tuple[str, int], A] = {}
    counts: Counter[str] = Counter()
    for artifact in artifacts:
        found[artifact.path, counts[artifact.path]] = artifact
        counts[artifact.path] += 1
    return found


def _save_artifacts(app: Application, artifacts: list[ArtifactDefinition]) -> None:
    wanted_artifacts = _by_path(artifacts)
    rows = reconcile(
        _by_path(app.artifact_definitions.order_by("pk")),
        {key: {"type": artifact.type} for key, artifact in wanted_artifacts.items()},
        lambda key: AppArtifact(app=app, path=key[0]),
    )
    wanted = {
        (rows[key].pk, lang): values
        for key, artifact in wanted_artifacts.items()
        for lang, values in translations(
            {"name": artifact.name, "description": artifact.description}, always=True
        ).items()
    }
    present = AppArtifactTranslation.objects.filter(app_artifact__app=app)
    reconcile(
        {(text.app_artifact_id, text.lang): text for text in present},
        wanted,
        lambda key: AppArtifactTranslation(app_artifact_id=key[0], lang=key[1]),
    )


def _loaded_exit_codes(app: Application) -> dict[int, ExitCodeDefinition]:
    spoken: dict[int, Texts] = defaultdict(dict)
    for text in AppExitCodeTranslation.objects.filter(app_exit_code__app=app).order_by("pk"):
        spoken[text.app_exit_code_id][text.lang] = text.description
    return {
        row.exit_code: ExitCodeDefinition(description=spoken[row.pk], severity=row.severity, retry=row.retry)
        for row in app.exit_codes.order_by("exit_code")
    }


def _save_exit_codes(app: Application, codes: dict[int, ExitCodeDefinition]) -> None:
    rows = reconcile(
        {row.exit_code: row for row in app.exit_codes.all()},
        {code: {"severity": one.severity, "retry": one.retry} for code, one in codes.items()},
        lambda code: AppExitCode(app=app, exit_code=code),
    )
    wanted = {
        (rows[code].pk, lang): {"description": text}
        for code, definition in codes.items()
        for lang, text in definition.description.items()
    }
    present = AppExitCodeTranslation.objects.filter(app_exit_code__app=app)
    reconcile(
        {(text.app_exit_code_id, text.lang): text for text in present},
        wanted,
        lambda key: AppExitCodeTranslation(app_exit_code_id=key[0], lang=key[1]),
    )


def _save_chaining(app: Application, definition: ApplicationDefinition) -> None:
    reconcile(
        {row.name: row for row in app.produces.all()},
        {
            name: {
                "format": product.format,
                "description": product.description or None,
                "patterns": product.patterns or None,
                "fields": product.fields,
            }
            for name, product in definition.produces.items()
        },
        lambda name: AppProduces(app=app, name=name),
    )
    reconcile(
        {row.name: row for row in app.consumes.all()},
        {
            name: {
                "format": ingredient.format,
                "description": ingredient.description or None,
                "required": ingredient.required,
                "target_env_key": ingredient.target or None,
                "fields": ingredient.fields,
            }
            for name, ingredient in definition.consumes.items()
        },
        lambda name: AppConsumes(app=app, name=name),
    )
