from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.jobs import renewal
from multiflexi.jobs.renewal import Renewal
from multiflexi.jobs.spool import AlreadyStarted, KillNote, LockHeld, Spool, SpoolDir, SpoolError

SOURCE = Path(__file__).resolve().parents[3]
NOTE = KillNote("terminated", "stopped", "user:1", "too slow", "2026-01-01T00:00:00+00:00", "boot:1", 12.5, None)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool", "host@a") as opened:
        yield opened


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_directories_are_private_and_carry_id_and_claim(spool: Spool) -> None:
    directory = spool.create(12, 3, {"retryable": True})
    assert directory.path == spool.path / "job-12-3"
    assert (mode(spool.path), mode(directory.path), mode(directory.spec)) == (0o700, 0o700, 0o600)
    assert (directory.job_id, directory.claim) == (12, 3)
    assert directory.read_spec() == {"retryable": True}
    assert [found.path for found in spool.existing()] == [directory.path]


def test_a_directory_of_another_shape_is_refused(tmp_path: Path) -> None:
    for name in ("job-1", "job-1-2x", "other"):
        with pytest.raises(SpoolError, match="job-<id>-<claim>"):
            SpoolDir(tmp_path / name)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_name_that_cannot_be_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpoolError, match="executor name"):
        Spool(tmp_path, name)


def test_only_one_process_holds_a_name_and_the_other_learns_which(spool: Spool) -> None:
    code = f"from multiflexi.jobs.spool import Spool; Spool({str(spool.path.parent)!r}, 'host@a')"
    refused = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(SOURCE)}
    )
    assert "LockHeld" in refused.stderr
    assert f"process {os.getpid()} " in refused.stderr
    with pytest.raises(LockHeld, match=f"process {os.getpid()} "):
        Spool(spool.path.parent, "host@a")
    spool.close()
    Spool(spool.path.parent, "host@a").close()


def test_an_earlier_unstarted_claim_is_removed(spool: Spool) -> None:
    earlier = spool.create(5, 1)
    earlier.stdout.write_text("old")
    later = spool.create(5, 2)
    assert not earlier.path.exists()
    assert list(later.path.iterdir()) == []


def test_an_earlier_claim_is_known_after_a_restart(spool: Spool) -> None:
    earlier = spool.create(5, 1)
    spool.close()
    with Spool(spool.path.parent, "host@a") as again:
        again.create(5, 2)
    assert not earlier.path.exists()


def test_a_claim_taken_back_is_removed_and_a_started_one_is_not(spool: Spool) -> None:
    taken_back = spool.create(5, 1)
    assert taken_back.take_start_mark()
    started = spool.create(5, 2)
    assert not taken_back.path.exists()
    for text in ("4711\n", ""):
        started.start.write_text(text)
        with pytest.raises(AlreadyStarted, match="claim 2"):
            spool.create(5, 3)
        assert started.path.exists()


def test_the_start_mark_is_taken_once(spool: Spool) -> None:
    directory = spool.create(1, 1)
    assert directory.read_start() is None
    assert directory.take_start_mark()
    assert not directory.take_start_mark()
    assert directory.read_start().pid == 0


@pytest.mark.parametrize(("text", "pid"), [("", None), ("47", None), ("47\n", 47), ("x\n", None), ("\n", None)])
def test_a_start_mark_counts_when_complete(spool: Spool, text: str, pid: int | None) -> None:
    directory = spool.create(1, 1)
    directory.start.write_text(text)
    assert directory.read_start().pid == pid


@pytest.mark.parametrize(("text", "code"), [("0\n", 0), ("255\n", 255), ("1", None), ("", None), ("999\n", None)])
def test_an_exit_status_counts_when_complete(spool: Spool, text: str, code: int | None) -> None:
    directory = spool.create(1, 1)
    assert directory.read_exit() is None
    directory.exit.write_text(text)
    found = directory.read_exit()
    assert (found.code if found else None) == code


def test_a_kill_note_is_read_as_written(spool: Spool) -> None:
    directory = spool.create(1, 1)
    assert directory.read_kill_note() is None
    directory.write_kill_note(NOTE)
    assert directory.read_kill_note() == NOTE
    assert mode(directory.kill) == 0o600
    for damaged in ("{", "[]", '{"reason": "timeout"}'):
        directory.kill.write_text(damaged)
        assert directory.read_kill_note() is None


def test_a_kill_note_is_on_disk_before_it_has_its_name(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, seen = spool.create(1, 1), []
    monkeypatch.setattr(
        os, "fsync", lambda number: seen.append((os.fstat(number).st_size > 0, directory.kill.exists()))
    )
    directory.write_kill_note(NOTE)
    assert seen[0] == (True, False)
    assert [named for _, named in seen] == [False, True]


def test_the_last_renewal_outlives_the_process_and_needs_no_further_space(spool: Spool) -> None:
    assert renewal.read(spool.renewed) is None
    longest = Renewal("b" * 36 + ":4026531836", 123456789.123456, 86400.0)
    renewal.note(spool.renewed, longest)
    size = spool.renewed.stat().st_size
    assert renewal.read(spool.renewed) == longest
    renewal.note(spool.renewed, Renewal("b", 1.0, 60.0))
    assert renewal.read(spool.renewed) == Renewal("b", 1.0, 60.0)
    assert spool.renewed.stat().st_size == size
    spool.renewed.write_text("{}")
    assert renewal.read(spool.renewed) is None


def test_removal_may_be_repeated_and_does_not_follow_links(spool: Spool, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    directory = spool.create(1, 1)
    (directory.path / "link").symlink_to(kept)
    (directory.path / "sub").mkdir()
    (directory.path / "sub" / "file").touch()
    spool.remove(directory)
    spool.remove(directory)
    assert not directory.path.exists()
    assert (kept / "file").exists()
    assert not directory.readable()
