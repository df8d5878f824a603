"""Addresses of this surface, each with and without its final slash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path, re_path

from multiflexi.api.v2 import (
    allowlist,
    apps,
    artifacts,
    audit_log,
    bulk,
    companies,
    company_parts,
    credential_prototypes,
    credential_types,
    credentials,
    data_exports,
    description,
    erasure_requests,
    event_rules,
    event_sources,
    events,
    executors,
    failures,
    job_output,
    jobs,
    limits,
    logs,
    metrics,
    root,
    runtemplate_config,
    runtemplates,
    schedule,
    tasks,
    tokens,
    topics,
    users,
)

# Addresses are tried in turn: those that programs ask for again and again come first.
MODULES: tuple[Any, ...] = (
    jobs,
    job_output,
    runtemplates,
    tasks,
    root,
    companies,
    company_parts,
    apps,
    bulk,
    runtemplate_config,
    events,
    artifacts,
    schedule,
    credentials,
    credential_types,
    credential_prototypes,
    limits,
    executors,
    tokens,
    allowlist,
    users,
    topics,
    event_sources,
    event_rules,
    logs,
    audit_log,
    data_exports,
    erasure_requests,
    failures,
    metrics,
)


def collections() -> list[str]:
    """Names of the collections, as the discovery document lists them."""
    return [address for module in MODULES for address, _, _ in module.routes if address and "/" not in address]


def _patterns() -> Iterator[URLPattern]:
    for module in MODULES:
        for address, kind, methods in module.routes:
            view = kind.as_view(dict(methods))
            yield path(address, view)
            if address:
                yield path(f"{address}/", view)
    yield from description.patterns()
    methods = ("get", "post", "put", "patch", "delete")
    yield re_path("^.*$", root.Unknown.as_view(dict.fromkeys(methods, "nothing")))


urlpatterns = list(_patterns())
