"""Settings and fixtures that all Python tests share."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import dynakv
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


@pytest.fixture(scope="session")
def cluster() -> Iterator[dynakv.LocalCluster]:
    """Yield three nodes in memory that all tests share: they use keys of their own."""
    buckets = {"votes": {"conflict": "lww"}}
    with dynakv.LocalCluster(3, storage="memory", buckets=buckets) as shared:
        yield shared


@pytest.fixture
def kv(cluster: dynakv.LocalCluster) -> Iterator[dynakv.Client]:
    """Yield a client of the shared cluster that has seen nothing yet."""
    with cluster.client() as client:
        yield client


_key_numbers = itertools.count()


@pytest.fixture
def key() -> str:
    """Return a key that no other test uses."""
    return f"key-{next(_key_numbers)}"


RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_python() -> RunPython:
    """Return ``run_python(script, timeout_s=60)``: a program of its own, warnings are errors."""

    def run(script: str, *, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-X", "faulthandler", "-c", script],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run
