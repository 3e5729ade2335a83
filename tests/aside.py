"""In a thread of its own: Playwright leaves an event loop running in the thread that a test runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def aside(call: Callable[[], T]) -> T:
    """What it returns, or raises."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run` does it."""
    return aside(lambda: asyncio.run(main))
