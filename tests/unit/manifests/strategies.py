"""Definition files of every shape that an import accepts."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
WORD = st.text("abcXYZ019_-.", min_size=1, max_size=12)
LANGUAGES = st.sampled_from(["en", "cs", "de", "uk"])
LOCALIZED = st.one_of(TEXT, st.dictionaries(LANGUAGES, TEXT, min_size=1, max_size=3))
NAME = st.one_of(TEXT.filter(str.strip), st.dictionaries(LANGUAGES, TEXT.filter(bool), min_size=1, max_size=3))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(WORD, children, max_size=3),
    max_leaves=6,
)
KEY = st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True)
TEMPLATE = st.lists(
    st.sampled_from(["{FOO}", "${BAR}", "{{", "}}", "$", "$${X}", "--name=", "a b", "'{Y}'", "{}", "{lower}"]),
    max_size=5,
).map(" ".join)


def members(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=optional)


_TYPES = "string text password email url integer float bool set file-path number boolean odd"
_PROTOTYPE_TYPES = "string password email url integer boolean select textarea file number secret float"
TYPES = st.sampled_from(_TYPES.split())
PROTOTYPE_TYPES = st.sampled_from(_PROTOTYPE_TYPES.split())

FIELD = members(
    type=TYPES,
    category=st.sampled_from(["API", "Database", "Other"]),
    name=LOCALIZED,
    description=LOCALIZED,
    hint=LOCALIZED,
    note=TEXT,
    defval=st.none() | st.booleans() | st.integers(-999, 999) | st.floats(-9, 9) | TEXT | st.just("True"),
    required=st.booleans(),
    secret=st.booleans(),
    options=st.dictionaries(WORD, TEXT, max_size=3) | st.lists(WORD, max_size=3),
    future=JSON,
)
ARTIFACT = st.fixed_dictionaries(
    {"name": NAME, "path": TEXT.filter(bool), "type": WORD}, optional={"description": LOCALIZED}
)
EXIT_CODE = st.fixed_dictionaries(
    {"description": LOCALIZED},
    optional={"retry": st.booleans(), "severity": st.sampled_from(["success", "info", "warning", "error", "critical"])},
)
FORMAT = st.sampled_from(["file", "json", "text", "url", "custom"])
PRODUCT = st.fixed_dictionaries(
    {}, optional={"format": FORMAT, "description": LOCALIZED, "patterns": st.lists(TEXT, max_size=2), "future": JSON}
)
INGREDIENT = st.fixed_dictionaries(
    {"format": FORMAT}, optional={"description": LOCALIZED, "required": st.booleans(), "target": KEY, "future": JSON}
)
APPLICATION = st.fixed_dictionaries(
    {
        "name": NAME,
        "executable": st.from_regex(r"[a-z][a-z0-9.-]{0,12}", fullmatch=True),
        "environment": st.dictionaries(KEY | st.just("BANKA+"), FIELD, max_size=4),
    },
    optional={
        "$schema": st.just("https://example.org/schema.json"),
        "schemaVersion": st.sampled_from(["3.0.0", "3.4.0"]),
        "uuid": st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper()) | WORD,
        "title": LOCALIZED,
        "description": LOCALIZED,
        "version": st.sampled_from(["1", "1.2.3", "0.10", "beta"]),
        "cmdparams": TEMPLATE,
        "cmdparamsTemplate": TEMPLATE,
        "requirements": st.lists(st.sampled_from(["mServer", "FioBank", "Mail"]), max_size=2),
        "ociimage": st.sampled_from(["", "docker.io/a/b:1", "a@sha256:" + "0" * 64]),
        "image": st.sampled_from(["", "https://example.org/a.png", "nonsense"]),
        "homepage": st.sampled_from(["https://example.org/", "javascript:alert(1)"]),
        "tags": st.lists(WORD, max_size=2),
        "topics": st.lists(WORD, max_size=2),
        "author": TEXT,
        "setup": TEXT,
        "deploy": TEXT,
        "resultfile": WORD,
        "code": WORD,
        "artifacts": st.lists(ARTIFACT, max_size=3),
        "exitCodes": st.dictionaries(st.integers(0, 400).map(str), EXIT_CODE, max_size=3),
        "exitcodes": st.dictionaries(st.integers(0, 9).map(str), LOCALIZED, max_size=2),
        "produces": st.dictionaries(WORD, PRODUCT, max_size=2),
        "consumes": st.dictionaries(WORD, INGREDIENT, max_size=2),
        "events": members(emits=st.dictionaries(WORD, members(evidence=TEXT), max_size=2)),
        "kubernetes": st.fixed_dictionaries({"helm": members(chart=st.just("repo/chart"), atomic=st.booleans())}),
        "future": JSON,
    },
)
PROTOTYPE = st.fixed_dictionaries(
    {"code": st.from_regex(r"[A-Za-z0-9_-]{2,12}", fullmatch=True), "name": NAME},
    optional={
        "$schema": st.just("https://example.org/credential-prototype.json"),
        "uuid": st.uuids().map(str),
        "version": st.sampled_from(["1.0", "1.2.3"]),
        "description": LOCALIZED,
        "logo": TEXT,
        "url": st.just("https://example.org/"),
        "tags": st.lists(WORD, max_size=2),
        "future": JSON,
        "fields": st.lists(
            st.fixed_dictionaries(
                {
                    "keyword": KEY,
                    "type": PROTOTYPE_TYPES,
                },
                optional={
                    "name": LOCALIZED,
                    "description": LOCALIZED,
                    "hint": LOCALIZED,
                    "default": TEXT | st.integers(0, 9),
                    "default_value": TEXT,
                    "required": st.booleans(),
                    "options": st.lists(st.fixed_dictionaries({"value": WORD, "label": TEXT}), max_size=2),
                    "future": JSON,
                },
            ),
            max_size=3,
        ),
    },
)


def as_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
