"""Typed values: what is accepted, and what the process gets."""

from types import SimpleNamespace

import pytest

from multiflexi.jobs.fields import FieldError, parse_bool, to_process, validate


def field(type_, options=None):
    return SimpleNamespace(keyname="FIELD", type=type_, options=options)


@pytest.mark.parametrize("text", ["true", "TRUE", "True", "1", "yes", "On", "y", "T", " true "])
def test_truth(text):
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "OFF", "n", "f", ""])
def test_falsehood(text):
    assert parse_bool(text) is False


@pytest.mark.parametrize(
    ("style", "yes", "no"), [("true/false", "true", "false"), ("1/0", "1", "0"), ("1/empty", "1", "")]
)
def test_booleans_are_rendered_as_the_application_wants_them(style, yes, no):
    assert to_process("bool", "True", style) == yes
    assert to_process("bool", "off", style) == no


def test_other_types_reach_the_process_as_they_are():
    assert to_process("string", " true ", "1/0") == " true "
    assert to_process("integer", " 5 ", "1/0") == "5"


@pytest.mark.parametrize(
    ("type_", "text", "stored"),
    [
        ("bool", "YES", "true"),
        ("bool", "0", "false"),
        ("integer", " -12 ", "-12"),
        ("float", "1.5", "1.5"),
        ("email", "a@example.org; b@example.org", "a@example.org; b@example.org"),
        ("url", "https://example.org/x", "https://example.org/x"),
        ("url", "mysql:host=db;dbname=x", "mysql:host=db;dbname=x"),
        ("file-path", "shared/a file.p12", "shared/a file.p12"),
        ("set", "b", "b"),
        ("text", "a\nb", "a\nb"),
        ("password", "any {thing}", "any {thing}"),
        ("integer", "", ""),
        ("integer", "{OTHER}", "{OTHER}"),
    ],
)
def test_accepted(type_, text, stored):
    assert validate(field(type_, {"a": "A", "b": "B"}), text) == stored


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("bool", "perhaps"),
        ("integer", "1.5"),
        ("integer", "0x1F"),
        ("float", "nan"),
        ("float", "1e999"),
        ("float", "1_000"),
        ("email", "nobody"),
        ("url", "https:nothing"),
        ("file-path", "-----BEGIN KEY-----\nabc"),
        ("url", "nowhere.org"),
        ("set", "fifth"),
        ("string", "a\nb"),
        ("string", "a\0b"),
        ("text", "a\0b"),
    ],
)
def test_refused_with_the_name_of_the_field_and_without_the_value(type_, text):
    with pytest.raises(FieldError, match="FIELD") as caught:
        validate(field(type_, ["a", "b"]), text)
    assert text not in str(caught.value)


def test_a_line_break_that_is_stored_already_stays_allowed():
    assert validate(field("string"), "a\nb", stored="a\nb") == "a\nb"


@pytest.mark.parametrize("options", [["a", "b"], {"a": "A", "b": "B"}, [{"value": "a", "label": "A"}, {"value": "b"}]])
def test_options_in_all_forms(options):
    assert validate(field("set", options), "b") == "b"
    with pytest.raises(FieldError, match="a, b"):
        validate(field("set", options), "A")
