from __future__ import annotations

import signal

import pytest

from multiflexi.executors.native import wrapper


def test_the_text_is_one_constant_and_words_are_parameters() -> None:
    words = wrapper.argv("mf-job-1-2", "/jobs/job-1", ["/bin/echo", "$(id)"])
    assert words == ["sh", "-c", wrapper.TEXT, "mf-job-1-2", "/jobs/job-1", "/bin/echo", "$(id)"]


@pytest.mark.parametrize("name", ["PATH", "_x", "A1", "HOME", "ENV", "PS1"])
def test_names_a_shell_hands_on(name: str) -> None:
    assert wrapper.passes(name)


@pytest.mark.parametrize(
    "name", ["", "1A", "A-B", "A.B", "A=B", "A\n", "Ž", "BASH_FUNC_echo%%", "IFS", "PWD", "OPTIND"]
)
def test_names_a_shell_drops_or_overwrites(name: str) -> None:
    assert not wrapper.passes(name)


def test_signal_of_a_status() -> None:
    assert wrapper.signal_of(143) == signal.SIGTERM
    assert [wrapper.signal_of(status) for status in (0, 1, 127, 128, 255)] == [None] * 5
