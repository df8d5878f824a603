"""A secret has a limit wherever one is entered: what is too long is refused, not repeated, and nothing is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiflexi.models import (
    Company,
    CompanyEnv,
    Configuration,
    Credential,
    CredentialTypeValue,
    CredentialValue,
    Job,
    RunTemplate,
)
from tests.integration.services.bank import make_credential, make_type

from .conftest import Cli

LIMIT = 64 * 1024
ROWS = (CompanyEnv, Configuration, CredentialValue, CredentialTypeValue, Job)


@pytest.fixture
def stored(template: RunTemplate, acme: Company) -> Credential:
    return make_credential(make_type(acme), acme)


def content() -> list[object]:
    return [list(model._default_manager.order_by("pk").values()) for model in ROWS]


@pytest.mark.parametrize("unit", ["s", "š"])
@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "words",
    [
        ["credential:update", "Main", "--field-file", "BANK_TOKEN={path}"],
        ["credential-type:update", "FioBank", "--field-file", "SAFE_PASSWORD={path}"],
        ["run-template:update", "Morning echo", "--config", "API_KEY={text}"],
        ["run-template:schedule", "Morning echo", "--config", "API_KEY={text}"],
        ["company:env", "set", "--company", "acme", "--key", "DB_PASSWORD", "--value", "{text}"],
    ],
    ids=lambda words: words[0],
)
def test_up_to_64_kib(cli: Cli, tmp_path: Path, words: list[str], unit: str) -> None:
    path = tmp_path / "secret"
    longest = unit * (LIMIT // len(unit.encode()))
    for text, is_accepted in ((longest + unit, False), (longest, True)):
        path.write_text(text)
        before = content()
        outcome = cli(*(word.format(path=path, text=text) for word in words))
        assert (outcome.code == 0) is is_accepted, outcome.err[:500]
        if not is_accepted:
            assert f"a secret has at most {LIMIT} bytes" in outcome.err
            assert len(outcome.err) < 500 and content() == before


def test_other_values_may_be_longer(cli: Cli, template: RunTemplate) -> None:
    assert cli("run-template:update", template.pk, "--config", f"GREETING={'s' * (LIMIT + 1)}").code == 0
