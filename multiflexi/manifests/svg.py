"""Sanitising of SVG pictures: what is not known to be harmless is left out."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

SVG = "http://www.w3.org/2000/svg"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"

_ELEMENTS = (
    "svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan textPath "
    "linearGradient radialGradient stop clipPath mask pattern marker filter feBlend feColorMatrix feComponentTransfer "
    "feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA "
    "feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight "
    "feSpecularLighting feSpotLight feTile feTurbulence"
)
_ATTRIBUTES = (
    "id class version viewBox preserveAspectRatio width height x y x1 y1 x2 y2 cx cy r rx ry fx fy fr dx dy d points "
    "transform opacity fill fill-opacity fill-rule clip-path clip-rule mask filter stroke stroke-width stroke-opacity "
    "stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset color display visibility "
    "overflow style offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod patternUnits "
    "patternContentUnits patternTransform clipPathUnits maskUnits maskContentUnits markerWidth markerHeight "
    "markerUnits marker-start marker-mid marker-end refX refY orient font-family font-size font-style font-weight "
    "letter-spacing word-spacing text-anchor text-decoration dominant-baseline alignment-baseline baseline-shift "
    "textLength lengthAdjust rotate startOffset paint-order vector-effect shape-rendering text-rendering "
    "color-interpolation color-interpolation-filters mix-blend-mode isolation enable-background filterUnits "
    "primitiveUnits in in2 result mode type values operator k1 k2 k3 k4 stdDeviation flood-color flood-opacity "
    "radius scale xChannelSelector yChannelSelector surfaceScale specularConstant specularExponent diffuseConstant "
    "lighting-color azimuth elevation z pointsAtX pointsAtY pointsAtZ limitingConeAngle baseFrequency numOctaves "
    "seed stitchTiles tableValues slope intercept amplitude exponent order kernelMatrix divisor bias targetX targetY "
    "edgeMode preserveAlpha"
)
_LOCAL_REFERENCE = re.compile(r"#[\w.:-]+")
_REFERENCES = re.compile(r"url\(\s*(['\"]?)\s*([^)'\"]*)", re.IGNORECASE)
_ACTIVE = re.compile(r"[\\<>]|/\*|@|javascript|expression|behavior|-moz-binding|image\s*\(|image-set", re.IGNORECASE)
_TEXT_PARENTS = frozenset({"title", "desc", "text", "tspan", "textPath"})


class UnsafeSvg(ValueError):
    """The file is no SVG picture that can be shown; the message says why."""


def sanitised(content: bytes) -> bytes:
    """The picture without scripts, events, links, style sheets and references to anything outside of it.

    Sanitising a sanitised picture changes nothing. Raises UnsafeSvg for what is no XML, declares entities or has
    another root than svg.
    """
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        root = ElementTree.fromstring(content)
    except DefusedXmlException:
        raise UnsafeSvg("the SVG declares entities, which could hide anything") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnsafeSvg(f"the SVG cannot be read: {error}") from None
    if root.tag != f"{{{SVG}}}svg":
        raise UnsafeSvg("the file is no SVG picture: its root is not <svg> of the SVG namespace")
    parts: list[str] = []
    _write(root, parts, depth=0)
    return "".join(parts).encode("utf-8")


def _write(element: object, parts: list[str], depth: int) -> None:
    name = _local_name(element)
    if name is None or depth > 60:
        return
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in _attributes(element))
    namespace = f' xmlns="{SVG}"' if depth == 0 else ""
    parts.append(f"<{name}{namespace}{attributes}>")
    spoken = name in _TEXT_PARENTS
    if spoken:
        parts.append(_spoken(element.text))  # type: ignore[attr-defined]
    for child in element:  # type: ignore[attr-defined]
        _write(child, parts, depth + 1)
        if spoken:
            parts.append(_spoken(child.tail))
    parts.append(f"</{name}>")


def _local_name(element: object) -> str | None:
    tag = element.tag  # type: ignore[attr-defined]
    # Comments and processing instructions have a function as tag.
    if not isinstance(tag, str) or not tag.startswith(f"{{{SVG}}}"):
        return None
    name = tag[len(SVG) + 2 :]
    return name if name in _ELEMENTS.split() else None


def _attributes(element: object) -> list[tuple[str, str]]:
    kept: dict[str, str] = {}
    for key, value in element.attrib.items():  # type: ignore[attr-defined]
        name = "href" if key == _XLINK_HREF else key
        if name == "href":
            if _LOCAL_REFERENCE.fullmatch(value.strip()):
                kept[name] = value.strip()
        elif name in _ATTRIBUTES.split() and not _is_active(value):
            kept[name] = value
    return list(kept.items())


def _is_active(value: str) -> bool:
    targets = [match[2].strip() for match in _REFERENCES.finditer(value)]
    outside = any(not _LOCAL_REFERENCE.fullmatch(target) for target in targets)
    return outside or value.lower().count("url(") != len(targets) or bool(_ACTIVE.search(value))


def _spoken(text: str | None) -> str:
    # A parser turns a bare carriage return into a line feed, so that a second pass would differ.
    return escape((text or "").replace("\r", "\n"))
