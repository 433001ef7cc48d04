"""The verbs, for asyncio: the same as in _bucket.py, awaited."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Self, TypeVar, Unpack, overload

from dynakv import _core
from dynakv._core import Context
from dynakv._exceptions import ConditionFailed, ConfigError, DynakvError
from dynakv._loop import Wakeup
from dynakv._options import OptionArguments
from dynakv._requests import PART, BucketBase, Item, Key, backoff, encode_key, precondition
from dynakv._results import GetResult, PutResult, Resolver

V = TypeVar("V")
D = TypeVar("D")


class AsyncBucket(BucketBase[V]):
    """A named group of keys; `AsyncClient.bucket` makes one. For tasks of the client's event loop.

    The verbs mean what those of `Bucket` mean. A cancelled read is forgotten; a cancelled write is
    in doubt. Neither disturbs other requests.
    """

    _wakeup: Wakeup

    def with_options(self, **options: Unpack[OptionArguments]) -> Self:
        """Return a handle on the same connections with other defaults."""
        derived = type(self).__new__(type(self))
        derived.__dict__.update(self.__dict__)
        derived._options = self._merged(options)
        return derived

    async def get(self, key: Key, **options: Unpack[OptionArguments]) -> GetResult[V]:
        """Read a key; see `Bucket.get`."""
        merged = self._merged(options)
        encoded = encode_key(key)
        batch = self._start_get((encoded,), merged, self._wakeup.next_tag())
        await self._wakeup.finished(batch)
        return self._got(encoded, batch.take_get())

    @overload
    async def get_value(
        self,
        key: Key,
        default: None = None,
        *,
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> V | None: ...
    @overload
    async def get_value(
        self,
        key: Key,
        default: D,
        *,
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> V | D: ...
    async def get_value(
        self,
        key: Key,
        default: D | None = None,
        *,
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> V | D | None:
        """Read a key's value, or `default` when it has none; see `Bucket.get_value`."""
        found = await self.get(key, **options)
        return found.resolve(resolver).value if found.exists else default

    async def put(
        self,
        key: Key,
        value: V,
        *,
        context: Context | None = None,
        overwrite: bool = False,
        if_absent: bool = False,
        if_context: bool = False,
        ttl: float | None = None,
        **options: Unpack[OptionArguments],
    ) -> PutResult:
        """Write a value; see `Bucket.put`."""
        condition = precondition(
            context, overwrite=overwrite, if_absent=if_absent, if_context=if_context
        )
        encoded = encode_key(key)
        items = ((encoded, self._codec.encode(value)),)
        tag = self._wakeup.next_tag()
        batch = self._start_put(items, self._merged(options), tag, context, condition, ttl)
        await self._wakeup.finished(batch)
        try:
            return PutResult(encoded, batch.take_write())
        except ConditionFailed as error:
            self._explain_condition(encoded, error)
            raise

    async def delete(
        self, key: Key, *, context: Context | None = None, **options: Unpack[OptionArguments]
    ) -> PutResult:
        """Delete what `context` covers, or what the task has seen; see `Bucket.delete`."""
        encoded = encode_key(key)
        tag = self._wakeup.next_tag()
        batch = self._start_delete(encoded, self._merged(options), tag, context)
        await self._wakeup.finished(batch)
        return PutResult(encoded, batch.take_write())

    async def update(
        self,
        key: Key,
        fn: Callable[[V | None], V],
        *,
        resolver: Resolver[V] | None = None,
        attempts: int = 5,
        **options: Unpack[OptionArguments],
    ) -> GetResult[V]:
        """Change a value: read, reconcile, call `fn`, put with context; see `Bucket.update`."""
        if attempts < 1:
            raise ConfigError(f"attempts is {attempts}; use at least 1")
        may_insist = (resolver or self._resolver) is not None
        for attempt in range(1, attempts + 1):
            found = await self.get(key, **options)
            value = fn(self._current(found, resolver))
            careful = attempt < attempts or not may_insist
            try:
                wrote = await self.put(
                    key, value, context=found.context, if_context=careful, **options
                )
            except ConditionFailed:
                if attempt == attempts:
                    raise
                await asyncio.sleep(backoff(attempt))
            else:
                return self._updated(found, value, wrote)
        raise AssertionError("unreachable")

    async def get_many(
        self, keys: Iterable[Key], **options: Unpack[OptionArguments]
    ) -> dict[bytes, GetResult[V] | DynakvError]:
        """Read many keys at once: a result or an error for each; see `Bucket.get_many`."""
        merged = self._merged(options)
        encoded = [encode_key(key) for key in keys]
        timeout = self._time(merged)
        results: dict[bytes, GetResult[V] | DynakvError] = {}

        def start(part: Sequence[bytes]) -> _core.Batch:
            return self._start_get(part, merged, self._wakeup.next_tag(), timeout)

        async for part, batch in self._in_parts(encoded, start):
            results.update(self._got_many(part, batch))
        return results

    async def put_many(
        self,
        items: Mapping[str, V] | Mapping[bytes, V] | Iterable[tuple[Key, V]],
        **options: Unpack[OptionArguments],
    ) -> list[PutResult | DynakvError]:
        """Write many values at once, not atomically; see `Bucket.put_many`."""
        merged = self._merged(options)
        encoded = self._encode_items(items)
        timeout = self._time(merged)
        results: list[PutResult | DynakvError] = []

        def start(part: Sequence[tuple[bytes, bytes]]) -> _core.Batch:
            return self._start_put(part, merged, self._wakeup.next_tag(), timeout=timeout)

        async for part, batch in self._in_parts(encoded, start):
            results.extend(self._wrote_many(part, batch))
        return results

    async def _in_parts(
        self, items: Sequence[Item], start: Callable[[Sequence[Item]], _core.Batch]
    ) -> AsyncIterator[tuple[Sequence[Item], _core.Batch]]:
        """Start parts ahead, as many as the window allows, and yield each when it has ended."""
        waiting: deque[tuple[Sequence[Item], _core.Batch]] = deque()
        try:
            for part in self._parts(items):
                waiting.append((part, start(part)))
                if len(waiting) * PART >= self._connection.window:
                    await self._wakeup.finished(waiting[0][1])
                    yield waiting.popleft()
            while waiting:
                await self._wakeup.finished(waiting[0][1])
                yield waiting.popleft()
        finally:
            for _, batch in waiting:  # only after a cancellation
                batch.cancel()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"
