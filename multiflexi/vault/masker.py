"""Replaces secrets in text and in byte streams by eight bullets, and counts the replaced spans."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import inf
from typing import ClassVar

from multiflexi.vault.forms import MIN_LENGTH, as_bytes, forms
from multiflexi.vault.secrecy import MASK

MASK_BYTES = MASK.encode()
# A search returns its matches as one list, so its input is cut into pieces to keep that list small.
_PIECE = 64 * 1024
# A full table of transitions searches at more than twice the speed. It costs milliseconds and about 300 bytes for each
# byte of the patterns, so it is made once it pays, and not for patterns beyond a limit.
_MUCH_SEARCHED = 1024 * 1024
_TABLE_AT_MOST = 16 * 1024


class Masker:
    """Finds a fixed set of secrets in the forms of `multiflexi.vault.forms`.

    Values that are too short or too common are ignored (`forms.is_maskable`). Immutable and safe to share
    between threads; never shows its secrets.
    """

    empty: ClassVar["Masker"]

    def __init__(self, secrets: Iterable[str]) -> None:
        patterns = sorted(_without_repeats(set().union(*map(forms, secrets))))
        self._index = _Index(patterns) if patterns else None

    def __bool__(self) -> bool:
        return self._index is not None

    def mask_text(self, text: str) -> tuple[str, int]:
        """The text with every secret replaced, and the number of replaced spans; the rest is unchanged."""
        if self._index is None or not text:
            return text, 0
        data, errors = as_bytes(text)
        masked, count = self.mask_bytes(data)
        return (masked.decode("utf-8", errors), count) if count else (text, 0)

    def mask_bytes(self, data: bytes) -> tuple[bytes, int]:
        """As `mask_text`, for bytes of any encoding."""
        stream = self.stream()
        return stream.feed(data) + stream.finish(), stream.count

    def stream(self) -> "MaskStream":
        """A filter for one byte stream."""
        return MaskStream(self._index)

    def found_in(self, chunks: Iterable[bytes]) -> bool:
        """Whether any secret occurs in a stream of chunks; stops reading at the first one."""
        if self._index is None:
            return False
        carry = b""
        for chunk in chunks:
            for piece in _pieces(chunk):
                buffer = carry + piece
                if self._index.has_match(buffer):
                    return True
                carry = buffer[self._index.undecided_from(buffer) :]
        return False


class MaskStream:
    """Masks one stream; the result does not depend on how the stream is cut into chunks.

    Only bytes that may be the beginning of a secret are held back, at most the longest form of a secret.
    `count` is the number of masked spans so far; spans that overlap are one.
    """

    def __init__(self, index: "_Index | None") -> None:
        self._index = index
        self._carry = b""
        self._covered = 0  # leading bytes of the carry that belong to a span already written and counted
        self.count = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next chunk and return what is decided by now."""
        if self._index is None:
            return data
        return b"".join([part for piece in _pieces(data) for part in self._advance(self._index, piece)])

    def finish(self) -> bytes:
        """The rest, after the last chunk."""
        if self._index is None:
            return b""
        return b"".join(self._write(self._index, self._carry, len(self._carry)))

    def _advance(self, index: "_Index", piece: bytes) -> Iterator[bytes]:
        buffer = self._carry + piece if self._carry else piece
        return self._write(index, buffer, index.undecided_from(buffer))

    def _write(self, index: "_Index", buffer: bytes, decided: int) -> Iterator[bytes]:
        """Write the decided part; a span that reaches beyond it is written now and continued, not repeated."""
        position = 0
        for start, end in _merged(index.matches(buffer), self._covered):
            is_continued = start == 0 and self._covered
            if start >= decided and not is_continued:
                break
            if not is_continued:
                yield buffer[position:start]
                yield MASK_BYTES
                self.count += 1
            position = end
        if position < decided:
            yield buffer[position:decided]
        self._covered = max(position - decided, 0)
        self._carry = buffer[decided:]


class _Index:
    """The automaton over all patterns, and a second one over their heads that finds unfinished matches."""

    def __init__(self, patterns: list[bytes]) -> None:
        from ahocorasick_rs import BytesAhoCorasick

        self._patterns = patterns
        self._search = BytesAhoCorasick(patterns)
        self._until_table = _MUCH_SEARCHED if sum(map(len, patterns)) <= _TABLE_AT_MOST else inf
        self._reach = max(map(len, patterns)) - 1
        self._by_head: dict[bytes, list[bytes]] = defaultdict(list)
        for pattern in patterns:
            self._by_head[pattern[:MIN_LENGTH]].append(pattern)
        self._head_search = BytesAhoCorasick(list(self._by_head))
        self._beginnings = frozenset(head[:size] for head in self._by_head for size in range(1, MIN_LENGTH))

    def matches(self, data: bytes) -> list[tuple[int, int]]:
        """Start and end of every match, overlapping ones too."""
        self._count(len(data))
        return [(start, end) for _, start, end in self._search.find_matches_as_indexes(data, overlapping=True)]

    def has_match(self, data: bytes) -> bool:
        self._count(len(data))
        return bool(self._search.find_matches_as_indexes(data))

    def _count(self, searched: int) -> None:
        """Threads that share the index may make the table twice; it is the same table."""
        self._until_table -= searched
        if self._until_table < 0:
            from ahocorasick_rs import BytesAhoCorasick, Implementation

            self._until_table = inf
            self._search = BytesAhoCorasick(self._patterns, implementation=Implementation.DFA)

    def undecided_from(self, data: bytes) -> int:
        """Where the first match begins that later bytes may complete; the length of the data if there is none."""
        base = max(len(data) - self._reach, 0)
        tail = data[base:]
        for _, start, end in self._head_search.find_matches_as_indexes(tail, overlapping=True):
            rest = tail[start:]
            if any(len(rest) < len(pattern) and pattern.startswith(rest) for pattern in self._by_head[tail[start:end]]):
                return base + start
        for size in range(min(MIN_LENGTH - 1, len(tail)), 0, -1):
            if tail[-size:] in self._beginnings:
                return len(data) - size
        return len(data)


def _without_repeats(patterns: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out patterns that a shorter one covers wherever they occur, as `abab` does with `ababab`.

    Hundreds of such secrets would else all match at every byte of an output that repeats them. A pattern that repeats
    its first bytes is made of overlapping occurrences of a shorter one that repeats the same bytes and ends likewise.
    """
    seen: set[tuple[bytes, int]] = set()
    for pattern in sorted(patterns, key=len):
        half = (len(pattern) + 1) // 2
        period = pattern.find(pattern[:half], 1)
        if period > 0 and pattern.startswith(pattern[period:]):
            kind = (pattern[:period], len(pattern) % period)
            if kind in seen:
                continue
            seen.add(kind)
        yield pattern


def _merged(matches: list[tuple[int, int]], covered: int) -> list[tuple[int, int]]:
    """Overlapping matches joined; touching ones stay apart. A covered beginning counts as the first match."""
    spans: list[tuple[int, int]] = [(0, covered)] if covered else []
    for start, end in sorted(matches):
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


Masker.empty = Masker(())
