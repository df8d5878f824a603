"""The server behind `multiflexi-web`: gunicorn with the platform's configuration; only the environment tunes it."""

from __future__ import annotations

import gc
import logging
import os
from pathlib import Path
from threading import Timer
from types import FrameType
from typing import Any

from django.conf import settings
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import ThreadWorker

log = logging.getLogger(__name__)

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where a heartbeat never waits for a disk
REQUESTS_OF_A_WORKER = 5000
GRACE_SECONDS = 30
# So long a stopping worker still takes requests, that a load balancer reads 503 from /readyz and not a broken line.
LINGER_SECONDS = 2.0


class PlatformLogger(Logger):
    """What the server says goes through the platform's own logging; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and levels to the root logger."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self.loglevel = logging.getLogger().level
        self._access_log_enabled = False


class LingeringWorker(ThreadWorker):
    """A worker that tells load balancers that it stops before it does."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: not ready any more, and no new requests after a moment."""
        from multiflexi.http import health

        if health.stopping.is_set():
            return
        health.stopping.set()
        timer = Timer(LINGER_SECONDS, super().handle_exit, (sig, frame))
        timer.daemon = True
        timer.start()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGQUIT: at once; streams are told to end, because the process waits for their threads."""
        from multiflexi.http import health

        health.stopping.set()
        super().handle_quit(sig, frame)


class Server(BaseApplication):
    """gunicorn as a part of this process, whose settings are read already."""

    def load_config(self) -> None:
        """Hand the configuration over."""
        for name, value in configuration(self.cfg.settings).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application with all its views, loaded once before the workers are forked."""
        from django.urls import get_resolver

        from multiflexi.serving.wsgi import application

        # Else each worker would load the views anew with its first requests.
        _ = get_resolver().reverse_dict
        return application

    def serve(self) -> int:
        """Serve until stopped; exit status of the process."""
        us = os.getpid()
        try:
            Arbiter(self).run()
        except SystemExit as ended:
            status = int(ended.code or 0)
            if status and os.getpid() == us:
                log.error(
                    "the web server cannot serve at %s; its own reason is above. Free the address, or set "
                    "MULTIFLEXI_WEB_BIND to another one",
                    settings.MULTIFLEXI_WEB_BIND,
                )
            return status
        return 0


def configuration(known: Any) -> dict[str, Any]:
    """Settings of gunicorn by name, as far as the version at hand knows them."""
    wanted = {
        "bind": settings.MULTIFLEXI_WEB_BIND,
        "workers": settings.MULTIFLEXI_WEB_WORKERS,
        "threads": settings.MULTIFLEXI_WEB_THREADS,
        "worker_class": LingeringWorker,
        "preload_app": True,
        "worker_tmp_dir": str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None,
        "max_requests": REQUESTS_OF_A_WORKER,
        "max_requests_jitter": REQUESTS_OF_A_WORKER // 10,
        "graceful_timeout": GRACE_SECONDS,
        "accesslog": None,
        "logger_class": PlatformLogger,
        "proc_name": "multiflexi-web",
        "control_socket_disable": True,
        # multiflexi.http.proxies decides whose forwarded headers count; gunicorn would trust every Unix socket.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        "when_ready": _ready,
        "pre_fork": _let_go,
        "post_fork": _begin,
        "worker_exit": _end,
    }
    return {name: value for name, value in wanted.items() if name in known}


def _ready(arbiter: Arbiter) -> None:
    from multiflexi.serving import invitation

    listeners = [str(one) for one in arbiter.LISTENERS]
    log.info("the web server is ready at %s", ", ".join(listeners))
    invitation.tell(listeners)


def _let_go(arbiter: Arbiter, worker: Worker) -> None:
    """Two processes on one database connection would read each other's answers: none is open at a fork.

    What is loaded stays: looking through it for garbage would cost time with requests, and copies of shared pages.
    """
    from django.db import connections

    connections.close_all()
    gc.collect()
    gc.freeze()


def _begin(arbiter: Arbiter, worker: Worker) -> None:
    from multiflexi.monitoring import logs

    # Requests are lines, not rows: a table that grows with every poll would be read by nobody.
    logs.start_table(logging.WARNING)


def _end(arbiter: Arbiter, worker: Worker) -> None:
    from multiflexi.monitoring import logs

    logs.close()
