"""The forms in which a secret is recognised."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from multiflexi.vault.forms import forms, is_maskable
from multiflexi.vault.masker import MASK_BYTES, Masker

SECRET = 'p@ss/w+rd ~ž"\\<&>é!'


def leftover(data: bytes, secret: str = SECRET) -> bytes:
    """What stays of data beside the one masked span."""
    stream = Masker([secret]).stream()
    masked = stream.feed(data) + stream.finish()
    assert stream.count == 1, masked
    return masked.replace(MASK_BYTES, b"")


@pytest.mark.parametrize("value", ["abcd", " abcd ", "1234", "ěščř"])
def test_four_characters_are_enough(value):
    assert is_maskable(value)


@pytest.mark.parametrize("value", ["", "abc", "  abc  ", "      ", "true", "Admin", "TEST", " password\n"])
def test_short_blank_and_common_values_are_left_alone(value):
    assert not is_maskable(value)
    assert forms(value) == set()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("secret", ["abcd", "abcde", "abcdef", SECRET, "ÿÿÿÿÿ>>>???"])
def test_base64_at_every_offset(encode, before, after, secret):
    raw = secret.encode()
    rest = leftover(encode(b"\xff" * before + raw + b"\xff" * after), secret).rstrip(b"=")
    # At either end one character may mix bits of the secret with bits of its neighbour; none beyond it stays.
    with_bits_before = -(-8 * before // 6)
    with_bits_after = -(-8 * (before + len(raw) + after) // 6) - 8 * (before + len(raw)) // 6 if after else 0
    assert len(rest) == with_bits_before + with_bits_after


def test_base64_of_the_secret_alone_leaves_only_the_padding():
    assert leftover(base64.b64encode(b"hunter2"), "hunter2") == b"=="
    assert leftover(base64.b64encode(b"hunter2").rstrip(b"="), "hunter2") == b""
    assert leftover(base64.b64encode(b"user:hunter2"), "hunter2") == b"dXNlcjp"  # the p holds two bits of the h


@pytest.mark.parametrize(
    "encoded",
    [
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%C5%BE", "%c5%be").replace("%C3%A9", "%c3%a9")
        .replace("%2B", "%2b").replace("%5C", "%5c").replace("%3C", "%3c").replace("%3E", "%3e"),
        quote(SECRET, safe="!*'()"),
        quote_plus(SECRET).replace("~", "%7E"),
    ],
)  # fmt: skip
def test_url_encoded(encoded):
    assert leftover(b"?a=" + encoded.encode() + b"&b") == b"?a=&b"


@pytest.mark.parametrize(
    "escaped",
    [
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace("/", "\\/"),
        json.dumps(SECRET, ensure_ascii=False).replace("/", "\\/"),
        json.dumps(SECRET).replace("\\u017e", "\\u017E").replace("\\u00e9", "\\u00E9"),
        json.dumps(SECRET, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    ],
)
def test_json_escaped(escaped):
    assert leftover(escaped.encode()) == b'""'


def test_each_telling_line_of_a_multi_line_secret():
    secret = "-----BEGIN KEY-----\r\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEF  \n=====\nab\n-----END KEY-----\n"
    masker = Masker([secret])
    shown = "MIIEvQIBADANBg | kqhkiG9w0BAQEF | ===== | ab | -----BEGIN KEY-----"
    assert masker.mask_text(shown) == ("•••••••• | •••••••• | ===== | ab | -----BEGIN KEY-----", 2)
    assert masker.mask_text(f"[{secret}]") == ("[••••••••]", 1)
    assert masker.mask_text(json.dumps(secret)) == ('"••••••••"', 1)


def test_a_secret_read_from_a_file_is_found_without_its_line_end():
    assert Masker(["tok-12345\n"]).mask_text("got tok-12345.") == ("got ••••••••.", 1)


def test_no_form_is_shorter_than_four_bytes():
    assert min(map(len, forms("abcd"))) >= 4


@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("end", [b"", b"\n", b" and more"])
def test_base64_broken_into_lines(width, end):
    secret = "-----BEGIN KEY-----\n" + "\n".join(f"{n:04}abcdefghijklmnopqrstuvwxyz" for n in range(60)) + "\nend"
    encoded = base64.b64encode(secret.encode() + end)
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    masked, count = Masker([secret]).mask_bytes(b"\n".join(lines))
    rest = masked.replace(MASK_BYTES, b"").replace(b"\n", b"").rstrip(b"=")
    assert count >= len(lines) - 1
    assert len(rest) <= -(-8 * len(end) // 6) + 3


@pytest.mark.parametrize("encoding", ["iso-8859-1", "cp1252", "iso-8859-2", "cp1250"])
def test_encodings_of_old_programs(encoding):
    secret = "přes-žluť" if encoding in ("iso-8859-2", "cp1250") else "pâss/wörd"
    raw = secret.encode(encoding)
    for form in (raw, quote(raw).encode(), quote_plus(raw).encode(), base64.b64encode(raw)):
        assert leftover(form, secret).strip(b"=") == b""


@pytest.mark.parametrize("secret", ["abc\ndef\nghi", "abc\r\ndef\r\nghi"])
def test_either_line_end(secret):
    for text in ("abc\ndef\nghi", "abc\r\ndef\r\nghi"):
        assert leftover(text.encode(), secret) == b""
        assert leftover(json.dumps(text)[1:-1].encode(), secret) == b""
