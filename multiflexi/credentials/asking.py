"""Asks providers in threads, which hold no database connection; nobody waits for one longer than the time limit."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials.contract import CannotResolve, Result, Value
from multiflexi.credentials.questions import Question
from multiflexi.models import Availability
from multiflexi.record.plain import clean_text, plain

log = logging.getLogger(__name__)

LIMIT_SECONDS = 15.0
THREADS = 16
LONGEST_MESSAGE = 500
_STOPPING = (Availability.UNAVAILABLE, Availability.MISCONFIGURED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said: the result of its check, or why it has no values, masked; and the values for a job.

    `is_cut` says that it had less time than checks have, so its silence says nothing about the credential.
    """

    result: Result | None = None
    values: Mapping[str, Value] | None = field(default=None, repr=False)
    is_cut: bool = False


class Asked:
    """A question under way; `check` and `resolve` tell what is wanted."""

    def __init__(self, question: Question, *, check: bool, resolve: bool, seconds: float | None = None) -> None:
        self.question, self.check, self.resolve = question, check, resolve
        self._seconds = LIMIT_SECONDS if seconds is None else seconds
        self.until = time.monotonic() + self._seconds
        self._begun = False
        self._answer: Answer | None = None
        self._ended = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether it was answered, or its time is over."""
        return self._ended.is_set() or time.monotonic() >= self.until

    def wait(self) -> Answer:
        """The answer, at the latest when the time is over."""
        self._ended.wait(max(0.0, self.until - time.monotonic()))
        return self.answer()

    def answer(self) -> Answer:
        """The answer when it is over; an empty one when no thread was free for the question."""
        if self._answer is not None:
            return self._answer
        if not self._begun:
            return Answer()
        told = _("No answer within %(seconds)d seconds.") % {"seconds": self._seconds}
        return Answer(Result(Availability.UNAVAILABLE, told, ttl=0), is_cut=self._seconds < LIMIT_SECONDS)

    def run(self) -> None:
        """Put the question; for the thread that has time for it."""
        if time.monotonic() < self.until:
            self._begun = True
            self._answer = _answered(self)
        self._ended.set()


class Asker:
    """A few threads that put questions; `done` is called in one of them after each."""

    def __init__(self, done: Callable[[], None] = lambda: None) -> None:
        self._done = done
        self._lock = threading.Lock()
        self._waiting: deque[Asked] = deque()
        self._threads = 0

    def ask(self, question: Question, *, check: bool, resolve: bool, seconds: float | None = None) -> Asked:
        """Put a question without waiting for the answer, which has the usual time unless told otherwise."""
        asked = Asked(question, check=check, resolve=resolve, seconds=seconds)
        with self._lock:
            self._waiting.append(asked)
            begin = self._threads < THREADS
            self._threads += begin
        if begin:
            # A provider that hangs must not keep the process from its end.
            threading.Thread(target=self._work, name="credentials", daemon=True).start()
        return asked

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                asked = self._waiting.popleft()
            asked.run()
            self._done()


def _answered(asked: Asked) -> Answer:
    question = asked.question
    if question.refusal is not None:
        return Answer(question.refusal)
    result: Result | None = None
    values: Mapping[str, Value] | None = None
    try:
        if asked.check:
            result = question.unchecked or question.provider.check(question.checked)
        if asked.resolve and (result is None or result.state not in _STOPPING):
            values = dict(question.provider.resolve(question.given))
    except CannotResolve as error:
        # Without values there is no start, whatever else the state would say.
        state = error.result.state if error.result.state in _STOPPING else Availability.UNAVAILABLE
        result = replace(error.result, state=state)
    except Exception as error:
        # Whatever went wrong may have the values in its text, and its traceback has them in its frames.
        text = question.masker.mask_text(f"{type(error).__name__}: {error}")[0]
        log.error("a provider failed", extra={"credential": question.credential_id, "error": text})
        told = _("The check itself failed (%(kind)s); the log tells more.") % {"kind": type(error).__name__}
        result = Result(Availability.UNAVAILABLE, told, ttl=0)
    return Answer(_masked(result, question) if result is not None else None, values)


def _masked(result: Result, question: Question) -> Result:
    def masked(value: Any) -> Any:
        match value:
            case str():
                return question.masker.mask_text(value)[0]
            case dict():
                return {masked(name): masked(member) for name, member in value.items()}
            case list():
                return [masked(member) for member in value]
            case _:
                return value

    message = clean_text(masked(str(result.message)))[:LONGEST_MESSAGE]
    ends = {name: end for name, end in result.expires.items() if end.tzinfo is not None}
    return Result(Availability(result.state), message, result.ttl, masked(plain(result.details)), ends)
