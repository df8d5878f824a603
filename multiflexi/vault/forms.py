"""The byte forms in which a secret may appear in output: as it is, base64, URL-encoded, JSON-escaped, line by line."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, quote_plus

MIN_LENGTH = 4
MAX_LENGTH = 1024
# Values too common to hide: masking them would make ordinary output unreadable and protect nothing.
_COMMON = """
true false null none nil undefined yes enabled disabled default auto empty example demo dummy sample
admin administrator root user username guest public private test tests testing password passwd secret token changeme
http https localhost production staging development debug info warning error
"""
TRIVIAL_WORDS = frozenset(_COMMON.split())
_URL_SAFE_SETS = ("", "/", "!*'()")  # strict; Python's and most servers' default; JavaScript's encodeURIComponent
_OLD_ENCODINGS = ("iso-8859-1", "cp1252", "iso-8859-2", "cp1250")
_LINE_WIDTHS = (64, 76)
_LINE_BREAKS = re.compile(r"[\r\n]+")


def is_maskable(value: str) -> bool:
    """Whether a secret value is hidden in output: at least 4 characters, not counting outer blanks, and no common word.

    Surfaces show a hint when a secret that is not maskable is saved.
    """
    core = value.strip()
    return len(core) >= MIN_LENGTH and core.casefold() not in TRIVIAL_WORDS


def forms(secret: str) -> set[bytes]:
    """Every byte sequence to look for, none shorter than 4 bytes; empty when the value is not maskable."""
    if not is_maskable(secret):
        return set()
    found: set[bytes] = set()
    for value in _spellings(secret):
        found.update(_json(value))
        for raw in (as_bytes(value)[0], *_in_old_encodings(value)):
            found.update((raw, *_base64(raw), *_base64_lines(raw), *_url(raw)))
    for line in _telling_lines(secret):
        found.update((as_bytes(line)[0], *_in_old_encodings(line), *_json(line)))
    return {piece for form in found if len(form) >= MIN_LENGTH for piece in _pieces(form)}


def as_bytes(text: str) -> tuple[bytes, str]:
    """UTF-8 bytes, and the error handler that decodes them again.

    Text that came from undecodable bytes turns into those bytes; any other string survives as well.
    """
    try:
        return text.encode("utf-8", "surrogateescape"), "surrogateescape"
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass"), "surrogatepass"


def _pieces(form: bytes) -> Iterator[bytes]:
    """A form that is not too long, else pieces of it, which are masked one after the other.

    The search looks at every place where a form may have begun and not ended yet; with a long one that repeats itself
    this takes the square of its length.
    """
    if len(form) <= MAX_LENGTH:
        yield form
        return
    for start in range(0, len(form) - MAX_LENGTH, MAX_LENGTH):
        yield form[start : start + MAX_LENGTH]
    yield form[-MAX_LENGTH:]


def _spellings(secret: str) -> set[str]:
    """The value with and without outer blanks, and with the line ends of either world."""
    unix = secret.replace("\r\n", "\n")
    return {text for value in (secret, unix, unix.replace("\n", "\r\n")) for text in (value, value.strip())}


def _in_old_encodings(text: str) -> Iterator[bytes]:
    """What a program writes that does not know UTF-8; the same bytes for a text of plain ASCII."""
    for encoding in () if text.isascii() else _OLD_ENCODINGS:
        with suppress(UnicodeEncodeError):
            yield text.encode(encoding)


def _telling_lines(secret: str) -> Iterator[str]:
    """Lines of a multi-line secret, without PEM armour and ornaments, which occur in harmless text as well."""
    lines = _LINE_BREAKS.split(secret.strip())
    if len(lines) == 1:
        return
    for line in map(str.strip, lines):
        is_armour = line.startswith("-----") and line.endswith("-----")
        if is_maskable(line) and not is_armour and any(map(str.isalnum, line)):
            yield line


def _base64(raw: bytes) -> Iterator[bytes]:
    """The characters that the secret alone determines, for its three possible offsets in an encoded text.

    Per offset: with something following, and (one character longer) at the end of the text; padding is left alone.
    """
    for offset, mixed in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
        for end in (8 * (offset + len(raw)) // 6, len(encoded)):
            yield encoded[mixed:end]
            yield encoded[mixed:end].translate(bytes.maketrans(b"+/", b"-_"))


def _base64_lines(raw: bytes) -> Iterator[bytes]:
    """The lines of the encoded text when the secret is all there is, as `base64` and `openssl` break them."""
    encoded = base64.b64encode(raw).rstrip(b"=")
    for width in _LINE_WIDTHS:
        for end in (8 * len(raw) // 6, len(encoded)) if len(encoded) > width else ():
            yield from (encoded[start : min(start + width, end)] for start in range(0, end, width))


def _url(raw: bytes) -> Iterator[bytes]:
    for safe in _URL_SAFE_SETS:
        for encode in (quote, quote_plus):
            text = encode(raw, safe=safe)
            for form in (text, text.replace("~", "%7E")):  # PHP's urlencode escapes the tilde
                yield form.encode("ascii")
                yield re.sub("%[0-9A-F]{2}", _lower, form).encode("ascii")


def _json(text: str) -> Iterator[bytes]:
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        for slashed in (escaped, escaped.replace("/", "\\/")):  # PHP escapes the slash
            for form in (slashed, _html_safe(slashed)):
                yield as_bytes(form)[0]
                yield as_bytes(re.sub(r"(?<=\\u)[0-9a-f]{4}", _upper, form))[0]


def _html_safe(escaped: str) -> str:
    """As Go's encoder and PHP's JSON_HEX_* write it."""
    return escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _lower(match: re.Match[str]) -> str:
    return match[0].lower()


def _upper(match: re.Match[str]) -> str:
    return match[0].upper()
