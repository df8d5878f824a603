"""Icons of applications: an address, a picture as data URI, or a sanitised SVG."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from multiflexi.manifests.notes import Notes
from multiflexi.manifests.reading import MAX_FILE_BYTES, MAX_STRING_BYTES
from multiflexi.manifests.svg import UnsafeSvg, sanitised

_DATA_URI = re.compile(r"data:(image/[a-z+.-]+)(;[a-z0-9=-]+)*?(;base64)?,(.*)", re.DOTALL | re.IGNORECASE)
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
_FILE_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


def usable_image(image: str, notes: Notes) -> str:
    """The icon of a definition file in a form that is safe to show; empty when there is none."""
    if image == "" or image.lower().startswith(("https://", "http://")):
        return image
    parts = _DATA_URI.fullmatch(image)
    if parts is None or parts[1].lower() not in _PICTURES:
        notes.advise("is not used: an icon is an http(s) address or a data URI of a picture", "image")
        return ""
    if parts[1].lower() != "image/svg+xml":
        return image
    try:
        content = base64.b64decode(parts[4], validate=True) if parts[3] else unquote_to_bytes(parts[4])
        return svg_image(content)
    except (binascii.Error, UnsafeSvg) as error:
        notes.advise(f"is not used: {error}", "image")
        return ""


def svg_image(content: bytes) -> str:
    """Data URI of an SVG file after sanitising; raises UnsafeSvg when it cannot be shown safely."""
    uri = "data:image/svg+xml;base64," + base64.b64encode(sanitised(content)).decode("ascii")
    if len(uri) > MAX_STRING_BYTES:
        raise UnsafeSvg(f"the icon is too large: {len(uri)} of at most {MAX_STRING_BYTES} bytes")
    return uri


def icon_beside(path: Path, document: dict[str, Any]) -> bytes | None:
    """Content of `<uuid>.svg` in the directory of a definition file, or None; larger files than 1 MiB are ignored."""
    name = str(document.get("uuid") or "").strip()
    if not _FILE_NAME.fullmatch(name):
        return None
    for spelling in dict.fromkeys((name, name.lower(), name.upper())):
        icon = path.parent / f"{spelling}.svg"
        if icon.is_file() and icon.stat().st_size <= MAX_FILE_BYTES:
            return icon.read_bytes()
    return None
