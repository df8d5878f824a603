"""Hints of other processes, as a descriptor that ends a daemon's pause."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from django.db import Error

from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Listener, Topic

log = logging.getLogger(__name__)

GAP_SECONDS = 0.02
RETRY_SECONDS = 30.0


class Hints:
    """Listens to some topics where the database carries hints; elsewhere, and while the connection is lost, to nothing.

    A storm of hints is heard as one per gap.
    """

    def __init__(self, *topics: Topic, clock: Callable[[], float] = time.monotonic) -> None:
        self._topics = topics
        self._clock = clock
        self._listener: Listener | None = None
        self._next_try = self._deaf_until = 0.0
        self.trusted = False

    def open(self) -> None:
        """Listen, if that is not so yet; called when the database has just answered.

        A hint of our own proves that hints arrive here: behind a connection pooler they may not, and then nobody may
        rely on them.
        """
        if self._listener is not None or self._clock() < self._next_try:
            return
        self._next_try = self._clock() + RETRY_SECONDS
        try:
            self._listener = backend().listen(*self._topics)
        except Error as error:
            log.warning("no hints are heard for now", extra={"error": " ".join(str(error).split())})
        if self._listener is not None:
            backend().hint(self._topics[0])

    def taken(self) -> set[Topic]:
        """Take what has come: topics to be looked at now, which are all when the connection is lost."""
        if self._listener is None or self._clock() < self._deaf_until:
            return set()
        try:
            heard = self._listener.heard()
        except Error:
            self.close()
            return set(self._topics)
        if heard:
            self.trusted = True
            self._deaf_until = self._clock() + GAP_SECONDS
        return heard

    def watched(self) -> Iterable[int]:
        """What becomes readable at a hint."""
        return [self._listener.fileno()] if self._listener and self._clock() >= self._deaf_until else []

    def bounded(self, pause: float) -> float:
        """A pause that is not longer than we hear nothing."""
        deaf = self._deaf_until - self._clock()
        return min(pause, deaf) if self._listener and deaf > 0 else pause

    def close(self) -> None:
        """Listen no more."""
        self.trusted = False
        if self._listener is not None:
            self._listener.close()
            self._listener = None
