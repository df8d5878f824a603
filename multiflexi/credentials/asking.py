"""Asks providers in threads, which hold no database connection; nobody waits for one longer than the time limit."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from multiflexi.credentials import overdue
from multiflexi.credentials.answers import sound_result, sound_values
from multiflexi.credentials.contract import CannotResolve, Result, Value
from multiflexi.credentials.questions import Question
from multiflexi.models import Availability

log = logging.getLogger(__name__)

# A question has its whole time once it was put, and is given up when no thread has come to it by then.
LIMIT_SECONDS, BEGIN_SECONDS = 15.0, 5.0
THREADS = 16
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
        self._until = time.monotonic() + BEGIN_SECONDS
        self._begun = self._given_up = False
        self._answer: Answer | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() >= self._until

    @property
    def is_over(self) -> bool:
        """Whether it was answered, or its time is over."""
        return self._ended.is_set() or self.is_late

    def wait(self) -> Answer:
        """The answer, at the latest when the time is over."""
        while not self.is_over:
            self._ended.wait(max(0.0, self._until - time.monotonic()))
        return self.answer()

    def answer(self) -> Answer:
        """The answer when it is over; an empty one when no thread was free for the question."""
        with self._lock:
            self._given_up = not self._begun
            if self._answer is not None or self._given_up:
                return self._answer or Answer()
        is_cut = self._seconds < LIMIT_SECONDS
        if not is_cut:
            who = {"credential": self.question.credential_id, "overdue": overdue.number()}
            log.warning("a provider does not come back", extra=who)
        told = _("No answer within %(seconds)d seconds.") % {"seconds": self._seconds}
        return Answer(Result(Availability.UNAVAILABLE, told, ttl=0), is_cut=is_cut)

    def run(self) -> None:
        """Put the question; for the thread that has time for it."""
        with self._lock:
            if self._given_up:
                return
            self._begun = True
            self._until = time.monotonic() + self._seconds
        answer = _answered(self, self._until)
        with self._lock:
            self._answer = answer
        self._ended.set()


class Asker:
    """A few threads that put questions; `done` is called in one of them after each."""

    def __init__(self, done: Callable[[], None] = lambda: None) -> None:
        self._done = done
        self._lock = threading.Lock()
        self._waiting: deque[Asked] = deque()
        self._threads: dict[int, Asked | None] = {}

    def ask(self, question: Question, *, check: bool, resolve: bool, seconds: float | None = None) -> Asked:
        """Put a question without waiting for the answer, which has the usual time unless told otherwise."""
        asked = Asked(question, check=check, resolve=resolve, seconds=seconds)
        with self._lock:
            self._waiting.append(asked)
            # A thread that hangs is made up for by another one; `overdue` knows how many of them there may be.
            begin = sum(one is None or not one.is_late for one in self._threads.values()) < THREADS
            if begin:
                number = max(self._threads, default=0) + 1
                self._threads[number] = None
        if begin:
            # A provider that hangs must not keep the process from its end.
            threading.Thread(target=self._work, args=(number,), name="credentials", daemon=True).start()
        return asked

    def _work(self, number: int) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    del self._threads[number]
                    return
                asked = self._threads[number] = self._waiting.popleft()
            asked.run()
            self._done()


def _answered(asked: Asked, until: float) -> Answer:
    question = asked.question
    refusal = question.refusal or overdue.refusal(question.credential_id, question.provider)
    if refusal is not None:
        return Answer(refusal)
    with overdue.noted(question.credential_id, question.provider, until):
        try:
            return _told(asked)
        except BaseException as error:
            # Libraries may end the thread, which would take the fault for one of the platform. Whatever went wrong
            # may have the values in its text, and its traceback has them in its frames.
            kind = type(error).__name__
            text = question.masker.mask_text(f"{kind}: {_text(error)}")[0]
            log.error("a provider failed", extra={"credential": question.credential_id, "error": text})
            told = _("The check itself failed (%(kind)s); the log tells more.") % {"kind": kind}
            return Answer(Result(Availability.UNAVAILABLE, told, ttl=0))


def _told(asked: Asked) -> Answer:
    """What the provider says. Raises whatever it raises, and NotInContract or ValueError."""
    question = asked.question
    result: Result | None = None
    values: Mapping[str, Value] | None = None
    try:
        if asked.check:
            result = question.unchecked or sound_result(question.provider.check(question.checked), question.masker)
        if asked.resolve and (result is None or result.state not in _STOPPING):
            values = sound_values(question.provider.resolve(question.given))
    except CannotResolve as error:
        # Without values there is no start, whatever else the state would say.
        result = sound_result(error.result, question.masker)
        if result.state not in _STOPPING:
            result = replace(result, state=Availability.UNAVAILABLE)
    return Answer(result, values)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
