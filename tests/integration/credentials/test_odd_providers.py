"""A provider may be faulty in every way that a program can be; its credential alone suffers from it."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from multiflexi.credentials import asking, checking, overdue
from multiflexi.credentials.asking import Answer, Asker
from multiflexi.credentials.contract import CannotResolve, Given, Result, Value
from multiflexi.credentials.questions import Question, questions
from multiflexi.jobs.queue import backend
from multiflexi.models import Availability, Credential
from tests.integration.credentials.fake import FakeBank
from tests.integration.jobs_environment.builders import Bank

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]

SECRET = "correct horse battery"


class Unspeakable(Exception):
    """An error without text."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.fixture
def credential(acme, provider) -> Credential:
    return Bank(acme).credential("Main", secret=("TOKEN",), LOGIN="acme", TOKEN=SECRET)


def check(*credentials: Credential) -> dict[int, Credential]:
    return checking.check([one.pk for one in credentials])


def raises(error: BaseException) -> Callable[[Given], Any]:
    def act(_given: Given) -> Any:
        raise error

    return act


def exits(_given: Given) -> Any:
    sys.exit(f"no luck with {SECRET}")


def endless() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    return circle


def empty_refusal() -> CannotResolve:
    error = CannotResolve(Result(Availability.UNAVAILABLE, "no"))
    error.result = None  # type: ignore[assignment]
    return error


ODD = {
    "ends the process": exits,
    "an error without text": raises(Unspeakable()),
    "nothing": lambda _given: None,
    "a word": lambda _given: "available",
    "an unknown state": lambda _given: Result("splendid", "fine"),  # type: ignore[arg-type]
    "a refusal without result": raises(empty_refusal()),
    "details without end": lambda _given: Result(Availability.AVAILABLE, "fine", 60, endless()),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_result_makes_its_credential_unavailable(kind, credential, provider):
    provider.result = ODD[kind]
    found = check(credential)[credential.pk]
    assert (found.availability, found.checking_by) == ("unavailable", None)
    assert "failed" in found.availability_message
    assert SECRET not in found.availability_message


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, math.nan, 1e300, -5, "60", None, 10**400])
@pytest.mark.parametrize("state", [Availability.AVAILABLE, Availability.UNAVAILABLE])
def test_a_time_that_no_clock_has_is_replaced(seconds, state, credential, provider):
    provider.result = lambda _given: Result(state, "told", seconds)
    found = check(credential)[credential.pk]
    assert found.availability in (state, "unavailable")
    now = backend().now()
    assert now < found.check_valid_until <= now + timedelta(days=1, hours=3)


def test_details_are_kept_only_up_to_a_size(credential, provider):
    provider.says(Availability.AVAILABLE, "fine", 60, much="x" * 10_000_000)
    found = check(credential)[credential.pk]
    assert found.availability == "available"
    assert len(str(found.availability_details)) < 100_000


def asked(credential: Credential, asker: Asker, *, resolve: bool = False) -> Answer:
    (question,) = questions([Credential.objects.select_related("credential_type").get(pk=credential.pk)]).values()
    return asker.ask(question, check=not resolve, resolve=resolve).wait()


@pytest.mark.parametrize(
    "answers",
    [
        {"LOGIN": "text"},
        {"LOGIN": "ab"},
        {"LOGIN": None},
        {"LOGIN": Value(None, False)},  # type: ignore[arg-type]
        {7: Value("x", False)},
        ["LOGIN"],
        None,
        7,
    ],
)
def test_values_that_are_none_are_no_answer(answers, credential, provider):
    provider.answers = answers
    answer = asked(credential, Asker(), resolve=True)
    assert answer.values is None
    assert answer.result is not None
    assert answer.result.state == Availability.UNAVAILABLE


def test_threads_outlive_every_fault(credential, provider):
    asker = Asker()
    for _ in range(asking.THREADS + 1):
        provider.result = exits
        asked(credential, asker)
    provider.says(Availability.AVAILABLE, "fine")
    answer = asked(credential, asker)
    assert answer.result is not None
    assert answer.result.message == "fine"


class TestWithoutEnd:
    """A call that does not return cannot be ended, so there are few of them, and they stand in nobody's way."""

    @pytest.fixture
    def hanging(self, monkeypatch) -> Any:
        monkeypatch.setattr(asking, "LIMIT_SECONDS", 0.1)
        gate, entered = threading.Event(), []

        class Hanging(FakeBank):
            def check(self, given: Given) -> Result:
                entered.append(given.text("LOGIN"))
                assert gate.wait(30)
                return Result(Availability.AVAILABLE, "at last")

        made = Hanging()
        made.entered, made.gate = entered, gate  # type: ignore[attr-defined]
        yield made
        gate.set()

    def question(self, credential: Credential, provider: Any, number: int = 0) -> Question:
        (made,) = questions([Credential.objects.select_related("credential_type").get(pk=credential.pk)]).values()
        return Question(credential.pk + number, provider, made.given, made.checked, made.masker)

    def test_a_credential_is_not_asked_about_while_its_last_check_has_not_come_back(self, credential, hanging):
        said = [Asker().ask(self.question(credential, hanging), check=True, resolve=False).wait() for _ in range(3)]
        assert [one.result.state for one in said] == [Availability.UNAVAILABLE] * 3
        assert len(hanging.entered) == 1
        assert "not come back" in said[-1].result.message
        hanging.gate.set()
        while "not come back" in (again := self.ask(credential, hanging)).message:
            pass
        assert again.message == "at last"

    def ask(self, credential: Credential, provider: Any) -> Result:
        result = Asker().ask(self.question(credential, provider), check=True, resolve=False).wait().result
        assert result is not None
        return result

    def test_a_provider_is_not_asked_any_more_when_it_hangs_often(self, credential, hanging):
        asker = Asker()
        for number in range(30):
            asker.ask(self.question(credential, hanging, number), check=True, resolve=False).wait()
        assert len(hanging.entered) == overdue.STUCK_AT_MOST

    def test_others_are_asked_all_the_same(self, credential, hanging, provider, monkeypatch):
        monkeypatch.setattr(asking, "THREADS", 2)
        asker = Asker()
        for number in range(5):
            asker.ask(self.question(credential, hanging, number), check=True, resolve=False).wait()
        provider.says(Availability.AVAILABLE, "fine")
        answer = asker.ask(self.question(credential, provider, 99), check=True, resolve=False).wait()
        assert answer.result is not None
        assert answer.result.message == "fine"

    def test_a_question_has_its_whole_time_from_its_own_beginning(self, credential, hanging, provider, monkeypatch):
        monkeypatch.setattr(asking, "THREADS", 1)
        monkeypatch.setattr(asking, "LIMIT_SECONDS", 2.0)
        asker, busy, go_on = Asker(), threading.Event(), threading.Event()

        def slow(_given: Given) -> Result:
            busy.set()
            go_on.wait(0.7)
            return Result(Availability.AVAILABLE, "fine")

        provider.result = slow
        first = asker.ask(self.question(credential, provider, 1), check=True, resolve=False)
        assert busy.wait(5)
        second = asker.ask(self.question(credential, provider, 2), check=True, resolve=False)
        assert [one.wait().result.message for one in (first, second)] == ["fine", "fine"]

    def test_a_question_that_no_thread_has_time_for_is_given_up(self, credential, hanging, monkeypatch):
        monkeypatch.setattr(asking, "THREADS", 1)
        monkeypatch.setattr(asking, "LIMIT_SECONDS", 20.0)
        monkeypatch.setattr(asking, "BEGIN_SECONDS", 0.1)
        asker = Asker()
        asker.ask(self.question(credential, hanging, 1), check=True, resolve=False)
        given_up = asker.ask(self.question(credential, hanging, 2), check=True, resolve=False)
        assert given_up.wait() == Answer()
        hanging.gate.set()
        assert asker.ask(self.question(credential, hanging, 3), check=True, resolve=False).wait().result is not None
        assert len(hanging.entered) == 2
