"""The verbs, sync."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeVar, Unpack, cast, overload

from dynakv._bucket_many import BucketMany
from dynakv._core import Context
from dynakv._exceptions import ConditionFailed, ConfigError
from dynakv._options import OptionArguments
from dynakv._requests import Key, backoff, encode_key, precondition
from dynakv._results import GetResult, PutResult, Resolver

V = TypeVar("V")
D = TypeVar("D")


class Bucket(BucketMany[V]):
    """A named group of keys; `Client.bucket` makes one. Safe to use from any thread.

    All verbs take the options of `RequestOptions` as keywords, and raise `ConfigError` and its
    subclasses for arguments that cannot be used, `NoNodesAvailable`, `RequestTimeout`,
    `QuorumError`, `Overloaded` and `StorageError` when the cluster cannot serve them, and
    `ClosedError`.
    """

    __iter__ = None  # or the old iteration protocol would read keys 0, 1, …

    def with_options(self, **options: Unpack[OptionArguments]) -> Self:
        """Return a handle on the same connections with other defaults."""
        derived = type(self).__new__(type(self))
        derived.__dict__.update(self.__dict__)
        derived._options = self._merged(options)
        return derived

    def get(self, key: Key, **options: Unpack[OptionArguments]) -> GetResult[V]:
        """Read a key.

        Returns
        -------
        GetResult
            Also for a key without a value: ``result.exists`` is False then.

        Raises
        ------
        StaleError
            The owners that answer are behind what this session has seen.

        Examples
        --------
        >>> kv.put("cart:42", b"milk")
        PutResult(...)
        >>> kv.get("cart:42").value
        b'milk'
        """
        merged = self._merged(options)
        encoded = encode_key(key)
        batch = self._start_get((encoded,), merged, 0)
        batch.wait()
        return self._got(encoded, batch.take_get())

    @overload
    def get_value(
        self,
        key: Key,
        default: None = None,
        *,
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> V | None: ...
    @overload
    def get_value(
        self,
        key: Key,
        default: D,
        *,
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> V | D: ...
    def get_value(
        self,
        key: Key,
        default: D | None = None,
        *,
        resolver: Resolver[V] | None = None,
        **options: Unpack[OptionArguments],
    ) -> V | D | None:
        """Read a key's value, or `default` when it has none.

        `resolver` reconciles siblings, for this call only; otherwise the bucket's or client's.

        Raises
        ------
        SiblingsError
            There are several values and no resolver.

        Examples
        --------
        >>> kv.get_value("nobody", b"nothing")
        b'nothing'
        """
        found = self.get(key, **options)
        return found.resolve(resolver).value if found.exists else default

    def put(
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
        """Write a value.

        It replaces what `context` covers, and nothing else: without one, what this thread (or
        session) has seen of the key. A value that was not seen stays beside it as a sibling.

        Parameters
        ----------
        context : Context, optional
            From the result that this value is based on.
        overwrite : bool
            Replace whatever a quorum read sees.
        if_absent, if_context : bool
            Only if a quorum read sees no value, or nothing that `context` does not cover. No
            compare-and-set: two writers can both pass, and both values stay as siblings.
        ttl : float, seconds, optional
            Lifetime of the value.

        Raises
        ------
        ConditionFailed
            The condition did not hold; nothing was written.
        ContextError
            The context is of another key.
        TooManySiblings
            Too many writers have not seen each other.
        KeyTooLarge, ValueTooLarge
            Beyond the limits.

        Examples
        --------
        >>> got = kv.get("list")
        >>> kv.put("list", b"milk,eggs", context=got.context)
        PutResult(...)
        """
        condition = precondition(
            context, overwrite=overwrite, if_absent=if_absent, if_context=if_context
        )
        encoded = encode_key(key)
        items = ((encoded, self._codec.encode(value)),)
        batch = self._start_put(items, self._merged(options), 0, context, condition, ttl)
        batch.wait()
        try:
            return PutResult(encoded, batch.take_write())
        except ConditionFailed as error:
            self._explain_condition(encoded, error)
            raise

    def delete(
        self, key: Key, *, context: Context | None = None, **options: Unpack[OptionArguments]
    ) -> PutResult:
        """Delete what `context` covers; without one, what this thread or session has seen.

        When it has seen nothing of the key, what a quorum read sees is deleted.
        """
        encoded = encode_key(key)
        batch = self._start_delete(encoded, self._merged(options), 0, context)
        batch.wait()
        return PutResult(encoded, batch.take_write())

    def update(
        self,
        key: Key,
        fn: Callable[[V | None], V],
        *,
        resolver: Resolver[V] | None = None,
        attempts: int = 5,
        **options: Unpack[OptionArguments],
    ) -> GetResult[V]:
        """Change a value: read, reconcile, call `fn`, put with the context of the read.

        When another writer comes in between, all of it is done again, so `fn` may run several
        times. With a resolver the last attempt puts in any case: at worst it leaves a sibling,
        which loses nothing.

        Parameters
        ----------
        fn : callable
            From the value, None when there is none, to the new one.
        attempts : int
            How often it is tried.

        Returns
        -------
        GetResult
            The new value and its context.

        Raises
        ------
        ConditionFailed
            Another writer came between in every attempt, and there is no resolver.
        SiblingsError
            The key has siblings, and there is no resolver.

        Examples
        --------
        >>> kv.update("visits", lambda old: b"%d" % (int(old or 0) + 1)).value
        b'1'
        """
        if attempts < 1:
            raise ConfigError(f"attempts is {attempts}; use at least 1")
        may_insist = (resolver or self._resolver) is not None
        for attempt in range(1, attempts + 1):
            found = self.get(key, **options)
            value = fn(self._current(found, resolver))
            careful = attempt < attempts or not may_insist
            try:
                wrote = self.put(key, value, context=found.context, if_context=careful, **options)
            except ConditionFailed:
                if attempt == attempts:
                    raise
                self._connection.pause(backoff(attempt))
            else:
                return self._updated(found, value, wrote)
        raise AssertionError("unreachable")

    def __getitem__(self, key: Key) -> V:
        return self.get(key).value

    def __setitem__(self, key: Key, value: V) -> None:
        self.put(key, value)

    def __delitem__(self, key: Key) -> None:
        self.delete(key)

    def __contains__(self, key: object) -> bool:
        return self.get(cast(Key, key)).exists

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"
