"""The document as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def write(document: Mapping[str, Any]) -> bytes:
    """The file, in UTF-8."""
    return json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "replace")
