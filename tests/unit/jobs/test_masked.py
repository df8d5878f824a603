"""The masked form of spool files."""

import pytest

from multiflexi.jobs.masked import stream_artifact, tail
from multiflexi.vault.masker import MASK_BYTES, Masker

SECRET = "hush-hush-4711"
MIB = 1024 * 1024


@pytest.fixture
def spool(tmp_path):
    def write(content: bytes):
        path = tmp_path / "stdout"
        path.write_bytes(content)
        return path

    return write


def masked(path, masker=Masker.empty, cap=256 * MIB):
    stream = stream_artifact(path, masker, cap)
    return b"".join(stream), stream


def test_without_secrets_every_byte_stays(spool):
    content = bytes(range(256)) * 5000 + b"\xff\xfe\0\r\n"
    assert masked(spool(content))[0] == content


def test_masked_spans_are_counted_and_the_rest_is_identical(spool):
    filling = b"x" * (256 * 1024 - 5)
    content = filling + SECRET.encode() + b"\r\n\0" + filling + SECRET.encode()
    text, stream = masked(spool(content), Masker([SECRET]))
    assert text == filling + MASK_BYTES + b"\r\n\0" + filling + MASK_BYTES
    assert (stream.masked_spans, stream.truncated, stream.raw_size) == (2, False, len(content))


def test_beyond_the_cap_head_and_tail_are_kept_around_a_marker(spool):
    lines = [b"line %06d" % number for number in range(100_000)]
    content = b"\n".join(lines) + b"\n"
    text, stream = masked(spool(content), cap=20_000)
    assert stream.truncated
    head, _, rest = text.partition(b"\n--- ")
    number, _, end = rest.partition(b" bytes omitted ---\n")
    assert content.startswith(head)
    assert content.endswith(end)
    assert len(head) + int(number) + len(end) == len(content)
    assert 15_000 < len(head) + len(end) <= 20_000


@pytest.mark.parametrize("shift", range(-16, 17, 2))
def test_no_part_of_a_secret_survives_at_the_edges_of_the_cut(spool, shift):
    cap = 20_000
    at_head, at_tail = cap // 2 + shift, 100_000 - cap // 2 + shift
    content = bytearray(b"x" * 100_000)
    for place in (at_head, at_tail):
        content[place : place + len(SECRET)] = SECRET.encode()
    text, _ = masked(spool(bytes(content)), Masker([SECRET]), cap)
    assert b"hush" not in text
    assert b"4711" not in text


def test_the_tail_is_masked_text_that_begins_with_a_line(spool):
    content = b"".join(b"%06d %s\n" % (number, SECRET.encode()) for number in range(10_000))
    text = tail(spool(content), Masker([SECRET]), 4096)
    assert text.endswith("009999 ••••••••\n")
    assert text[:6].isdigit()
    assert 3000 < len(text.encode()) <= 4096


def test_the_tail_of_one_long_line(spool):
    text = tail(spool(b"x" * 100_000 + b"\n"), Masker.empty, 4096)
    assert text == "x" * 4095 + "\n"


def test_the_tail_takes_any_bytes_and_no_nul(spool):
    content = b"a\0b\xff\xc5\x99\n" + b"hush-\0hush-4711"
    assert tail(spool(content), Masker([SECRET]), 4096) == "ab\ufffdř\n••••••••"


def test_a_secret_at_the_beginning_of_the_tail_shows_no_part(spool):
    for lead in range(20):
        content = b"x" * 5000 + SECRET.encode() + b"y" * (1024 - lead)
        text = tail(spool(content), Masker([SECRET]), 1024)
        assert "4711" not in text
        assert text.endswith("y" * 900)


def test_the_tail_shows_no_secret_in_an_old_encoding_not_even_between_nuls(spool):
    secret = "heslo-žluť-příliš"
    shown = secret.encode("cp1250")
    content = shown + b"\n" + b"\0".join(shown[at : at + 1] for at in range(len(shown))) + b"\n"
    assert tail(spool(content), Masker([secret]), 4096) == "••••••••\n••••••••\n"
