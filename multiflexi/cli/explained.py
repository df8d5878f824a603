"""Reasons of an explanation as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def sentences(reasons: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each reason, with its times and with the jobs that its sentence does not name itself."""
    for reason in reasons:
        told = [f"since {reason['since']}"] if reason["since"] else []
        if reason["next_try"]:
            told.append(f"next try {reason['next_try']}")
        unnamed = [str(job) for job in reason["jobs"] if str(job) not in reason["detail"]]
        if unnamed:
            told.append(f"jobs {', '.join(unnamed)}")
        yield f"- {reason['detail']}" + (f" ({'; '.join(told)})" if told else "")
