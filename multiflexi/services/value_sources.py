"""Where the values of an environment come from, in words a person understands."""

from __future__ import annotations

from collections.abc import Iterable

from multiflexi.jobs.layers import COMPANY, DEFINITION, PLATFORM, RUNTEMPLATE, SYSTEM
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import Credential

_WORDS = {
    SYSTEM: "settings file of the installation",
    DEFINITION: "definition of the application",
    COMPANY: "company",
    RUNTEMPLATE: "run template",
    PLATFORM: "MultiFlexi",
}


def source_of(resolved: Resolved, name: str) -> str:
    """The source of a variable as it is stored, such as `credential:5`."""
    return str(resolved.meta.get(name, {}).get("source", PLATFORM))


def in_words(resolved: Resolved, assigned: Iterable[Credential] = ()) -> dict[str, str]:
    """Every source that occurs, overridden ones too, and its description; a query if some are not `assigned`."""
    sources = {PLATFORM}
    for meta in resolved.meta.values():
        sources.update([str(meta.get("source", PLATFORM)), *meta.get("overridden", ())])
    ids = [int(number) for kind, _, number in (one.partition(":") for one in sources) if kind == "credential"]
    names = {one.pk: one.name for one in assigned}
    others = set(ids) - names.keys()
    if others:
        names |= dict(Credential.objects.filter(pk__in=others).values_list("pk", "name"))
    return {source: _described(source, names) for source in sources}


def _described(source: str, credentials: dict[int, str]) -> str:
    kind, _, number = source.partition(":")
    if kind == "credential":
        return f"credential {credentials.get(int(number), number)}"
    return "values given for this run" if kind in ("override", "event") else _WORDS.get(kind, kind)
