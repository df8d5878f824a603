"""What a command wrote, read as what it claims to be."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import yaml

from .conftest import Outcome


def document(outcome: Outcome, format: str) -> Any:
    """Standard output by its format; CSV as rows, which all have as many cells."""
    if format == "json":
        return json.loads(outcome.out)
    if format == "yaml":
        return yaml.safe_load(outcome.out)
    if format == "ndjson":
        return [json.loads(line) for line in outcome.out.splitlines()]
    if format == "csv":
        rows = list(csv.reader(io.StringIO(outcome.out), strict=True))
        assert len({len(row) for row in rows}) <= 1, rows
        return rows
    return outcome.out
