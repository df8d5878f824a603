"""Definition files of applications and credentials: validate, import, export, remove.

Validation and normalisation need neither Django nor a database; what does is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiflexi.manifests.exporting import export_application, export_file_name, export_prototype, export_type
    from multiflexi.manifests.findings import Finding
    from multiflexi.manifests.icons import icon_beside
    from multiflexi.manifests.importing import import_application, import_prototype, import_type
    from multiflexi.manifests.removing import remove_application, remove_prototype
    from multiflexi.manifests.reports import ImportReport, RemovalReport
    from multiflexi.manifests.validation import ValidationReport, validate

__all__ = (
    "Finding",
    "ImportReport",
    "RemovalReport",
    "ValidationReport",
    "export_application",
    "export_file_name",
    "export_prototype",
    "export_type",
    "icon_beside",
    "import_application",
    "import_prototype",
    "import_type",
    "remove_application",
    "remove_prototype",
    "validate",
)

_HOMES = {
    "Finding": "findings",
    "ImportReport": "reports",
    "RemovalReport": "reports",
    "ValidationReport": "validation",
    "validate": "validation",
    "import_application": "importing",
    "import_prototype": "importing",
    "import_type": "importing",
    "export_application": "exporting",
    "export_file_name": "exporting",
    "export_prototype": "exporting",
    "export_type": "exporting",
    "icon_beside": "icons",
    "remove_application": "removing",
    "remove_prototype": "removing",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"multiflexi.manifests.{_HOMES[name]}"), name)
