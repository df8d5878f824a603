"""The prototype definitions that come with the platform and with installed plug-ins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from multiflexi.credentials import registry


class Shipped(NamedTuple):
    """One definition as a file would hold it; `origin` names the provider in messages."""

    code: str
    origin: str
    data: bytes


def definitions() -> Iterator[Shipped]:
    """The definition of every installed provider that has one, for `manifests.import_prototype`, by code."""
    for name in registry.names():
        provider = registry.get(name)
        definition = provider.definition()
        if definition:
            data = json.dumps(definition, ensure_ascii=False).encode()
            yield Shipped(provider.code, f"provider {provider.code}", data)
