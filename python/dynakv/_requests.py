"""What the sync and async clients share: arguments in, native batches out, and results back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dynakv import _core
from dynakv._codecs import Codec
from dynakv._core import Context
from dynakv._exceptions import ArgumentTypeError, ConditionFailed, ConfigError, DynakvError
from dynakv._options import OptionArguments, ReadRepair, RequestOptions, check_timeout, time_left
from dynakv._results import GetResult, PutResult, Resolver

V = TypeVar("V")
Item = TypeVar("Item")
Key = str | bytes

# Many keys go out in parts: results of the first are made while the others are on their way.
PART = 256

PLAIN, OVERWRITE, IF_ABSENT, IF_CONTEXT = range(4)  # Precondition in protocol/messages.h


@dataclass(frozen=True)
class BucketProperties:
    """Properties of all keys of a bucket.

    Parameters
    ----------
    n : int
        Copies of each key.
    r, w : str
        Owners that a read needs and that a write needs: a number, "quorum" or "all".
    conflict : str
        "siblings", or "lww": the value with the latest timestamp stays and the others are lost.
    sloppy : bool
        Nodes that stand in for owners count towards R and W too.
    read_repair : "off", "background" or "blocking"
        When reads update owners that are behind.
    """

    n: int
    r: str
    w: str
    conflict: str
    sloppy: bool
    read_repair: ReadRepair


@dataclass(frozen=True)
class Connection:
    """A native client and what all handles on it have in common."""

    native: _core.Client
    timeout: float
    window: int
    """Most operations that go out together; larger calls are cut."""
    pause: Callable[[float], None] = time.sleep
    """Lets time pass between two attempts of an update."""


def encode_key(key: object) -> bytes:
    """Return the key's bytes.

    Raises
    ------
    ArgumentTypeError
        The key is neither str nor bytes.
    """
    if isinstance(key, str):
        return key.encode()
    if isinstance(key, bytes):
        return key
    raise ArgumentTypeError(f"a key is str or bytes, not {type(key).__name__}; use str(key)")


def precondition(
    context: Context | None, *, overwrite: bool, if_absent: bool, if_context: bool
) -> int:
    """Choose between the conditions of a put.

    Raises
    ------
    ConfigError
        They contradict each other.
    """
    if context is not None and not isinstance(context, Context):
        raise ArgumentTypeError(
            f"context is a {type(context).__name__}; give result.context, or "
            "Context.from_bytes(token) for one that was stored"
        )
    if overwrite + if_absent + if_context > 1:
        raise ConfigError("overwrite, if_absent and if_context exclude each other; choose one")
    if context is not None and (overwrite or if_absent):
        raise ConfigError("overwrite and if_absent go without a context; leave one of them out")
    if if_context:
        if context is None:
            raise ConfigError("if_context needs the context it is about: context=result.context")
        return IF_CONTEXT
    if overwrite:
        return OVERWRITE
    return IF_ABSENT if if_absent else PLAIN


def backoff(attempt: int) -> float:
    """Seconds to wait before another attempt of an update; random, so that rivals part."""
    return random.uniform(0, min(0.2, 0.005 * 2**attempt))


class BucketBase(Generic[V]):
    """A bucket as its requests see it: names, defaults, and the flow they belong to."""

    _connection: Connection
    _name: bytes
    _codec: Codec[V]
    _resolver: Resolver[V] | None
    _options: RequestOptions
    _flow: Callable[[], int]

    def _become(self, other: BucketBase[Any], codec: Codec[V]) -> None:
        """Take over what handles on one connection share."""
        self._connection = other._connection
        self._name = other._name
        self._codec = codec
        self._resolver = other._resolver
        self._options = other._options
        self._flow = other._flow

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._name.decode(errors="backslashreplace")

    @property
    def codec(self) -> Codec[V]:
        """How values become bytes."""
        return self._codec

    @property
    def properties(self) -> BucketProperties:
        """The properties of all keys of this bucket, from the layout."""
        return BucketProperties(**self._connection.native.layout().properties(self._name))

    def _merged(self, options: OptionArguments) -> RequestOptions:
        return self._options.merged(options) if options else self._options

    def _time(self, options: RequestOptions) -> float:
        """Seconds that a request may take; raises when a block's deadline is over."""
        return time_left(options.timeout or self._connection.timeout)

    def _start_get(
        self,
        keys: Sequence[bytes],
        options: RequestOptions,
        tag: int,
        timeout: float | None = None,
    ) -> _core.Batch:
        return self._connection.native.get(
            self._name,
            keys,
            options.read_choices,
            timeout or self._time(options),
            self._flow(),
            tag,
        )

    def _start_put(
        self,
        items: Sequence[tuple[bytes, bytes]],
        options: RequestOptions,
        tag: int,
        context: Context | None = None,
        condition: int = PLAIN,
        ttl: float | None = None,
        timeout: float | None = None,
    ) -> _core.Batch:
        check_timeout("ttl", None if ttl is None else min(ttl, 1.0))
        return self._connection.native.put(
            self._name,
            items,
            self._codec.content_type,
            options.write_choices,
            timeout or self._time(options),
            self._flow(),
            tag,
            context,
            condition,
            ttl or 0.0,
        )

    def _start_delete(
        self, key: bytes, options: RequestOptions, tag: int, context: Context | None
    ) -> _core.Batch:
        precondition(context, overwrite=False, if_absent=False, if_context=False)
        return self._connection.native.delete(
            self._name,
            key,
            options.write_choices,
            self._time(options),
            self._flow(),
            tag,
            context,
        )

    def _parts(self, items: Sequence[Item]) -> Iterable[Sequence[Item]]:
        size = min(PART, self._connection.window)
        return (items[start : start + size] for start in range(0, len(items), size))

    def _got(self, key: bytes, got: _core.Got) -> GetResult[V]:
        return GetResult(key, got, self._codec, self._resolver)

    def _got_many(
        self, keys: Sequence[bytes], batch: _core.Batch
    ) -> Iterable[tuple[bytes, GetResult[V] | DynakvError]]:
        codec, resolver = self._codec, self._resolver
        for key, got in zip(keys, batch.take_gets(), strict=True):
            if isinstance(got, DynakvError):
                yield key, got
            else:
                yield key, GetResult(key, got, codec, resolver)

    def _wrote_many(
        self, items: Sequence[tuple[bytes, bytes]], batch: _core.Batch
    ) -> Iterable[PutResult | DynakvError]:
        for (key, _), wrote in zip(items, batch.take_writes(), strict=True):
            yield wrote if isinstance(wrote, DynakvError) else PutResult(key, wrote)

    def _encode_items(
        self, items: Mapping[Any, V] | Iterable[tuple[Any, V]]
    ) -> list[tuple[bytes, bytes]]:
        pairs = items.items() if isinstance(items, Mapping) else items
        encode = self._codec.encode
        return [(encode_key(key), encode(value)) for key, value in pairs]

    def _explain_condition(self, key: bytes, error: ConditionFailed) -> None:
        """Turn what the condition met into the result that users know."""
        if isinstance(error.result, _core.Got):
            error.result = GetResult(key, error.result, self._codec, self._resolver)

    def _current(self, found: GetResult[V], resolver: Resolver[V] | None) -> V | None:
        return found.resolve(resolver).value if found.exists else None

    def _updated(self, found: GetResult[V], value: V, wrote: PutResult) -> GetResult[V]:
        return GetResult._made(found, value, self._codec.encode(value), wrote.context)


def bucket_name(name: str) -> bytes:
    """Return a bucket name's bytes.

    Raises
    ------
    ConfigError
        It is not a str, or does not have 1 to 255 bytes.
    """
    if not isinstance(name, str):
        raise ArgumentTypeError(f"a bucket's name is str, not {type(name).__name__}")
    encoded = name.encode()
    if not 0 < len(encoded) <= 255:
        raise ConfigError(f"a bucket's name has 1 to 255 bytes; this one has {len(encoded)}")
    return encoded
