"""A field's type alone can make its values secret."""

import pytest

from multiflexi.models import ConfField


@pytest.mark.parametrize(
    ("type_", "secret", "override", "expected"),
    [
        ("password", False, None, True),
        ("secret", False, False, True),
        ("string", True, None, True),
        ("string", True, False, False),
        ("string", False, True, True),
        ("string", False, None, False),
    ],
)
def test_type_override_and_definition_decide_in_this_order(
    type_: str, secret: bool, override: bool | None, expected: bool
) -> None:
    assert ConfField(type=type_, secret=secret, secret_override=override).is_secret is expected
