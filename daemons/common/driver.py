"""Run a loop: pauses, signals, the loss of the database, the orderly end."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Sequence

from django.db import connections
from django.db.backends.signals import connection_created

from daemons.common.backoff import Backoff
from daemons.common.health import Health
from daemons.common.loop import Loop
from daemons.common.memory import resident_mb
from daemons.common.notify import ServiceManager
from daemons.common.signals import Signals
from daemons.common.stop import StopMode, mode_after
from daemons.common.wait import LONGEST_SECONDS, Waiter
from multiflexi.environ import SettingsError

log = logging.getLogger(__name__)

STOP_MARGIN_SECONDS = 3.0
STOP_RETRY_SECONDS = 0.5
TEND_SECONDS = 1.0
MEMORY_CHECK_SECONDS = 10.0


class Driver:
    """Drives one loop in the main thread until it has ended.

    ``reload`` takes the settings over and names the changed ones; ``term_mode`` is what SIGTERM asks for;
    ``memory_limit_mb`` is the memory at which the loop stops to be started again, 0 = none. ``once`` runs one
    cycle and then drains.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        once: bool = False,
        reload: Callable[[], Sequence[str]] = tuple,
        term_mode: Callable[[], StopMode] = lambda: StopMode.DETACH,
        memory_limit_mb: Callable[[], int] = lambda: 0,
        manager: ServiceManager | None = None,
        waiter: Waiter | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._once = once
        self._reload_settings = reload
        self._term_mode = term_mode
        self._memory_limit_mb = memory_limit_mb
        self._manager = manager or ServiceManager()
        self._waiter = waiter or Waiter(clock)
        self._health = Health(self._manager, backoff or Backoff(), clock)
        self._clock = clock
        self._signals = Signals()
        self._reached = False
        self._started = False
        self._mode: StopMode | None = None
        self._deadline = math.inf
        self._next_memory_check = 0.0

    def run(self) -> int:
        """Drive until the loop has ended; exit status of the process, 1 when a single cycle failed."""
        with self._signals:
            connection_created.connect(self._note_connection)
            try:
                return self._run_cycles()
            finally:
                self._close()
                connection_created.disconnect(self._note_connection)

    def _run_cycles(self) -> int:
        while True:
            self._manager.alive()
            self._take_signals()
            if self._mode and not self._started:
                return 0
            pause = self._cycle()
            if pause is None:
                return 0
            if self._health.ailing:
                if self._once and pause:
                    return 1
                if self._mode:
                    pause = min(pause, STOP_RETRY_SECONDS)
            elif self._once and not self._mode:
                self._ask_to_stop(StopMode.DRAIN)
                continue
            if self._clock() >= self._deadline:
                log.warning("the %s did not come to an end in time and stops as it is", self._loop.role)
                return 0
            self._pause(min(pause, self._deadline - self._clock()))

    def _cycle(self) -> float | None:
        """Run one cycle; seconds to pause, None at the end."""
        try:
            if not self._started:
                self._loop.start()
                self._started = True
                self._manager.status("running")
                self._manager.ready()
            pause = self._loop.run_once()
        except Exception as error:
            self._forget_connections()
            reached, self._reached = self._reached, False
            return self._health.failed(error, reached=reached)
        self._health.succeeded()
        self._check_memory()
        return pause

    def _pause(self, seconds: float) -> None:
        """Sleep; while cycles fail only a signal ends it, or every waiting child would end it at once."""
        slice_seconds = (self._manager.watchdog_seconds or LONGEST_SECONDS) / 4
        if self._health.ailing:
            slice_seconds = min(slice_seconds, TEND_SECONDS)
        until = self._clock() + seconds
        watched = () if self._health.ailing else self._loop.watched()
        fds = [self._signals.fileno(), *watched]
        while True:
            left = until - self._clock()
            step = max(0.0, min(left, slice_seconds))
            if self._waiter.sleep(step, fds, wakeable=not self._health.ailing) or left <= step:
                return
            self._manager.alive()
            if self._health.ailing and self._started:
                self._attempt("tend to what needs no database", self._loop.tend)

    def _take_signals(self) -> None:
        for number in self._signals.take():
            if number == signal.SIGHUP:
                self._reload()
            elif number == signal.SIGUSR1:
                self._attempt("report on itself", self._loop.dump)
            else:
                self._ask_to_stop(mode_after(number, self._mode, self._term_mode))

    def _ask_to_stop(self, mode: StopMode) -> None:
        if mode == self._mode:
            return
        if self._mode is None:
            self._manager.stopping()
        log.info("stopping (%s)", mode.value)
        self._mode = mode
        needed = 0.0
        try:
            needed = self._loop.stop(mode)
        except Exception:
            log.exception("the %s could not take the request to stop", self._loop.role)
        self._deadline = self._clock() + needed + STOP_MARGIN_SECONDS
        if 0 < needed < math.inf:
            self._manager.extend(needed + 2 * STOP_MARGIN_SECONDS)

    def _reload(self) -> None:
        self._manager.reloading()
        try:
            changed = self._reload_settings()
        except SettingsError as error:
            log.error("the settings stay as they are: %s", error)
        else:
            log.info("settings read again; changed: %s", ", ".join(changed) or "nothing")
            self._attempt("take over new settings", lambda: self._loop.reload(changed))
        if self._started:
            self._manager.ready()

    def _check_memory(self) -> None:
        if self._mode or self._clock() < self._next_memory_check:
            return
        self._next_memory_check = self._clock() + MEMORY_CHECK_SECONDS
        limit = self._memory_limit_mb()
        if limit and (used := resident_mb()) > limit:
            log.warning("%d MiB of memory in use, more than MULTIFLEXI_MEMORY_LIMIT_MB=%d", used, limit)
            self._ask_to_stop(StopMode.DETACH)

    def _close(self) -> None:
        if self._mode is None:
            self._manager.stopping()
        if self._started:
            self._attempt("clean up", self._loop.close)
        self._forget_connections()
        log.info("stopped")

    def _attempt(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            self._forget_connections()
            log.exception("the %s could not %s", self._loop.role, what)

    def _note_connection(self, **_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            self._reached = True

    @staticmethod
    def _forget_connections() -> None:
        for connection in connections.all(initialized_only=True):
            try:
                connection.close()
            except Exception:
                log.debug("a database connection did not close", exc_info=True)
