"""Masking of text and streams."""

import random
import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.vault.forms import forms
from multiflexi.vault.masker import MASK_BYTES, Masker
from multiflexi.vault.secrecy import MASK

LONG = "-----BEGIN KEY-----\n" + "\n".join(f"line{number}{'x' * 50}" for number in range(40)) + "\n-----END KEY-----"
# A small alphabet makes secrets overlap each other, themselves and chunk borders.
little = st.text(alphabet="ab", min_size=4, max_size=9)
noise = st.binary(max_size=6) | st.sampled_from([b"ab", b"aab", b"YWFh", b"\xc3", b"\xff", b"%", b"\n"])


def expected(secrets: list[str], data: bytes) -> tuple[bytes, int]:
    """The rule, spelled out without an automaton: union of overlapping occurrences, one mask for each."""
    found = set()
    for form in set().union(*map(forms, secrets)):
        at = data.find(form)
        while at >= 0:
            found.add((at, at + len(form)))
            at = data.find(form, at + 1)
    out, position, count, end_of_span = b"", 0, 0, -1
    for start, end in sorted(found):
        if start >= end_of_span:
            out += data[position:start] + MASK_BYTES
            count += 1
        end_of_span = position = max(end_of_span, end)
    return out + data[position:], count


def streamed(masker: Masker, chunks: list[bytes]) -> tuple[bytes, int]:
    stream = masker.stream()
    out = b"".join([*map(stream.feed, chunks), stream.finish()])
    return out, stream.count


@st.composite
def cut_data(draw):
    secrets = draw(st.lists(little, min_size=1, max_size=4))
    forms_of_all = sorted(set().union(*map(forms, secrets)))
    data = b"".join(draw(st.lists(noise | st.sampled_from(forms_of_all), max_size=25)))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    borders = [0, *cuts, len(data)]
    return secrets, data, [data[a:b] for a, b in pairwise(borders)]


@settings(max_examples=400, deadline=None)
@given(cut_data())
def test_any_cutting_gives_what_the_rule_says(case):
    secrets, data, chunks = case
    assert streamed(Masker(secrets), chunks) == expected(secrets, data)


@settings(max_examples=100, deadline=None)
@given(cut_data())
def test_searching_agrees_with_masking(case):
    secrets, data, chunks = case
    assert Masker(secrets).found_in(chunks) == (expected(secrets, data)[1] > 0)


@settings(max_examples=100, deadline=None)
@given(st.text(), st.lists(st.text(min_size=4, max_size=12), min_size=1, max_size=3))
def test_text_of_any_kind_survives(text, secrets):
    masked, count = Masker(secrets).mask_text(text)
    if count == 0:
        assert masked == text
    for secret in secrets:
        assert not forms(secret) or secret not in masked


def test_bytes_that_are_no_text_stay_identical():
    data = random.Random(1).randbytes(300_000)
    assert streamed(Masker([LONG, "abcd-efgh"]), [data[i : i + 777] for i in range(0, len(data), 777)]) == (data, 0)


def test_invalid_utf_8_around_a_secret_stays_identical():
    assert streamed(Masker(["žluťoučký"]), [b"\xff\xc5", "žluťoučký".encode(), b"\xbe\x80"]) == (
        b"\xff\xc5" + MASK_BYTES + b"\xbe\x80",
        1,
    )


def test_a_long_secret_across_the_inner_pieces_is_one_span():
    data = b"x" * 65_530 + LONG.encode() + b"y" * 70_000
    assert streamed(Masker([LONG]), [data]) == (b"x" * 65_530 + MASK_BYTES + b"y" * 70_000, 1)


def test_an_endless_chain_of_overlaps_is_one_span_and_needs_no_memory():
    stream = Masker(["aaaa"]).stream()
    out = b"".join(stream.feed(b"a" * 1000) for _ in range(1000))
    assert len(stream._carry) < 10
    assert out + stream.finish() == MASK_BYTES
    assert stream.count == 1


def test_touching_spans_count_each():
    assert Masker(["abcdef"]).mask_text("abcdefabcdef") == ("••••••••" * 2, 2)


def test_overlapping_secrets_leave_no_remainder():
    assert Masker(["abcdef", "defghi"]).mask_text("-abcdefghi-") == ("-••••••••-", 1)
    assert Masker(["abcd", "abcdefgh"]).mask_text("abcdefgh abcdefg") == ("•••••••• ••••••••efg", 2)


def test_what_cannot_become_a_secret_is_not_held_back():
    stream = Masker([LONG, "secret-value"]).stream()
    assert stream.feed(b"a line\n") == b"a line\n"
    assert stream.feed(b"key=secret-v") == b"key="
    assert stream.feed(b"ersion\n") == b"secret-version\n"
    assert stream.feed(b"key=secret-v") == b"key="
    assert stream.feed(b"alue\n") == MASK_BYTES + b"\n"
    assert stream.finish() == b""


def test_an_unfinished_secret_at_the_end_is_given_back():
    stream = Masker(["secret-value"]).stream()
    assert stream.feed(b"...secret-valu") == b"..."
    assert stream.finish() == b"secret-valu"
    assert stream.count == 0


def test_a_finished_secret_that_may_still_grow_is_not_lost():
    masker = Masker(["secret", "secret-and-more"])
    assert streamed(masker, [b"secret-and"]) == (b"secret-and", 0)  # "secret" is a common word
    masker = Masker(["sesame", "sesame-and-more"])
    assert streamed(masker, [b"sesame-", b"and"]) == (MASK_BYTES + b"-and", 1)
    assert streamed(masker, [b"sesame-", b"and-more"]) == (MASK_BYTES, 1)


def test_a_masked_end_that_may_begin_another_secret_stays_masked():
    masker = Masker(["sesame", "same-old-thing"])
    assert streamed(masker, [b"sesame", b"-old", b"-shoe"]) == (MASK_BYTES + b"-old-shoe", 1)
    assert streamed(masker, [b"sesame", b"-old", b"-thing"]) == (MASK_BYTES, 1)


@pytest.mark.parametrize("masker", [Masker.empty, Masker([]), Masker(["abc", "", "true"])])
def test_without_maskable_secrets_nothing_happens(masker):
    assert not masker
    assert masker.mask_text("abc true") == ("abc true", 0)
    assert streamed(masker, [b"abc", b"\xff"]) == (b"abc\xff", 0)
    assert not masker.found_in([b"abc"])


def test_searching_stops_at_the_first_find():
    def chunks():
        yield b"...sesa"
        yield b"me..."
        raise AssertionError("read on after the secret was found")

    assert Masker(["sesame"]).found_in(chunks())


def test_a_masker_does_not_show_its_secrets():
    masker = Masker(["sesame"])
    assert "sesame" not in f"{masker!r}{masker}{masker.stream()!r}"


def test_much_data_is_masked_like_little():
    """Beyond a megabyte another search takes over, in the middle of a stream."""
    secrets = [f"Secret-{n:02}-of-many" for n in range(50)]
    source = random.Random(3)
    parts = [b"x" * source.randrange(1, 20_000) + secrets[n % 50].encode() for n in range(300)]
    data = b"".join(parts)
    assert len(data) > 2_000_000
    stream = Masker(secrets).stream()
    masked, position = [], 0
    while position < len(data):
        size = source.randrange(1, 100_000)
        masked.append(stream.feed(data[position : position + size]))
        position += size
    masked.append(stream.finish())
    expected = data
    for secret in secrets:
        expected = expected.replace(secret.encode(), MASK_BYTES)
    assert b"".join(masked) == expected
    assert stream.count == 300


@pytest.mark.parametrize("secret", ["a" * 20_000, "ab" * 1025, "".join(chr(33 + n % 90) for n in range(3000))])
def test_a_long_secret_is_masked_whole_and_in_reasonable_time(secret: str) -> None:
    begun = time.process_time()
    stream = Masker([secret]).stream()
    masked = b"".join(
        stream.feed(part) for part in (b"before ", secret[:999].encode(), secret[999:].encode(), b" after")
    )
    masked += stream.finish()
    assert time.process_time() - begun < 10
    assert masked.decode().replace(MASK, "") == "before  after"


@pytest.mark.parametrize("unit", ["a", "ab", "abc", "aab"])
def test_secrets_that_repeat_each_other_cost_what_one_costs(unit):
    """Without care each of them matches at every byte."""
    secrets = [(unit * 400)[:size] for size in range(4, 400)]
    masker = Masker(secrets)
    output = b"#".join((unit * 400)[:size].encode() for size in range(4, 300, 7))
    assert masker.mask_bytes(output) == (b"#".join([MASK_BYTES] * 43), 43)
    tracemalloc.start()
    try:
        masker.mask_bytes(unit.encode() * 30_000)
        assert tracemalloc.get_traced_memory()[1] < 48 * 1024 * 1024
    finally:
        tracemalloc.stop()
