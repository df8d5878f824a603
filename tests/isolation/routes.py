"""Every address that Django's resolver knows, in one spelling, with the methods it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.test import Client
from django.urls import URLPattern, get_resolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BARE = "legacy-without-slash"
LEGACY = ("api/VitexSoftware/MultiFlexi/1.0.0", "api/v1")
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


def routes() -> dict[str, Any]:
    """Views by address. The two bases of the older surface, and spellings with a final slash, are one address."""
    found: dict[str, Any] = {}
    for pattern, view in _walk(get_resolver().url_patterns, ""):
        address = _plain(pattern)
        known = found.setdefault(address, view)
        assert _same(known, view), f"{address} is answered by two views; the table can describe only one"
    return found


def methods_of(address: str, view: Any) -> tuple[str, ...]:
    """The methods a view takes; a plain function is asked, and those that do not tell count as GET and POST."""
    if getattr(view, "actions", None):
        known = {name.upper() for name in view.actions}
        return tuple(name for name in METHODS if name in known)
    made = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if made is not None:
        return tuple(name for name in METHODS if name.lower() in made.http_method_names and hasattr(made, name.lower()))
    answer = Client(raise_request_exception=False).generic("BREW", f"/{filled(address)}")
    told = {name.strip() for name in answer.headers.get("Allow", "GET, POST").split(",")}
    return tuple(name for name in METHODS if name in told)


def filled(address: str) -> str:
    """The path of an address, with any value for its parts."""
    path = re.sub(r"^legacy(-without-slash)?", LEGACY[0], address)
    return re.sub(r"\{\w+\}", "1", path)


def _walk(patterns: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for one in patterns:
        text = prefix + str(one.pattern)
        if isinstance(one, URLPattern):
            yield text, one.callback
        else:
            yield from _walk(one.url_patterns, text)


def _plain(pattern: str) -> str:
    address = pattern.replace("^", "").replace("$", "").replace("/?", "")
    address = _GROUP.sub(r"{\1}", address).replace(r"\.{suffix}", ".json")
    address = _CONVERTER.sub(r"{\1}", address)
    for base in LEGACY:
        if address == base:
            address = BARE
        elif address.startswith(f"{base}/"):
            address = f"legacy{address[len(base) :]}"
    # Pages have one spelling, and so has the entrance of the newer surface.
    return address.rstrip("/") if address.startswith(("legacy", "api/v2/")) and address != "api/v2/" else address


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    kinds = [getattr(view, "cls", None) or getattr(view, "view_class", None) or view for view in (one, other)]
    return kinds[0] is kinds[1] and getattr(one, "actions", None) == getattr(other, "actions", None)
