"""Settings and fixtures that all Python tests share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import settings

# The same examples on every machine: a failure is repeatable, and a slow machine is no failure.
settings.register_profile("dynakv", derandomize=True, deadline=None, database=None)
settings.load_profile("dynakv")

WaitUntil = Callable[..., None]


@pytest.fixture
def wait_until() -> WaitUntil:
    """Return ``wait_until(condition, timeout_s=10.0, what="")``; no test sleeps for a guessed time.

    It returns as soon as ``condition()`` is true and fails the test after ``timeout_s``.
    """

    def wait(condition: Callable[[], object], *, timeout_s: float = 10.0, what: str = "") -> None:
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {timeout_s} s: {what or condition}")
            pause.wait(0.01)

    return wait
