"""An export as a file: JSON, PDF, CSV or XML. Each module is loaded when its format is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Rendering:
    """How a format is written, and what the file is called at its end."""

    module: str
    extension: str
    media_type: str

    def write(self, document: Mapping[str, Any]) -> bytes:
        """The file."""
        written: bytes = import_module(f"{__name__}.{self.module}").write(document)
        return written


# Tables are files of their own: a spreadsheet would mix up several in one.
RENDERINGS = {
    "json": Rendering("as_json", "json", "application/json"),
    "pdf": Rendering("as_pdf", "pdf", "application/pdf"),
    "csv": Rendering("as_csv", "zip", "application/zip"),
    "xml": Rendering("as_xml", "xml", "application/xml; charset=utf-8"),
}
