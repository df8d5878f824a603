"""Whatever form a secret takes and wherever the output is cut, it does not come through."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, quote_plus

from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.jobs.masked import stream_artifact
from multiflexi.vault.forms import MIN_LENGTH, TRIVIAL_WORDS, is_maskable
from multiflexi.vault.masker import MASK_BYTES, Masker

# No text of the noise can become a part of a secret, so what must stay and what must go are known.
LETTERS = st.characters(exclude_characters="#\r\n", exclude_categories=("Cs", "Cc", "Zs"))
lines = st.text(LETTERS, min_size=8, max_size=24).filter(is_maskable)
secrets = st.lists(lines, min_size=1, max_size=3).map("\n".join)
noise = st.binary(max_size=40).map(lambda data: b"#" + data.replace(b"#", b"") + b"#")


def _lines(text: str) -> list[bytes]:
    return [line.encode() for line in text.split("\n")]


def _base64(before: bytes, url_safe: bool):
    """The encoded text without the groups that depend on what stands around."""

    def encode(text: str) -> list[bytes]:
        plain = before + text.encode() + b"!!!"
        encoded = base64.urlsafe_b64encode(plain) if url_safe else base64.b64encode(plain)
        return [encoded]

    return encode


ENCODERS = {
    "plain": lambda text: [text.encode()],
    "line by line": _lines,
    "URL": lambda text: [quote(text).encode()],
    "URL, strict": lambda text: [quote(text, safe="").encode()],
    "URL, lower case": lambda text: [re.sub("%..", lambda found: found[0].lower(), quote_plus(text)).encode()],
    "form": lambda text: [quote_plus(text).encode()],
    "JSON": lambda text: [json.dumps(text)[1:-1].encode()],
    "JSON, Unicode": lambda text: [json.dumps(text, ensure_ascii=False)[1:-1].encode()],
    "JSON, PHP": lambda text: [json.dumps(text)[1:-1].replace("/", "\\/").encode()],
    **{f"base64 {size} {safe}": _base64(b"u" * size, safe) for size in range(3) for safe in (True, False)},
}


@st.composite
def outputs(draw):
    """Secrets, an output that shows each of them in some form between noise, and the pieces it arrives in."""
    hidden = draw(st.lists(secrets, min_size=1, max_size=3, unique=True))
    parts, shown = [draw(noise)], []
    for text in hidden:
        for form in ENCODERS[draw(st.sampled_from(sorted(ENCODERS)))](text):
            shown.append(form)
            parts += [form, draw(noise)]
    data = b"".join(parts)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return hidden, shown, data, [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]


def core(form: bytes) -> bytes:
    """What of a form belongs to the secret alone: base64 mixes its first and last groups with the neighbours."""
    return form[4:-8]


@settings(max_examples=300, deadline=None)
@given(outputs())
def test_no_form_comes_through_however_it_is_cut(case):
    hidden, shown, data, pieces = case
    stream = Masker(hidden).stream()
    out = b"".join([*map(stream.feed, pieces), stream.finish()])
    assert not [form for form in shown if len(core(form)) >= MIN_LENGTH and core(form) in out]
    assert stream.count == out.count(MASK_BYTES) - data.count(MASK_BYTES)
    assert stream.count >= len(hidden)
    whole = Masker(hidden).stream()
    assert whole.feed(data) + whole.finish() == out


@settings(max_examples=60, deadline=None)
@given(outputs(), st.integers(20, 400))
def test_stored_output_shows_none_either_even_when_its_middle_is_left_out(case, cap):
    hidden, shown, data, _pieces = case
    with tempfile.TemporaryDirectory() as directory:
        spool = Path(directory, "stdout")
        spool.write_bytes(data)
        kept = stream_artifact(spool, Masker(hidden), cap)
        out = b"".join(kept)
    assert kept.truncated == (len(data) > cap)
    assert not [form for form in shown if len(core(form)) >= MIN_LENGTH and core(form) in out]


@settings(max_examples=60, deadline=None)
@given(outputs())
def test_a_result_file_with_any_form_is_noticed(case):
    hidden, _shown, _data, pieces = case
    assert Masker(hidden).found_in(pieces)


@given(st.text(max_size=3) | st.sampled_from(sorted(TRIVIAL_WORDS)).map(str.title), st.text(min_size=1))
def test_short_and_common_values_are_left_alone(value, text):
    assert Masker([value]).mask_text(f"{text} {value}") == (f"{text} {value}", 0)
