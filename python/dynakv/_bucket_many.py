"""The verbs for many keys at once, sync: one border crossing and one wake-up for each part."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, Unpack

from dynakv import _core
from dynakv._exceptions import DynakvError
from dynakv._options import OptionArguments
from dynakv._requests import PART, BucketBase, Item, Key, encode_key
from dynakv._results import GetResult, PutResult

V = TypeVar("V")


class BucketMany(BucketBase[V]):
    """The part of `Bucket` that takes many keys."""

    def get_many(
        self, keys: Iterable[Key], **options: Unpack[OptionArguments]
    ) -> dict[bytes, GetResult[V] | DynakvError]:
        """Read many keys at once.

        Returns
        -------
        dict
            For each key, as bytes, its result or its error.

        Examples
        --------
        >>> sorted(kv.get_many(["a", "b"]))
        [b'a', b'b']
        """
        merged = self._merged(options)
        encoded = [encode_key(key) for key in keys]
        timeout = self._time(merged)
        results: dict[bytes, GetResult[V] | DynakvError] = {}
        for part, batch in self._in_parts(
            encoded, lambda part: self._start_get(part, merged, 0, timeout)
        ):
            results.update(self._got_many(part, batch))
        return results

    def put_many(
        self,
        items: Mapping[str, V] | Mapping[bytes, V] | Iterable[tuple[Key, V]],
        **options: Unpack[OptionArguments],
    ) -> list[PutResult | DynakvError]:
        """Write many values at once; not atomic: each succeeds or fails by itself.

        Returns
        -------
        list
            A result or an error for each item, in their order.

        Examples
        --------
        >>> kv.put_many({"a": b"1", "b": b"2"})
        [PutResult(...), PutResult(...)]
        """
        merged = self._merged(options)
        encoded = self._encode_items(items)
        timeout = self._time(merged)
        results: list[PutResult | DynakvError] = []
        for part, batch in self._in_parts(
            encoded, lambda part: self._start_put(part, merged, 0, timeout=timeout)
        ):
            results.extend(self._wrote_many(part, batch))
        return results

    def _in_parts(
        self, items: Sequence[Item], start: Callable[[Sequence[Item]], _core.Batch]
    ) -> Iterator[tuple[Sequence[Item], _core.Batch]]:
        """Start parts ahead, as many as the window allows, and yield each when it has ended."""
        waiting: deque[tuple[Sequence[Item], _core.Batch]] = deque()
        try:
            for part in self._parts(items):
                waiting.append((part, start(part)))
                if len(waiting) * PART >= self._connection.window:
                    waiting[0][1].wait()
                    yield waiting.popleft()
            while waiting:
                waiting[0][1].wait()
                yield waiting.popleft()
        finally:
            for _, batch in waiting:  # only after an interruption
                batch.cancel()
