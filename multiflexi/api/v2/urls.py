"""Addresses of this surface, each with and without its final slash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path, re_path

from multiflexi.api.v2 import artifacts, companies, job_output, jobs, runtemplate_config, runtemplates
from multiflexi.api.v2.root import Unknown

MODULES: tuple[Any, ...] = (companies, runtemplates, runtemplate_config, jobs, job_output, artifacts)


def _patterns() -> Iterator[URLPattern]:
    for module in MODULES:
        for address, kind, methods in module.routes:
            view = kind.as_view(methods)
            yield path(address, view)
            yield path(f"{address}/" if address else "/", view)
    methods = ("get", "post", "put", "patch", "delete")
    yield re_path("^.*$", Unknown.as_view(dict.fromkeys(methods, "nothing")))


urlpatterns = list(_patterns())
