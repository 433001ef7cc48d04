"""Which flow of control a request belongs to: a thread, a task, or an explicit session.

The client in C++ remembers per flow what it saw of each key (sessions, protocol/client_session.h).
A flow's memory ends with its thread or task.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref
from collections.abc import Callable

_numbers = itertools.count(1)  # 0 means: no flow
_running_loop = asyncio._get_running_loop


class Flow:
    """One flow's number; what is remembered under it goes when this object goes."""

    __slots__ = ("__weakref__", "_forget", "number")

    def __init__(self, forget: Callable[[int], None]) -> None:
        self.number = next(_numbers)
        self._forget = forget

    def forget(self) -> None:
        """Forget what the flow saw."""
        self._forget(self.number)

    def __del__(self) -> None:
        self._forget(self.number)


class _PerThread(threading.local):
    flow: Flow | None = None


class ImplicitFlows:
    """The flow of the running task, or of the thread when no task is running."""

    def __init__(self, forget: Callable[[int], None]) -> None:
        self._forget = forget
        self._of_thread = _PerThread()
        self._of_task: weakref.WeakKeyDictionary[asyncio.Task[object], Flow] = (
            weakref.WeakKeyDictionary()
        )

    def current(self) -> int:
        """Return the number of the current flow."""
        if _running_loop() is not None:
            task = asyncio.current_task()
            if task is not None:
                flow = self._of_task.get(task)
                if flow is None:
                    flow = self._of_task[task] = Flow(self._forget)
                return flow.number
        flow = self._of_thread.flow
        if flow is None:
            flow = self._of_thread.flow = Flow(self._forget)
        return flow.number


def no_flow() -> int:
    """Return the number that remembers nothing."""
    return 0
