from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from multiflexi import environ


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("before", "after"), [(0o022, 0o027), (0o000, 0o027), (0o077, 0o077)])
def test_other_people_are_kept_out_and_a_stricter_rule_stays(umask: None, before: int, after: int) -> None:
    os.umask(before)
    environ.keep_from_others()
    assert os.umask(0) == after
