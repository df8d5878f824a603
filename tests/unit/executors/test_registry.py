from __future__ import annotations

import pytest

from multiflexi.executors import registry


def test_native_is_the_default_and_any_case_finds_it() -> None:
    assert registry.names()[0] == "Native"
    assert registry.canonical(" nAtive ") == "Native"
    assert registry.get("native").name == "Native"
    assert registry.get("Native").usable_for(object()) == (True, "")


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(registry.UnknownExecutor, match=r"'Nativ'.*Native"):
        registry.get("Nativ")
