"""Which files become artifacts, under which name, with which note."""

import os
import threading

import pytest

from multiflexi.jobs import artifacts, collect
from tests.integration.artifacts.conftest import SECRET, Ended


def names(ended):
    return list(ended.artifacts())


OUTPUT = ["stdout.txt", "stderr.txt"]


def test_output_is_always_kept_first_also_when_empty(ended):
    ended.keep()
    kept = ended.artifacts()
    assert list(kept) == OUTPUT
    assert [(row.kind, row.note, row.size, row.content_type) for row in kept.values()] == [
        ("stdout", "Standard output", 0, "text/plain"),
        ("stderr", "Standard error", 0, "text/plain"),
    ]


def test_result_file_before_promised_files_in_the_order_of_their_names(ended, promise):
    promise(r".*\.json$")
    for name in ("b.json", "a.json", "z.json", "c.txt"):
        ended.file(name)
    ended.result(str(ended.dir / "z.json"))
    ended.keep()
    assert names(ended) == [*OUTPUT, "z.json", "a.json", "b.json"]
    assert ended.artifacts()["z.json"].kind == "result"


def test_without_promise_nothing_but_the_result_file_is_kept(ended):
    ended.file("other.txt")
    ended.result(str(ended.file("sub/out.txt")))
    ended.keep()
    assert names(ended) == [*OUTPUT, "out.txt"]
    assert ended.artifacts()["out.txt"].note == "Result file"


def test_a_missing_result_file_is_no_fault(ended):
    ended.result(str(ended.dir / "none.json"))
    assert ended.keep().collect_error is None


def test_notes_come_from_the_definition_in_the_language_of_the_company(ended, promise, acme):
    row = promise("${RESULT_FILE}", "html", en="Digest", cs="Přehled")
    ended.result(str(ended.file("digest.html", b"<!DOCTYPE html><html></html>")))
    acme.language = "cs_CZ"
    ended.job.company.language = "cs_CZ"
    ended.keep()
    kept = ended.artifacts()["digest.html"]
    assert (kept.note, kept.app_artifact_id, kept.kind, kept.content_type) == ("Přehled", row.pk, "result", "text/html")


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"report_{ACCOUNT}\.json$", "report_a+b.json", "report_aab.json"),
        (r"report_{\d+}.json$", "report_{12}.json", "report_12.json"),
        (r"r\d{2}", "r12", "r1"),
        ("csas_balance.json", "csas_balance.json", "else.json"),
        ("broken(", "broken(", "broken"),
        ("rep.*", "my report.txt", "my.txt"),
        (r"{e}\.x", "{e}.x", "a.x"),
    ],
)
def test_patterns(ended, promise, pattern, matching, other):
    promise(pattern)
    ended.resolved.values["ACCOUNT"] = "a+b"
    ended.file(matching)
    ended.file(other)
    ended.keep()
    assert names(ended) == [*OUTPUT, matching]


def test_patterns_of_unset_or_secret_values_match_nothing(ended, promise):
    promise("${RESULT_FILE}")
    promise("{TOKEN}")
    ended.resolved.known = frozenset({"RESULT_FILE"})
    ended.resolved.values["TOKEN"] = SECRET
    ended.resolved.meta["TOKEN"] = {"secret": True}
    ended.file("a.txt")
    ended.file(SECRET)
    ended.keep()
    assert names(ended) == OUTPUT


def test_a_pattern_that_takes_too_long_is_given_up(ended, promise):
    promise(r"^(a|aa)+$")
    promise("b.txt")
    ended.file("a" * 80 + "!")
    ended.file("b.txt")
    kept = ended.keep()
    assert names(ended) == [*OUTPUT, "b.txt"]
    assert "takes too long" in kept.collect_error


def test_links_pipes_inputs_and_hidden_directories_are_not_kept(ended, promise, tmp_path):
    promise(".*")
    outside = tmp_path / "secret.txt"
    outside.write_text("x")
    (ended.dir / "link.txt").symlink_to(outside)
    (ended.dir / "dir").symlink_to(tmp_path)
    os.mkfifo(ended.dir / "pipe")
    ended.file("inputs/CERT/key.pem")
    ended.file(".cache/thing")
    ended.file("mine.txt")
    ended.file("sub/deep/mine2.txt")
    ended.keep()
    assert names(ended) == [*OUTPUT, "mine.txt", "mine2.txt"]


@pytest.mark.parametrize("target", ["../secret.txt", "/etc/hostname", "link.txt", "dir/secret.txt"])
def test_a_result_file_outside_is_refused_with_a_warning(ended, tmp_path, target):
    (tmp_path / "secret.txt").write_text("x")
    (ended.dir / "link.txt").symlink_to(tmp_path / "secret.txt")
    (ended.dir / "dir").symlink_to(tmp_path)
    ended.result(target if target.startswith("/") else f"{ended.dir}/{target}")
    kept = ended.keep()
    assert names(ended) == OUTPUT
    assert "not kept" in kept.collect_error


def test_a_result_file_in_an_allowed_directory_is_kept_unless_it_is_older_than_the_job(ended, app, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    ended.job.app.result_paths = [str(shared)]
    (shared / "out.csv").write_text("a;b\n")
    ended.result(str(shared / "out.csv"))
    ended.keep()
    assert "out.csv" in names(ended)
    os.utime(shared / "out.csv", (1, 1))
    ended.job.artifacts.all().delete()
    assert "not written by this job" in ended.keep().collect_error


def test_paths_of_a_container_are_found_on_the_host(ended):
    ended.resolved.directory = "/work"
    ended.file("out.json")
    ended.result("/work/out.json")
    ended.keep()
    assert "out.json" in names(ended)


def test_one_file_is_kept_once_and_equal_names_are_numbered(ended, promise):
    promise(".*txt")
    promise("(?i)^a.*")
    ended.file("a.txt", b"1")
    ended.file("sub/a.txt", b"2")
    ended.file("sub2/A.TXT", b"3")
    ended.file("stdout.txt", b"4")
    os.link(ended.dir / "a.txt", ended.dir / "z.txt")
    ended.keep()
    kept = {name: bytes(row.artifact) for name, row in ended.artifacts().items()}
    assert kept == {
        "stdout.txt": b"",
        "stderr.txt": b"",
        "a.txt": b"1",
        "stdout (2).txt": b"4",
        "a (2).txt": b"2",
        "A (3).TXT": b"3",
    }


def test_a_secret_in_a_file_name_is_masked_and_stays_unique(ended, promise):
    promise(".*")
    ended.file(f"{SECRET}.txt")
    ended.file(f"sub/{SECRET}.txt")
    ended.keep()
    assert names(ended) == [*OUTPUT, "••••••••.txt", "•••••••• (2).txt"]


def test_undecodable_and_very_long_names(ended, promise):
    promise(".*")
    (ended.dir / os.fsdecode(b"a\xff.txt")).touch()
    ended.file("b" * 251 + ".txt")
    ended.file("sub/" + "b" * 251 + ".txt")
    ended.keep()
    assert names(ended) == [*OUTPUT, "a?.txt", "b" * 251 + ".txt", "b" * 247 + " (2).txt"]


def test_too_large_files_are_told_with_name_and_size(ended, promise, settings):
    settings.MULTIFLEXI_ARTIFACT_MAX_BYTES = 1000
    promise(".*")
    ended.file("big", b"x" * 1001)
    ended.file("fits", b"x" * 1000)
    kept = ended.keep()
    assert names(ended) == [*OUTPUT, "fits"]
    assert "big (1001 bytes) is too large" in kept.collect_error


def test_limits_per_job(ended, promise, monkeypatch):
    promise(".*")
    for number in range(6):
        ended.file(f"f{number}", b"x" * 100)
    monkeypatch.setattr(collect, "MAX_TOTAL", 300)
    [kept] = artifacts.build([ended.left])
    assert len(kept.pieces) == 2 + 3
    assert "f5 (100 bytes)" in kept.collect_error
    monkeypatch.setattr(collect, "MAX_TOTAL", 3000)
    monkeypatch.setattr(collect, "MAX_FILES", 4)
    [kept] = artifacts.build([ended.left])
    assert len(kept.pieces) == 2 + 4
    assert "2 more files" in kept.collect_error


def test_a_file_that_cannot_be_read_leaves_the_others_alone(ended, promise, monkeypatch):
    promise(".*")
    ended.file("a", b"x" * 50_000)
    ended.file("b", b"x" * 50_000)
    [kept] = artifacts.build([ended.left])
    (ended.dir / "a").unlink()
    (ended.dir / "a").symlink_to("/etc/passwd")
    artifacts.save([kept])
    assert names(ended) == [*OUTPUT, "b"]
    assert "a was not kept" in kept.collect_error


def test_a_file_that_is_still_written_to_does_not_hold_up_anything(ended, promise):
    promise(".*")
    ended.file("growing", b"x" * 50_000)
    [kept] = artifacts.build([ended.left])
    stop = threading.Event()

    def grow():
        with (ended.dir / "growing").open("ab") as file:
            while not stop.is_set():
                file.write(b"y" * 10_000)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        artifacts.save([kept])
    finally:
        stop.set()
        thread.join()
    assert ended.artifacts()["growing"].size == 50_000


def test_a_job_that_was_never_started_has_its_output_only(make_job, tmp_path):
    ended = Ended(make_job(), tmp_path)
    left = artifacts.Leftovers(ended.job, tmp_path / "none", tmp_path / "nothing", ended.resolved)
    [kept] = artifacts.build([left])
    artifacts.save([kept])
    assert names(ended) == OUTPUT
    assert (kept.stdout_bytes, kept.stdout_tail) == (0, "")
