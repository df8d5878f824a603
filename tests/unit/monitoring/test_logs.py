from __future__ import annotations

import contextlib
import io
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.monitoring import logs
from multiflexi.monitoring.logs.lines import MOST_CHARACTERS
from multiflexi.monitoring.logs.repeats import BURST, WINDOW_SECONDS, RepeatLimit
from multiflexi.monitoring.logs.setup import Root

log = logging.getLogger("multiflexi.test")


class Output(io.StringIO):
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@pytest.fixture(autouse=True)
def restored_root() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)


@pytest.fixture
def output() -> Output:
    stream = Output()
    logs.configure("executor", "h1", stream=stream, secrets=["hunter22"])
    return stream


def test_a_line_tells_who_what_and_about_which_job(output: Output) -> None:
    with logs.bound(job=12, company=3):
        log.info("job ended", extra={"task": 7, "status": 0})
    line = output.lines()[0]
    assert line.startswith("time=20")
    assert line.endswith(
        "level=info daemon=executor instance=h1 job=12 company=3 task=7 logger=multiflexi.test "
        'message="job ended" status=0'
    )


def test_ids_end_with_their_block_and_a_record_s_own_win(output: Output) -> None:
    with logs.bound(job=1):
        with logs.bound(company=2):
            log.info("a", extra={"job": 9})
        log.info("b")
    log.info("c")
    first, second, third = output.lines()
    assert "job=9 company=2" in first
    assert "job=1" in second
    assert "company=" not in second
    assert "job=" not in third


def test_json_lines_hold_the_same_fields(output: Output) -> None:
    logs.configure("executor", "h1", form="json", stream=output)
    log.warning("x\ny", extra={"job": 5})
    fields = json.loads(output.lines()[0])
    assert fields["message"] == "x\ny"
    assert (fields["job"], fields["level"], fields["daemon"]) == (5, "warning", "executor")
    assert fields["time"].endswith("Z")


@pytest.mark.parametrize("form", ["keyvalue", "json"])
def test_a_message_cannot_fake_a_line(output: Output, form: str) -> None:
    logs.configure("executor", "h1", form=form, stream=output)
    log.info("a\nb\r\x1b[31m\x85\u2028\u202ec\ud800", extra={"path": "x\ny"})
    assert len(output.getvalue().splitlines()) == 1
    assert not set(output.getvalue()[:-1]) & set("\n\r\x1b\x85\u2028\u202e\ud800")


@pytest.mark.parametrize(
    "text",
    [
        "MasterKeyMissing: no master key is configured",
        "multiflexi.vault.errors.MasterKeyWrong: keys were wrapped by another one",
        "TokenExpiredError: yesterday",
    ],
)
def test_the_name_of_an_error_is_not_taken_for_the_name_of_a_secret(output: Output, text: str) -> None:
    log.error("the cycle failed: %s", text)
    assert text in output.getvalue()


@pytest.mark.parametrize(
    "name",
    ["SecretAccessKey: ", "accessToken: ", "Token: ", "DB_PASSWORD=", "MasterKeyMissing=", '"apiKey": ', "secretkey="],
)
def test_the_value_of_a_name_that_reads_like_a_secret_is_masked(output: Output, name: str) -> None:
    log.info("with %sopensesame", name)
    assert "opensesame" not in output.getvalue()


def test_secrets_do_not_appear(output: Output) -> None:
    log.info("connecting with %s", "hunter22", extra={"api_token": "abc123", "url": "http://x?k=hunter22"})
    log.info('refused: {"password": "opensesame", "user": "x"} token=tok1234 DB_PASSWORD: s3cret')
    try:
        raise ValueError("hunter22")
    except ValueError:
        log.exception("failed")
    for secret in ("hunter22", "abc123", "opensesame", "tok1234", "s3cret"):
        assert secret not in output.getvalue()
    assert "user" in output.lines()[1]
    assert "ValueError" in output.lines()[2]


def test_an_extra_cannot_take_the_place_of_a_field(output: Output) -> None:
    log.info("x", extra={"level": "error", "instance": "other"})
    assert "level=info" in output.lines()[0]
    assert "other" not in output.lines()[0]


def test_success_is_a_severity_of_its_own(output: Output) -> None:
    log.info("ended", extra={"outcome": "success"})
    assert "level=success" in output.lines()[0]


def test_repeated_lines_are_held_back_and_counted(output: Output) -> None:
    for _ in range(100):
        log.error("the bank does not answer")
    log.error("another")
    assert len(output.lines()) == BURST + 1
    logs.close()
    assert "repeated=95" in output.lines()[-1]


def test_a_window_that_is_over_is_summed_up_by_the_next_line() -> None:
    now = [0.0]
    limit = RepeatLimit(lambda: now[0])

    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("x", logging.INFO, "", 0, text, None, None)

    written = [admitted for _ in range(BURST + 3) for admitted in limit.admitted(record("same"))]
    assert len(written) == BURST
    now[0] = WINDOW_SECONDS
    summary, other = limit.admitted(record("other"))
    assert (summary.getMessage(), summary.__dict__["repeated"]) == ("same", 3)
    assert other.getMessage() == "other"
    assert len(list(limit.admitted(record("same")))) == 1


def test_the_same_words_about_another_job_are_another_line(output: Output) -> None:
    for job in range(50):
        log.info("job ended", extra={"job": job})
    assert len(output.lines()) == 50


def test_a_message_with_wrong_arguments_is_logged_all_the_same(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    # The test runner's own handlers refuse such a record.
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler for handler in root.handlers if isinstance(handler, Root)])
    log.info("%d files", "many")
    assert "%d files" in output.lines()[0]


def test_a_stream_that_fails_does_not_break_its_program() -> None:
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as stream:
        logs.configure("executor", stream=stream)
        log.error("x" * 100_000)
        log.error("y")


def test_a_directory_gets_the_same_lines(output: Output, tmp_path: Path) -> None:
    logs.configure("executor", "h1", stream=output, directory=tmp_path)
    log.info("x")
    assert (tmp_path / "multiflexi-executor.log").read_text() == output.getvalue()


def test_lines_below_the_level_are_left_out(output: Output) -> None:
    log.debug("a")
    logs.set_level("debug")
    log.debug("b")
    assert [line.split("message=")[1] for line in output.lines()] == ["b"]


@pytest.mark.parametrize("text", ["x" * 1_000_000, "token" * 200_000, "a." * 500_000, "secret=" * 100_000])
def test_a_huge_message_is_cut_and_costs_little(output: Output, text: str) -> None:
    begin = time.process_time()
    log.info("%s", text)
    assert len(output.getvalue()) < 2 * MOST_CHARACTERS
    assert time.process_time() - begin < 1
