"""MIME types by content, then by name."""

import io
import zipfile

import pytest

from multiflexi.jobs.mime import detect


def archive():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a", "b")
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b'{"a": 1}', "application/json"),
        ("a.json", b"broken {", "application/json"),
        ("a.csv", b"name;value\na;1\n", "text/csv"),
        ("a.txt", b"hello\n", "text/plain"),
        ("noextension", b"hello\n", "text/plain"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        ("a.txt", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20), "image/png"),
        ("a.zip", archive(), "application/zip"),
        ("a.html", b"<!DOCTYPE html><html><body>x</body></html>", "text/html"),
        ("a.bin", bytes([7, 0, 3, 250, 1]) * 50, "application/octet-stream"),
        ("a.unknown", bytes([7, 0, 3, 250, 1]) * 50, "application/octet-stream"),
        ("empty.json", b"", "application/json"),
        ("empty", b"", "text/plain"),
        ("a.log", b"line\n", "text/plain"),
    ],
)
def test_types(name, content, expected):
    assert detect(name, content) == expected
