"""What is no acceptable JSON object is refused with the place and the rule."""

from __future__ import annotations

import json

import pytest

from multiflexi.manifests.findings import Unreadable
from multiflexi.manifests.reading import read


def refusal(data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(data)
    return str(caught.value)


def test_a_syntax_error_has_line_and_column() -> None:
    assert "line 2, column 8" in refusal(b'{\n  "a": ,\n}')
    assert "line 1, column" in refusal(b'{"a": 1,}')


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty"),
        (b"[]", "no JSON object"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        ('{"a": 1}'.encode("utf-32-le"), "UTF-32"),
        (b'{\n"a": "\xe1"}', "line 2, byte 7"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": "\\u0000"}', "/a: contains a NUL"),
        (b'{"a": {"\\ud800": 1}}', "surrogate"),
        (b"{" + b'"a": {' * 30 + b"}" * 31, "deeper than 20"),
        (b'{"a": "' + b"x" * 65537 + b'"}', "/a: is 65537 bytes long"),
        (b" " * (1024 * 1024) + b"{}", "at most 1048576"),
    ],
)
def test_refused_files(data: bytes, rule: str) -> None:
    assert rule in refusal(data)


def test_limits_themselves_are_accepted() -> None:
    inner: object = "x" * 65536
    for _ in range(19):
        inner = {"a": inner}
    assert read(json.dumps({"b": inner}).encode()).findings == ()


def test_brackets_inside_of_texts_do_not_nest() -> None:
    assert read(json.dumps({"a": "[" * 100 + '"{\\' * 50}).encode()).document


def test_a_byte_order_mark_is_reported() -> None:
    source = read(b"\xef\xbb\xbf{}")
    assert [finding.severity for finding in source.findings] == ["warning"]


def test_repeated_keys_are_reported_with_their_place() -> None:
    source = read(b'{"a": [{"b": 1, "b": 2}], "c/d": 1, "c/d": 2}')
    assert source.document["a"] == [{"b": 2}]
    assert {finding.path for finding in source.findings} == {"/a/0/b", "/c~1d"}


def test_numbers_without_fraction_are_whole() -> None:
    assert json.dumps(read(b'{"a": [1.0, 1e3, -0.0, 1.5]}').document["a"]) == "[1, 1000, 0, 1.5]"
