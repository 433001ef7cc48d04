"""What must end before the interpreter does, and what a fork takes away.

At exit every client, node and cluster is closed while Python still runs; no thread may be left in
C++ without the interpreter lock when the interpreter goes (pybind11 issues 1360 and 3274). A forked
child has none of the parent's threads: there every native handle answers with `ForkedError`.
"""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol

from dynakv import _core


class Closable(Protocol):
    """Something that ends with the interpreter."""

    def _close_at_exit(self) -> None: ...


_live: weakref.WeakSet[Closable] = weakref.WeakSet()


def close_at_exit(handle: Closable) -> None:
    """Have `handle` closed when the interpreter ends."""
    _live.add(handle)


def _at_exit() -> None:
    _core.begin_exit()
    while _live:
        handle = _live.pop()
        try:
            handle._close_at_exit()
        except Exception:  # the others must be closed too, and nobody is left to tell
            continue
    _core.finish_exit()


def _after_fork_in_child() -> None:
    _core.mark_forked()
    _live.clear()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
