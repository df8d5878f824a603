"""What older, misspelt and sloppy notations mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from multiflexi.manifests.application_writer import application_document
from multiflexi.manifests.definitions import ApplicationDefinition
from multiflexi.manifests.identity import application_uuid, code_slug, unique_code
from multiflexi.manifests.validation import analyse

APP: dict[str, Any] = {"name": "Probe", "executable": "/usr/bin/probe", "environment": {}}


def meant(**members: Any) -> ApplicationDefinition:
    definition = analyse(json.dumps(APP | members).encode(), "x.json").definition
    assert isinstance(definition, ApplicationDefinition)
    return definition


def field(**members: Any) -> Any:
    return meant(environment={"A": members}).environment["A"]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("checkbox", "bool"),
        ("boolean", "bool"),
        ("switch", "bool"),
        ("number", "integer"),
        ("select", "set"),
        ("directory", "file-path"),
        ("file", "file-path"),
        ("textarea", "text"),
        ("secret", "password"),
        ("double", "float"),
        ("text", "text"),
        ("gibberish", "string"),
    ],
)
def test_type_aliases(written: str, canonical: str) -> None:
    assert field(type=written).type == canonical


def test_a_number_with_fraction_is_a_float() -> None:
    assert (field(type="number", defval=1.5).type, field(type="number", defval=2.0).type) == ("float", "integer")


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("bool", True, "true"),
        ("bool", "True", "true"),
        ("bool", "off", "false"),
        ("bool", "maybe", "maybe"),
        ("string", False, "false"),
        ("integer", 60, "60"),
        ("float", 0.5, "0.5"),
        ("string", "", None),
        ("string", None, None),
        ("string", "a\nb", "a\nb"),
        ("string", ["a"], '["a"]'),
    ],
)
def test_defaults_become_text(kind: str, written: Any, stored: str | None) -> None:
    assert field(type=kind, defval=written).default == stored


def test_secrets_are_found_by_type_flag_and_name() -> None:
    fields = meant(
        environment={
            "A": {"type": "password"},
            "B": {"type": "string", "secret": True},
            "C_TOKEN": {"type": "string"},
            "C_TOKEN_NAME": {"type": "string"},
            "D_TOKEN": {"type": "string", "secret": False},
        }
    ).environment
    assert [key for key, one in fields.items() if one.secret] == ["A", "B", "C_TOKEN"]


def test_topics_win_over_tags() -> None:
    assert meant(tags=["a"], topics=["b"]).tags == ["b"]


def test_the_modern_argument_template_wins() -> None:
    assert meant(cmdparams="{A}", cmdparamsTemplate="${B}").cmdparams == "{B}"
    assert meant(cmdparams="${A} $${B} {{C}}").cmdparams == "{A} $${B} {{C}}"


@pytest.mark.parametrize("key", ["exitcodes", "returnCodes"])
def test_misspelt_exit_codes_are_read(key: str) -> None:
    codes = meant(**{key: {"0": {"en": "Fine"}, "1": "Bad", "2": {"description": "Worse", "retry": True}}}).exit_codes
    assert [code.description for code in codes.values()] == [{"en": "Fine"}, {"en": "Bad"}, {"en": "Worse"}]
    assert [code.retry for code in codes.values()] == [None, None, True]


def test_what_cannot_be_read_as_exit_codes_is_kept() -> None:
    definition = meant(exitcodes=["0"])
    assert (definition.exit_codes, definition.rest) == ({}, {"exitcodes": ["0"]})


def test_retry_has_three_states() -> None:
    entries = {"0": {}, "1": {"retry": True}, "2": {"retry": False}}
    codes = meant(exitCodes={code: {"description": "x", **entry} for code, entry in entries.items()}).exit_codes
    assert [code.retry for code in codes.values()] == [None, True, False]


def test_listened_events_are_consumed() -> None:
    assert meant(events={"listens": {"a": {}}, "emits": {}}).rest["events"] == {"emits": {}, "consumes": {"a": {}}}


def test_languages_are_kept_and_variants_understood() -> None:
    assert meant(name={"cs": "Sonda", "en_US": "Probe", "xx": "?"}).name == {"cs": "Sonda", "en": "Probe"}


def test_unknown_keys_everywhere_survive() -> None:
    environment = {"A": {"future": 1}, "b": 5, "BANKA+": {"type": "string"}}
    document = application_document(
        meant(environment=environment, future=[1], produces={"x": {"format": "json", "y": 2}})
    )
    assert document["future"] == [1]
    assert document["environment"]["A"]["future"] == 1
    assert document["environment"]["b"] == 5
    assert document["produces"]["x"]["y"] == 2
    assert list(document["environment"]) == ["A", "BANKA+", "b"]


def test_a_missing_or_broken_uuid_is_derived_from_what_is_there() -> None:
    assert meant().uuid == application_uuid(None, "/usr/bin/probe", "Probe") == meant(uuid="").uuid
    assert meant(uuid="Test-App ").uuid == meant(uuid="test-app", name="Other").uuid != meant().uuid
    assert meant(uuid="Test-App ").uuid_source == "Test-App "
    given = "97F30CF9-2D9E-4D91-AD65-9BDD8B4663CD"
    assert (str(meant(uuid=given).uuid), meant(uuid=given).uuid_source) == (given.lower(), None)
    assert meant().uuid.version == 5
    unstorable = "2f3e9786-a457-a917-352b-e67cdbd76923"
    assert meant(uuid=unstorable).uuid_source == unstorable


def test_codes_are_slugs_and_unique() -> None:
    assert code_slug("/usr/bin/Abra_Flexi.Sync.sh") == "abra-flexi-sync-sh"
    assert len(code_slug("x" * 50)) == 32
    assert unique_code("a", {"a", "a-2"}.__contains__) == "a-3"
    assert unique_code("x" * 32, {"x" * 32}.__contains__) == "x" * 30 + "-2"
    assert (meant(code="SLEEP").code, meant(code="no spaces").code) == ("SLEEP", "")


def test_exported_keys_have_the_order_of_the_schema() -> None:
    document = application_document(
        meant(zzz=1, setup="s", topics=["t"], author="me", exitCodes={"0": {"description": ""}}, version="1")
    )
    order = "$schema schemaVersion uuid name description version executable environment tags author exitCodes setup zzz"
    assert list(document) == order.split()
    assert document["schemaVersion"] == "3.4.0"


def test_the_older_argument_template_is_written_on_demand() -> None:
    definition = meant(cmdparams="--x {A}")
    assert application_document(definition)["cmdparamsTemplate"] == "--x ${A}"
    assert "cmdparams" not in application_document(definition)
    assert application_document(definition, compat=True)["cmdparams"] == "--x {A}"
