"""Reading below a directory full of traps."""

import os
from pathlib import Path

import pytest

from multiflexi.jobs import beneath


def parts(root, **more):
    return [("/".join(entry.parts), entry.is_directory) for entry in beneath.walk(root, **more)]


def test_regular_files_and_directories_in_order(tmp_path):
    (tmp_path / "b").write_text("x")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c").write_text("xyz")
    assert parts(tmp_path) == [("a", True), ("a/c", False), ("b", False)]
    assert beneath.entry(tmp_path, ("a", "c")).size == 3


def test_links_pipes_and_hidden_directories_are_left_out(tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "dirlink").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x").write_text("x")
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "x").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    assert parts(tmp_path, skip=frozenset({"inputs"})) == [(".hidden", False)]


@pytest.mark.parametrize("name", ["link", "pipe", "directory", "dirlink/passwd"])
def test_nothing_but_regular_files_is_opened(tmp_path, name):
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "dirlink").symlink_to("/etc")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(beneath.Refused):
        os.close(beneath.open_file(tmp_path, tuple(name.split("/"))))


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        beneath.open_file(tmp_path, ("none",))


def test_no_descriptor_is_left_open(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    parts(tmp_path)
    os.close(beneath.open_file(tmp_path, ("a", "b", "c")))
    for name in (("a", "none"), ("none", "x"), ("a", "b")):
        with pytest.raises(OSError):
            beneath.open_file(tmp_path, name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
