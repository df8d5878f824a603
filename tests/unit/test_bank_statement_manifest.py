"""What the manifest of the bank statement reader says of it, in both languages."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "examples" / "bank-statement"
SCHEMAS = ROOT / "multiflexi" / "manifests" / "schemas"
MANIFEST = json.loads((HOME / "bank-statement.multiflexi.app.json").read_text(encoding="utf-8"))


def test_the_manifest_is_valid_bilingual_and_has_its_icon() -> None:
    schema = json.loads((SCHEMAS / "application.json").read_text(encoding="utf-8"))
    assert list(Draft7Validator(schema, format_checker=FormatChecker()).iter_errors(MANIFEST)) == []
    assert (HOME / f"{MANIFEST['uuid']}.svg").read_text().startswith("<svg")

    def texts(node: Any) -> None:
        if isinstance(node, dict):
            if "en" in node or "cs" in node:
                assert sorted(node) == ["cs", "en"] and all(node.values())
            for key, value in node.items():
                assert key not in ("name", "description", "hint", "title") or isinstance(value, dict)
                texts(value)
        elif isinstance(node, list):
            for value in node:
                texts(value)

    texts(MANIFEST)
