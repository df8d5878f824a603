"""Macros in values."""

import pytest

from multiflexi.jobs.macros import Expansion, MacroError, Raw


def expansion(known=(), render=lambda name, text: text, **texts):
    raw = {name: text if isinstance(text, Raw) else Raw(text) for name, text in texts.items()}
    return Expansion(raw, frozenset(known), render)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{A}", "x"),
        ("${A}", "x"),
        ("report_{A}.json", "report_x.json"),
        ("{A}{B2}", "xy"),
        ("{{A}}", "{A}"),
        ('{"a":{"b":{A}}}', '{"a":{"b":x}}'),
        ("{} {a} {print $1} $A {A", "{} {a} {print $1} $A {A"),
    ],
)
def test_syntax(text, expected):
    assert expansion(V=text, A="x", B2="y").value("V") == expected


def test_macros_of_macros():
    assert expansion(A="1{B}", B="2{C}", C="3").value("A") == "123"


def test_a_known_name_without_value_expands_to_nothing_and_an_unknown_one_stays():
    made = expansion(known=["B"], A="[{B}][{C}]")
    assert made.value("A") == "[][{C}]"
    assert made.unknown == {"A": ["C"]}


def test_a_circle_is_refused_and_named():
    with pytest.raises(MacroError, match="B → C → B"):
        expansion(A="{B}", B="{C}", C="{B}").value("A")


def chain(levels):
    return {f"V{n}": f"{{V{n + 1}}}" for n in range(levels)} | {f"V{levels}": "end"}


def test_ten_levels_are_allowed():
    assert expansion(**chain(10)).value("V0") == "end"


@pytest.mark.parametrize("first", ["V0", "V5"])
def test_eleven_levels_are_refused_in_whatever_order_values_are_asked_for(first):
    made = expansion(**chain(11))
    if first == "V5":
        assert made.value("V5") == "end"
    with pytest.raises(MacroError, match="V0 → V1 → V2"):
        made.value("V0")


def test_a_very_long_chain_does_not_exhaust_the_stack():
    with pytest.raises(MacroError):
        expansion(**chain(5000)).value("V0")


def test_growth_is_limited():
    texts = {f"V{n}": f"{{V{n + 1}}}" * 10 for n in range(9)} | {"V9": "x" * 10}
    with pytest.raises(MacroError, match="grows"):
        expansion(**texts).value("V0")


def test_secrets_are_not_scanned_and_what_contains_them_becomes_secret():
    made = expansion(
        KEY="probe-{PASS}", PASS=Raw("a{B}", secret=True, scanned=False), B="x", OTHER="{KEY}!", PLAIN="{B}"
    )
    assert {name: made.value(name) for name in made.raw} == {
        "KEY": "probe-a{B}",
        "PASS": "a{B}",
        "B": "x",
        "OTHER": "probe-a{B}!",
        "PLAIN": "x",
    }
    assert made.secret == {"PASS", "KEY", "OTHER"}


def test_other_values_see_the_rendered_form_and_emptiness_counts_before_it():
    made = expansion(
        render=lambda name, text: "off" if name == "FLAG" else text, FLAG="{NOTHING}", NOTHING="", A="{FLAG}"
    )
    assert made.value("A") == "off"
    assert made.empty == {"FLAG", "NOTHING"}
