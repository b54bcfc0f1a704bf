"""The product served to the browser as in production: uvicorn, pages in threads, hashed and compressed static files."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvicorn
from a2wsgi import WSGIMiddleware
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.test import override_settings

from backoffice import asgi
from backoffice.settings import build

PATIENCE = 60.0


class Lines(logging.Handler):
    """Keeps what is logged, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Site:
    """A running server: `url`, what it logged, and what it logged of errors."""

    def __init__(self, url: str, log: Lines) -> None:
        self.url, self.log = url, log

    def __call__(self, path: str) -> str:
        return self.url + path


@contextlib.contextmanager
def served(static: Path) -> Iterator[Site]:
    """Serve the product on a free port of this machine, with the files collected into `static`."""
    files = {
        "STATIC_ROOT": static,
        "STORAGES": build.STORAGES,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_USE_FINDERS": False,
    }
    log = Lines()
    with override_settings(**files):
        call_command("collectstatic", verbosity=0, interactive=False)
        with _logged(log), running(application()) as url:
            yield Site(url, log)


def application() -> Any:
    """The whole product, the live stream included, with the settings that hold now."""
    asgi.pages = WSGIMiddleware(cast("Any", get_wsgi_application()), workers=asgi.THREADS)
    return asgi.application


def _config(product: Any) -> uvicorn.Config:
    return uvicorn.Config(product, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=2)


@contextlib.contextmanager
def running(product: Any) -> Iterator[str]:
    """Serve `product` on a free port of this machine, in a thread; its address."""
    server = uvicorn.Server(_config(product))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("The server of the browser tests did not start.")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


@contextlib.contextmanager
def _logged(handler: Lines) -> Iterator[None]:
    """Every request is a line, as with a server's access log."""
    loggers = [logging.getLogger(name) for name in ("uvicorn.access", "django", "backoffice", "transactions")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
