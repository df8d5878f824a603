from __future__ import annotations

from pathlib import Path

import pytest

from multiflexi.environ import SettingsError, SettingsFileError, read_env_file


def values(path: Path) -> dict[str, str]:
    return {key: entry.value for key, entry in read_env_file(path).entries.items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "multiflexi.env"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("  A = b c  ", "b c"),
        ("export A=b", "b"),
        ("A=b # comment", "b"),
        ("A=b#no comment", "b#no comment"),
        ("A='p#a\"s$s\\n'", 'p#a"s$s\\n'),
        ('A="p#a\\"s$s"', 'p#a"s$s'),
        ('A="C:\\dir"', "C:\\dir"),
        ('A="one\\ntwo"', "one\ntwo"),
        ("A=it's", "it's"),
        ("A=a=b==", "a=b=="),
        ("A=b\r", "b"),
        ("\ufeffA=b", "b"),
    ],
)
def test_a_line_gives_its_value(file: Path, line: str, value: str) -> None:
    file.write_text(line + "\n", encoding="utf-8", newline="")
    assert values(file) == {"A": value}


def test_lines_are_counted_over_blanks_comments_and_long_values(file: Path) -> None:
    file.write_text("# one\n\nA=1\n\n\nB='x\ny\nz'\n; note\nC=3\n", encoding="utf-8")
    entries = read_env_file(file).entries
    assert {key: entry.line for key, entry in entries.items()} == {"A": 3, "B": 6, "C": 10}
    assert entries["B"].value == "x\ny\nz"


@pytest.mark.parametrize("text", ["A=1\nnonsense\n", "A=1\n1A=2\n", "A=1\nB='unclosed-value\n"])
def test_a_line_that_cannot_be_understood_is_named_without_its_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"^{file}:2: ") as caught:
        read_env_file(file)
    assert "nonsense" not in str(caught.value)
    assert "unclosed-value" not in str(caught.value)


def test_what_systemd_reads_differently_is_noticed(file: Path) -> None:
    file.write_text("[database]\nexport A=1\nB = 2\nC=3 # three\nD=1\nD=2\nE=plain\n", encoding="utf-8")
    assert [line for line, _ in read_env_file(file).notices] == [1, 2, 3, 4, 6]


def test_a_json_object_gives_names_values_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "multiflexi.json"
    file.write_text('{\n "A": "x",\n "N": 5,\n "B": true,\n\n "Z": null\n}', encoding="utf-8")
    entries = read_env_file(file).entries
    assert {key: (entry.value, entry.line) for key, entry in entries.items()} == {
        "A": ("x", 2),
        "N": ("5", 3),
        "B": ("true", 4),
    }


@pytest.mark.parametrize(
    ("text", "place"), [("[1]", ""), ('{"A": {}}', ":1"), ('{\n"A": 1,\n}', ":[23]"), ('{"a b": 1}', ":1")]
)
def test_json_that_is_no_plain_object_is_refused(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "multiflexi.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"^{file}{place}: "):
        read_env_file(file)


def test_a_file_that_is_absent_or_no_text_is_named(tmp_path: Path, file: Path) -> None:
    with pytest.raises(SettingsFileError, match=r"absent\.env cannot be read: No such file"):
        read_env_file(tmp_path / "absent.env")
    file.write_bytes(b"A=\xff\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_env_file(file)
