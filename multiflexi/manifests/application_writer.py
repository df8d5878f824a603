"""Application definitions: from canonical form to a JSON object in the order of the schema."""

from __future__ import annotations

from typing import Any

from multiflexi.manifests import placeholders, schema
from multiflexi.manifests.aliases import modernised
from multiflexi.manifests.definitions import (
    ApplicationDefinition,
    ArtifactDefinition,
    ExitCodeDefinition,
    IngredientDefinition,
    ProductDefinition,
)
from multiflexi.manifests.fields import write_field
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.texts import Texts, written

# Order of the published schema, then the keys in use beside the schema.
_ORDER = [
    "$schema",
    "schemaVersion",
    "uuid",
    "name",
    "title",
    "description",
    "version",
    "executable",
    "cmdparamsTemplate",
    "cmdparams",
    "environment",
    "requirements",
    "ociimage",
    "image",
    "homepage",
    "tags",
    "author",
    "license",
    "category",
    "artifacts",
    "exitCodes",
    "produces",
    "consumes",
    "events",
    "kubernetes",
    "setup",
    "deploy",
    "resultfile",
    "code",
]

# Empty texts that a file may hold without breaking a pattern or format.
_MAY_BE_EMPTY = ("image", "cmdparamsTemplate", "setup", "deploy", "resultfile")


def application_document(
    definition: ApplicationDefinition, original: dict[str, Any] | None = None, *, compat: bool = False
) -> dict[str, Any]:
    """JSON object of an application; where the original manifest says the same, its notation is kept.

    `compat` adds the argument template in the older notation under its older key.
    """
    model = schema.schema(Kind.APPLICATION)
    base = modernised(original, Notes()) if original else {}
    values: dict[str, Any] = {
        "$schema": base.get("$schema", model.rules["$id"]),
        "schemaVersion": model.version,
        "uuid": definition.uuid_source or str(definition.uuid),
        "name": written(definition.name, base.get("name")),
        "description": written(definition.description, base.get("description")),
        "executable": definition.executable,
        "environment": _environment(definition, base.get("environment", {})),
        **definition.rest,
        **_optional(definition, base),
    }
    if compat and definition.cmdparams:
        values["cmdparams"] = definition.cmdparams
    return {key: values[key] for key in (*_ORDER, *values) if key in values}


def _optional(definition: ApplicationDefinition, base: dict[str, Any]) -> dict[str, Any]:
    texts = {
        "version": definition.version,
        "cmdparamsTemplate": placeholders.exported_form(definition.cmdparams),
        "ociimage": definition.ociimage,
        "image": definition.image,
        "homepage": definition.homepage,
        "setup": definition.setup,
        "deploy": definition.deploy,
        "resultfile": definition.resultfile,
        "code": definition.code if "code" in base else "",
    }
    found: dict[str, Any] = {
        key: text for key, text in texts.items() if text or (key in _MAY_BE_EMPTY and base.get(key) == "")
    }
    lists: dict[str, Any] = {
        "requirements": definition.requirements,
        "tags": definition.tags,
        "artifacts": _artifacts(definition.artifacts, base.get("artifacts", [])),
        "exitCodes": _exit_codes(definition.exit_codes, base.get("exitCodes", {})),
        "produces": _products(definition, base.get("produces", {})),
        "consumes": _ingredients(definition, base.get("consumes", {})),
        "kubernetes": definition.kubernetes,
    }
    found |= {key: value for key, value in lists.items() if value or (value is not None and base.get(key) == value)}
    if definition.title or base.get("title") == "":
        found["title"] = written(definition.title, base.get("title"))
    return found


def _environment(definition: ApplicationDefinition, original: dict[str, Any]) -> dict[str, Any]:
    ordered = sorted(definition.environment.items(), key=lambda item: item[1].position)
    fields = {key: write_field(Kind.APPLICATION, key, field, _member(original, key)) for key, field in ordered}
    return {**fields, **definition.leftover.get("environment", {})}


def _member(original: Any, key: Any) -> dict[str, Any]:
    """The object under a key of the original, or an empty one."""
    try:
        value = original[key]
    except (KeyError, IndexError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}


def _artifacts(artifacts: list[ArtifactDefinition], original: Any) -> list[dict[str, Any]]:
    result = []
    for index, artifact in enumerate(artifacts):
        before = _member(original, index)
        entry = {"name": written(artifact.name, before.get("name")), "path": artifact.path, "type": artifact.type}
        result.append(entry | _description(artifact.description, before))
    return result


def _description(description: Texts, before: dict[str, Any]) -> dict[str, Any]:
    if not description and before.get("description") != "":
        return {}
    return {"description": written(description, before.get("description"))}


def _exit_codes(codes: dict[int, ExitCodeDefinition], original: Any) -> dict[str, Any]:
    result = {}
    for code, definition in sorted(codes.items()):
        before = _member(original, str(code))
        entry: dict[str, Any] = {"description": written(definition.description, before.get("description"))}
        if definition.severity != "error" or "severity" in before:
            entry["severity"] = definition.severity
        if definition.retry is not None:
            entry["retry"] = definition.retry
        result[str(code)] = entry
    return result


def _products(definition: ApplicationDefinition, original: Any) -> dict[str, Any]:
    written_ones = {name: _product(product, _member(original, name)) for name, product in definition.produces.items()}
    return {**written_ones, **definition.leftover.get("produces", {})}


def _product(product: ProductDefinition, before: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"format": product.format, **_description(product.description, before)}
    if product.patterns or "patterns" in before:
        entry["patterns"] = product.patterns
    if product.fields is not None:
        entry["fields"] = product.fields
    return entry | product.rest


def _ingredients(definition: ApplicationDefinition, original: Any) -> dict[str, Any]:
    written_ones = {
        name: _ingredient(ingredient, _member(original, name)) for name, ingredient in definition.consumes.items()
    }
    return {**written_ones, **definition.leftover.get("consumes", {})}


def _ingredient(ingredient: IngredientDefinition, before: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"format": ingredient.format, **_description(ingredient.description, before)}
    if not ingredient.required or "required" in before:
        entry["required"] = ingredient.required
    if ingredient.target:
        entry["target"] = ingredient.target
    if ingredient.fields is not None:
        entry["fields"] = ingredient.fields
    return entry | ingredient.rest
