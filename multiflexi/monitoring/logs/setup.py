"""Install the platform's handler on the root logger."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from .lines import Form, JsonFormatter, KeyValueFormatter, escaped, severity_of
from .repeats import RepeatLimit
from .table import TableHandler

# Priorities of syslog, which the journal takes from the beginning of a line.
JOURNAL_PRIORITY = {"debug": 7, "info": 6, "success": 6, "warning": 4, "error": 3}
QUIET_LOGGERS = ("asyncio", "docker", "kubernetes", "urllib3", "django.db.backends", "django.utils.autoreload")


class Target(logging.StreamHandler[Any]):
    """A stream that gets lines; one that is full or closed loses lines, never its program."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing can be reported where reporting itself fails."""


class FileTarget(logging.handlers.WatchedFileHandler):
    """A log file that logrotate may move away."""

    def handleError(self, record: logging.LogRecord) -> None:
        """As for ``Target``."""


class Root(logging.Handler):
    """The only handler of the root logger: limits repeats, then hands records to its targets."""

    def __init__(self, form: Form, targets: Sequence[logging.Handler]) -> None:
        super().__init__()
        self.form = form
        self.targets = list(targets)
        self._repeats = RepeatLimit()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on what the limit admits."""
        for admitted in self._repeats.admitted(record):
            self._pass_on(admitted)

    def close(self) -> None:
        """Report what was held back and let go of the targets."""
        for summary in self._repeats.rest():
            self._pass_on(summary)
        for target in self.targets:
            target.close()
        super().close()

    def _pass_on(self, record: logging.LogRecord) -> None:
        for target in self.targets:
            if record.levelno >= target.level:
                try:
                    target.handle(record)
                except Exception:
                    target.handleError(record)


def configure(
    daemon: str,
    instance: str = "",
    *,
    level: str = "info",
    form: str = "keyvalue",
    secrets: Iterable[str] = (),
    stream: IO[str] | None = None,
    directory: Path | None = None,
) -> None:
    """Log to standard error (or ``stream``) and into ``directory``; replaces what was configured before.

    ``form`` is ``keyvalue`` or ``json``; ``secrets`` are texts that never appear in a line.
    """
    from multiflexi.vault.masker import Masker

    look = Form(daemon, instance, Masker(secrets))
    formatter = (JsonFormatter if form == "json" else KeyValueFormatter)(look)
    console = Target(stream or sys.stderr)
    console.setFormatter(_JournalFormatter(formatter) if stream is None and _is_journal(sys.stderr) else formatter)
    targets: list[logging.Handler] = [console]
    if directory:
        targets.append(_file_target(directory / f"multiflexi-{daemon}.log", formatter))
    _install(Root(look, targets))
    set_level(level)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def configure_from_settings(daemon: str, instance: str = "") -> None:
    """``configure`` with the settings; APP_DEBUG and DEBUG ask for debug lines."""
    from multiflexi import environ

    configure(
        daemon,
        instance,
        level=level_from_settings(daemon),
        form=environ.value("MULTIFLEXI_LOG_FORMAT"),
        secrets=environ.secret_texts(),
        directory=environ.value("LOG_DIRECTORY"),
    )


def level_from_settings(daemon: str) -> str:
    """Level in effect for a daemon or another program."""
    from multiflexi import environ

    if environ.value("APP_DEBUG") or environ.value("LOG_DEBUG"):
        return "debug"
    return str(environ.role_value(daemon, "MULTIFLEXI_LOG_LEVEL"))


def set_level(level: str) -> None:
    """Change the least level that is logged."""
    logging.getLogger().setLevel(level.upper())


def start_table(least: int = logging.INFO) -> None:
    """Also write records of at least this level to table ``log`` from now on; a second call changes nothing."""
    root = _root()
    if root and not any(isinstance(target, TableHandler) for target in root.targets):
        table = TableHandler(root.form)
        table.setLevel(least)
        root.targets.append(table)
        table.start()


def stop_table(timeout: float = 2.0) -> None:
    """Store what is queued for the table, for at most ``timeout`` seconds, and stop writing to it."""
    root = _root()
    if root is None:
        return
    for table in [target for target in root.targets if isinstance(target, TableHandler)]:
        root.targets.remove(table)
        table.stop(timeout)


def close(timeout: float = 2.0) -> None:
    """Write what is held back or queued, for at most ``timeout`` seconds; call it last."""
    stop_table(timeout)
    if root := _root():
        logging.getLogger().removeHandler(root)
        root.close()


class _JournalFormatter(logging.Formatter):
    """Puts the priority in front, as sd-daemon(3) describes."""

    def __init__(self, inner: KeyValueFormatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return f"<{JOURNAL_PRIORITY.get(severity_of(record), 5)}>{self._inner.format(record)}"


def _install(root: Root) -> None:
    logger = logging.getLogger()
    for handler in list(logger.handlers):
        # Only our own predecessor and what basicConfig made; others were put there on purpose.
        if isinstance(handler, Root) or type(handler) is logging.StreamHandler:
            logger.removeHandler(handler)
            handler.close()
    logger.addHandler(root)


def _root() -> Root | None:
    return next((handler for handler in logging.getLogger().handlers if isinstance(handler, Root)), None)


def _file_target(path: Path, formatter: logging.Formatter) -> logging.Handler:
    try:
        target: logging.Handler = FileTarget(path, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(escaped(f"LOG_DIRECTORY: {path} cannot be written: {error.strerror}") + "\n")
        return logging.NullHandler()
    target.setFormatter(formatter)
    return target


def _is_journal(stream: IO[str]) -> bool:
    """Whether a stream is the journal's, by the device and inode that systemd names."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
