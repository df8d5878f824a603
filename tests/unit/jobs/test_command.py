"""The command: words, never a shell string."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiflexi.jobs.command import CommandProblem, placeholders, render, split_template, unknown_names
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import Application
from multiflexi.vault.secrecy import MASK


def app(cmdparams, **more):
    return Application(name="Tool", executable="tool", cmdparams=cmdparams, **more)


def resolved(secret=(), **values):
    return Resolved(
        values=values,
        meta={name: {"secret": name in secret} for name in values},
        known=frozenset({*values, "OPTIONAL"}),
    )


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", []),
        ("{NUMBER}{UNIT}", ["5m"]),
        ("--file={FILE} -v", ["--file=my file; rm -rf /", "-v"]),
        ("${FILE}", ["my file; rm -rf /"]),
        ("'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]),
        ("{OPTIONAL} x", ["x"]),
        ("{OPTIONAL}{OPTIONAL} x", ["x"]),
        ("--o={OPTIONAL} x", ["--o=", "x"]),
        ("'' x", ["", "x"]),
        ("{ZERO}", ["0"]),
        ("{{NUMBER}} {{ }}", ["{NUMBER}", "{", "}"]),
        ("{} '{print $1}' * $HOME `id` $(id)", ["{}", "{print $1}", "*", "$HOME", "`id`", "$(id)"]),
        ("# no comment", ["#", "no", "comment"]),
    ],
)
def test_words(template, words):
    command = render(app(template), resolved(NUMBER="5", UNIT="m", FILE="my file; rm -rf /", ZERO="0"))
    assert command.words == ["tool", *words]
    assert command.display_words == command.words


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_whatever_a_value_contains_it_stays_one_argument(value):
    assert render(app("a {V} b"), resolved(V=value)).words == ["tool", "a", value, "b"]


def test_the_executable_is_one_word_taken_literally():
    assert render(Application(name="T", executable="my {V} tool", cmdparams=""), resolved(V="x")).words == [
        "my {V} tool"
    ]


def test_no_executable_is_a_problem():
    with pytest.raises(CommandProblem, match="Tool has no executable"):
        render(Application(name="Tool", executable=" "), resolved())


def test_an_open_quotation_is_a_problem():
    with pytest.raises(CommandProblem, match="quotation"):
        split_template("'open")


def test_an_unknown_name_is_a_problem_with_its_name():
    with pytest.raises(CommandProblem, match=r"\{TYPO\}"):
        render(app("x {TYPO}"), resolved())
    assert unknown_names("{A} {TYPO} {TYPO}", {"A"}) == ["TYPO"]
    assert placeholders("{B} ${A}{B} {{C}}") == ["B", "A"]


def test_a_secret_in_the_arguments_is_refused():
    with pytest.raises(CommandProblem, match="KEY") as caught:
        render(app("--key={KEY}"), resolved(secret=["KEY"], KEY="hush-hush"))
    assert "hush-hush" not in str(caught.value)


def test_an_allowed_secret_in_the_arguments_is_masked_for_display():
    command = render(app("--key={KEY} x", allow_secret_arguments=True), resolved(secret=["KEY"], KEY="hush-hush"))
    assert command.words == ["tool", "--key=hush-hush", "x"]
    assert command.display_words == ["tool", f"--key={MASK}", "x"]
    assert "hush" not in repr(command) + command.display
    assert shlex.split(command.display) == command.display_words
