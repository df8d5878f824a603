"""Live lines: splitting, masking, numbering, caps, and going on after an interruption."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.jobs.output import BATCH_LINES, FINAL_LINES, LINE_BYTES, ROW_COST, LineFeed, line_starts_backwards
from multiflexi.vault.masker import Masker

SECRET = "hush-hush-4711"
KIB = 1024


@pytest.fixture
def job(tmp_path):
    return Spool(tmp_path)


class Spool:
    def __init__(self, directory):
        self.stdout, self.stderr = directory / "stdout", directory / "stderr"
        self.stdout.write_bytes(b"")
        self.stderr.write_bytes(b"")

    def feed(self, masker=Masker.empty, **more):
        return LineFeed(1, self.stdout, self.stderr, masker, **more)

    def write(self, out=b"", err=b""):
        for path, data in ((self.stdout, out), (self.stderr, err)):
            with path.open("ab") as file:
                file.write(data)


def take(feed, *, final=False):
    lines = []
    while (batch := feed.read(final=final)) is not None:
        assert len(batch.lines) <= 2 * (FINAL_LINES if final else BATCH_LINES)
        lines.extend(batch.lines)
        feed.accept(batch)
    return lines


def texts(lines):
    return [line.line for line in lines]


def test_lines_of_both_streams_share_one_numbering(job):
    feed = job.feed()
    job.write(b"one\ntwo\n", b"oops\n")
    lines = take(feed)
    assert [(line.seq, line.type, line.line) for line in lines] == [
        (1, "stdout", "one"),
        (2, "stdout", "two"),
        (3, "stderr", "oops"),
    ]
    job.write(b"three\n")
    assert [(line.seq, line.line) for line in take(feed)] == [(4, "three")]


def test_an_unfinished_line_waits_for_its_end_or_for_the_end_of_the_job(job):
    feed = job.feed()
    job.write(b"one\ntw")
    assert texts(take(feed)) == ["one"]
    job.write(b"o")
    assert texts(take(feed)) == []
    assert texts(take(feed, final=True)) == ["two"]


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"10%\r20%\r100%\n", ["10%", "20%", "100%"]),
        (b"\n\na\n", ["", "", "a"]),
        (b"a\0b\n", ["ab"]),
        (b"\xff\xc5\x99\n", ["\ufffdř"]),
        (b"a\r", ["a"]),
        (b"", []),
        (b"no end", ["no end"]),
    ],
)
def test_line_ends_and_bytes(job, output, lines):
    job.write(output)
    assert texts(take(job.feed(), final=True)) == lines


def test_a_cr_waits_for_the_lf_that_may_follow(job):
    feed = job.feed()
    job.write(b"a\r")
    assert take(feed) == []
    job.write(b"\nb\n")
    assert texts(take(feed)) == ["a", "b"]


def test_missing_files_are_no_output(tmp_path):
    assert take(LineFeed(1, tmp_path / "no", tmp_path / "none", Masker.empty), final=True) == []


def test_long_lines_are_cut_between_characters(job):
    job.write("ř".encode() * 20_000 + b"\nend\n")
    lines = take(job.feed(), final=True)
    assert [line.continued for line in lines] == [True, True, False, False]
    assert "".join(texts(lines[:3])) == "ř" * 20_000
    assert all(len(line.line.encode()) <= LINE_BYTES for line in lines)


def test_a_line_without_end_is_delivered_in_pieces_and_masked_across_them(job):
    piece = b"x" * (256 * KIB - 7)
    job.write(piece + SECRET.encode() + piece)
    feed = job.feed(Masker([SECRET]), cap=4 * KIB * KIB)
    lines = take(feed)
    assert all(line.continued for line in lines)
    lines += take(feed, final=True)
    assert not lines[-1].continued
    assert "".join(texts(lines)) == piece.decode() + "••••••••" + piece.decode()


def test_secrets_are_masked_also_when_nul_characters_are_taken_out(job):
    job.write(f"key {SECRET}\nhush-\0hush-4711\n".encode())
    assert texts(take(job.feed(Masker([SECRET])))) == ["key ••••••••", "••••••••"]


def test_every_line_of_a_multi_line_secret_is_masked(job):
    feed = job.feed(Masker(["first part\nsecond part"]))
    job.write(b"first part\r\n")
    lines = take(feed)
    job.write(b"second part\r\n")
    assert texts(lines + take(feed)) == ["••••••••", "••••••••"]


def test_a_batch_that_was_not_accepted_is_read_again(job):
    job.write(b"one\ntwo\n")
    feed = job.feed()
    first = feed.read()
    assert texts(feed.read().lines) == texts(first.lines) == ["one", "two"]


@pytest.mark.parametrize("cap", [4 * KIB, 4 * KIB * KIB])
def test_what_is_written_behind_the_end_of_the_job_never_keeps_it_from_ending(job, cap):
    feed = job.feed(cap=cap)
    job.write(b"said\n" * 100)
    for _ in range(20):
        if (batch := feed.read(final=True)) is None:
            break
        feed.accept(batch)
        job.write(b"left behind\n" * 200, b"left behind\n" * 200)
    else:
        pytest.fail("it goes on for as long as something is written")


def test_a_new_feed_goes_on_where_another_stopped(job):
    job.write(b"".join(b"%d\n" % n for n in range(1000)), b"e\n")
    feed = job.feed()
    batch = feed.read()
    assert len(batch.lines) == 200
    second = job.feed(stdout_offset=batch.stdout_offset, stderr_offset=batch.stderr_offset, seq=len(batch.lines) + 1)
    rest = take(second, final=True)
    assert texts([*batch.lines, *rest]).count("e") == 1
    numbers = [line for line in [*batch.lines, *rest] if line.type == "stdout"]
    assert texts(numbers) == [str(n) for n in range(1000)]
    assert [line.seq for line in [*batch.lines, *rest]] == list(range(1, 1002))


def test_beyond_the_cap_head_and_tail_are_kept(job):
    job.write(b"".join(b"%06d\n" % n for n in range(100_000)))
    feed = job.feed(cap=100 * KIB)
    live = take(feed)
    assert live[-1].line != "099999"
    assert not feed.truncated
    job.write(b"100000\n")
    assert take(feed) == []
    rest = take(feed, final=True)
    assert feed.truncated
    omitted = int(rest[0].line.split()[1])
    kept = texts(live) + texts(rest[1:])
    assert omitted + sum(len(text) + 1 for text in kept) == 100_001 * 7
    assert kept[0] == "000000"
    assert kept[-1] == "100000"
    assert int(rest[1].line) == 100_001 - len(rest) + 1
    assert sum(len(text) + 1 + ROW_COST for text in kept) < 100 * KIB + 200 * (7 + ROW_COST)
    assert [line.seq for line in live + rest] == list(range(1, len(live + rest) + 1))


def test_both_streams_keep_a_tail(job):
    job.write(b"out\n" * 50_000, b"err\n" * 50_000 + b"last words\n")
    lines = take(job.feed(cap=64 * KIB), final=True)
    assert sum("omitted" in line.line for line in lines) == 2
    assert lines[-1].line == "last words"
    kinds = [line.type for line in lines]
    assert min(kinds.count("stdout"), kinds.count("stderr")) > 100


def test_a_short_stream_leaves_its_share_to_the_other(job):
    job.write(b"out\n" * 50_000, b"only words\n")
    lines = take(job.feed(cap=64 * KIB), final=True)
    assert "only words" in texts(lines)
    assert sum(line.type == "stdout" for line in lines) > 900


def test_an_interruption_in_the_tail_tells_the_gap_once(job):
    job.write(b"".join(b"%06d\n" % n for n in range(50_000)))
    whole = texts(take(job.feed(cap=100 * KIB), final=True))
    lines, state = [], {}
    while True:
        feed = job.feed(cap=100 * KIB, **state)
        batch = feed.read(final=True)
        if batch is None:
            break
        lines += texts(batch.lines)
        state = {"stdout_offset": batch.stdout_offset, "stderr_offset": batch.stderr_offset, "seq": len(lines) + 1}
    assert lines == whole


def test_the_tail_of_one_endless_line_shows_no_part_of_a_secret(job):
    for shift in range(0, 16, 3):
        job.stdout.write_bytes(
            b"x" * 150_000 + b"\n" + b"x" * (100_000 + shift) + SECRET.encode() + b"y" * (32 * KIB - 8)
        )
        lines = take(job.feed(Masker([SECRET]), cap=64 * KIB), final=True)
        assert "4711" not in "".join(texts(lines))
        assert lines[-1].line.endswith("y")


def test_memory_stays_small_for_large_output(job):
    with job.stdout.open("wb") as file:
        for _ in range(200):
            file.write(b"some line of output\n" * (KIB * KIB // 20))
    tracemalloc.start()
    count = 0
    feed = job.feed(Masker([SECRET]))
    for batch in feed.drain():
        count += len(batch.lines)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert feed.truncated
    assert 10_000 < count < 70_000
    assert peak < 16 * KIB * KIB


@given(st.binary(max_size=200).map(lambda data: data.replace(b"x", b"\n").replace(b"y", b"\r")))
def test_line_starts_backwards_agree_with_splitting(data):
    starts, position = [], 0
    for line in data.replace(b"\x0b", b".").replace(b"\x0c", b".").splitlines(keepends=True):
        starts.append(position)
        position += len(line)
    assert list(line_starts_backwards(data)) == starts[::-1]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.booleans())
def test_lines_do_not_depend_on_how_the_output_arrives(tmp_path_factory, pieces, secret):
    masker = Masker(["ab\0c" * 2, "abcd"]) if secret else Masker.empty
    whole, parts = Spool(tmp_path_factory.mktemp("a")), Spool(tmp_path_factory.mktemp("b"))
    whole.write(b"".join(pieces))
    feed, lines = parts.feed(masker), []
    for piece in pieces:
        parts.write(piece)
        lines += texts(take(feed))
    lines += texts(take(feed, final=True))
    assert lines == texts(take(whole.feed(masker), final=True))


@pytest.mark.parametrize("encoding", ["iso-8859-2", "cp1250"])
def test_a_secret_in_an_old_encoding_is_masked(job, encoding):
    secret = "heslo-žluť-příliš"
    job.write(f"token {secret} ok\nnext\n".encode(encoding))
    assert [line.line for line in take(job.feed(Masker([secret])), final=True)] == ["token •••••••• ok", "next"]
