"""What tests need of the machine. Where it is not there they are left out; in CI, where all must run, they fail."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

IN_CI = bool(os.environ.get("CI"))


def missing(message: str) -> NoReturn:
    """Leave out the test that is running, or fail it in CI."""
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


def needs(there: object, reason: str) -> pytest.MarkDecorator:
    """Mark of tests that are left out unless something is there; in CI they run, and fail by what they lack."""
    return pytest.mark.skipif(not there and not IN_CI, reason=reason)
