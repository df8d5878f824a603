"""The one-time code of the first administrator on the command line."""

from __future__ import annotations

import re
from typing import Any

from multiflexi.services import first_administrator

from .conftest import Cli


def test_the_code_is_shown_as_long_as_there_is_no_account(cli: Cli, ring: None, request: Any) -> None:
    shown = cli("setup:code", "-f", "json").json
    assert shown == {"setup_code": first_administrator.code()}
    assert re.fullmatch(r"[A-Z2-9]{4}-[A-Z2-9]{4}", shown["setup_code"])
    assert cli("setup:code").out == f"{shown['setup_code']}\n"
    request.getfixturevalue("alice")
    refused = cli("setup:code", "-f", "json")
    assert (refused.code, refused.json["code"]) == (1, "setup_done")
    assert shown["setup_code"] not in refused.out


def test_a_code_that_can_be_guessed_is_a_wrong_setting(cli: Cli, ring: None, settings: Any) -> None:
    settings.MULTIFLEXI_SETUP_CODE = "1234"
    refused = cli("setup:code")
    assert refused.code == 78
    assert "MULTIFLEXI_SETUP_CODE" in refused.err
    assert "1234" not in refused.err
