"""What the surface offers, one module per kind of record."""

from importlib import import_module

MODULES = (
    "root",
    "login",
    "app",
    "company",
    "user",
    "credential",
    "credential_type",
    "runtemplate",
    "job",
    "artifact",
    "schedule",
    "task",
    "topic",
    "event_source",
    "event_rule",
    "audit_log",
    "data_export",
    "document",
)


def load() -> None:
    """Declare all operations, in the order of the published document."""
    for name in MODULES:
        import_module(f"multiflexi.api.legacy.nouns.{name}")
