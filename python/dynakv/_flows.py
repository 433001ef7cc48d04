"""Which flow of control a request belongs to: a thread, a task, or an explicit session.

The client in C++ remembers per flow what it saw of each key (sessions, protocol/client_session.h).
A flow's memory ends with its thread or task.

A person at a prompt is one flow, whatever the prompt runs in. Jupyter's kernel makes a task of each
cell, and the prompts of IPython and ``python -m asyncio`` one of each input that awaits; if such a
task were a flow, a put in one cell and the next in another would become siblings. So the task of a
cell counts as its thread. Tasks that a cell starts itself are flows of their own, as anywhere else.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref
from collections.abc import Callable

_numbers = itertools.count(1)  # 0 means: no flow
_running_loop = asyncio._get_running_loop


# Packages that make a task of each cell, known by where the tasks' coroutines come from.
_PROMPTS = {"ipykernel", "IPython"}


def _is_of_prompt(task: asyncio.Task[object]) -> bool:
    """Whether the task runs what somebody typed at a prompt, and not a coroutine of theirs."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    if frame is None:
        return False
    # Top-level code with an await in it is such a coroutine itself.
    is_input = frame.f_code.co_name == "<module>"
    return is_input or str(frame.f_globals.get("__name__")).partition(".")[0] in _PROMPTS


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
    """The flow of the running task, or of the thread when none is running, or a prompt's."""

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
                    is_prompt = _is_of_prompt(task)
                    flow = self._flow_of_thread() if is_prompt else Flow(self._forget)
                    self._of_task[task] = flow
                return flow.number
        return self._flow_of_thread().number

    def _flow_of_thread(self) -> Flow:
        flow = self._of_thread.flow
        if flow is None:
            flow = self._of_thread.flow = Flow(self._forget)
        return flow


def no_flow() -> int:
    """Return the number that remembers nothing."""
    return 0
