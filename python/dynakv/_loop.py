"""Waking tasks of an event loop when batches have ended in C++.

The client's one file descriptor becomes readable once for all that ended meanwhile; the loop then
drains the completion queue and wakes the task that waits for each batch.
"""

from __future__ import annotations

import asyncio

from dynakv import _core
from dynakv._exceptions import ClosedError, ConfigError, RequestTimeout

# C++ ends each request at its deadline. Should a wake-up ever be lost, the loop ends it this much
# later, so that no task waits for ever.
GRACE_S = 2.0


class Wakeup:
    """Between one native client and the event loop that it was made in."""

    def __init__(self, native: _core.Client) -> None:
        self._native = native
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._tag = 0
        self._fd = native.completion_fd
        self._loop.add_reader(self._fd, self._drain)

    def next_tag(self) -> int:
        """Name a batch that is about to be submitted.

        Raises
        ------
        ConfigError
            Another loop is running than the one this client belongs to.
        """
        if asyncio.get_running_loop() is not self._loop:
            raise ConfigError(
                "this client belongs to another event loop; call connect_async() in this one"
            )
        self._tag += 1
        return self._tag

    async def finished(self, batch: _core.Batch) -> None:
        """Wait for the end of a batch; cancelling the waiter ends the batch's requests.

        Raises
        ------
        RequestTimeout
            The batch did not end in time; not expected.
        """
        if self._fd < 0:  # closed: nobody drains, and the batch has ended already
            if not batch.done:
                raise ClosedError("the client is closed")
            return
        if batch.done:  # it was drained while its task waited for another
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[batch.tag] = future
        guard = self._loop.call_later(batch.timeout + GRACE_S, self._give_up, batch.tag)
        try:
            await future
        except BaseException:
            batch.cancel()
            raise
        finally:
            guard.cancel()
            self._waiting.pop(batch.tag, None)

    def close(self) -> None:
        """Stop watching and wake everybody. REQUIRES: the native client is closed."""
        if self._fd < 0:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
            self._drain()
            for tag in list(self._waiting):
                self._wake(tag, ClosedError("the client was closed", in_doubt=True))
        self._fd = -1

    def _drain(self) -> None:
        for tag in self._native.drain():
            self._wake(tag, None)

    def _give_up(self, tag: int) -> None:
        self._wake(tag, RequestTimeout("no reply long after the deadline", in_doubt=True))

    def _wake(self, tag: int, error: Exception | None) -> None:
        future = self._waiting.get(tag)
        if future is None or future.done():  # its task was cancelled
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
