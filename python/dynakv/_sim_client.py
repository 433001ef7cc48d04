"""Clients and records of a simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, Unpack

from dynakv import _core
from dynakv._client import Client
from dynakv._core import Context
from dynakv._exceptions import ArgumentTypeError, ConditionFailed, ConfigError, DynakvError
from dynakv._options import OptionArguments
from dynakv._requests import Key, encode_key, precondition
from dynakv._results import GetResult, PutResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SimEvent:
    """One thing that happened.

    Parameters
    ----------
    at : float, seconds
        Virtual time.
    kind : str
        For example "crash", "start", "block", "heal".
    host, peer : str or None
        Names: "n0", "n1", … for nodes, otherwise a client's.
    detail : str
    """

    at: float
    kind: str
    host: str | None
    peer: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class SimNode:
    """How one node is.

    Parameters
    ----------
    index : int
    name, id : str
    state : "running", "paused" or "down"
    ready : bool
        It may coordinate writes.
    counters : mapping of str to int
        Empty while it is down.
    """

    index: int
    name: str
    id: str
    state: Literal["running", "paused", "down"]
    ready: bool
    counters: Mapping[str, int]


class Pending(Generic[T]):
    """A request that was started; its result comes when virtual time has run far enough."""

    def __init__(self, batch: _core.Batch, take: Callable[[], T]) -> None:
        self._batch = batch
        self._take = take
        self._outcome: T | DynakvError | None = None

    @property
    def done(self) -> bool:
        """It has ended, well or not."""
        return self._outcome is not None or self._batch.done

    def result(self) -> T:
        """Run virtual time until it has ended; return what the verb returns or raises."""
        if self._outcome is None:
            self._batch.wait()
            try:
                self._outcome = self._take()
            except DynakvError as error:
                self._outcome = error
        if isinstance(self._outcome, DynakvError):
            raise self._outcome
        return self._outcome


class SimClient(Client):
    """A client of a simulation; `Simulation.client` makes one.

    All verbs of `Client`: each runs virtual time until it has ended. A client is one session,
    whatever thread uses it. Blocks of `dynakv.deadline` count real seconds: use ``timeout=``.
    """

    client_name: str

    def start_get(self, key: Key, **options: Unpack[OptionArguments]) -> Pending[GetResult[bytes]]:
        """Start a read, and let no time pass; see `Bucket.get`."""
        merged = self._merged(options)
        encoded = encode_key(key)
        batch = self._start_get((encoded,), merged, 0)
        return Pending(batch, lambda: self._got(encoded, batch.take_get()))

    def start_put(
        self,
        key: Key,
        value: bytes,
        *,
        context: Context | None = None,
        overwrite: bool = False,
        if_absent: bool = False,
        if_context: bool = False,
        ttl: float | None = None,
        **options: Unpack[OptionArguments],
    ) -> Pending[PutResult]:
        """Start a write, and let no time pass; see `Bucket.put`."""
        condition = precondition(
            context, overwrite=overwrite, if_absent=if_absent, if_context=if_context
        )
        encoded = encode_key(key)
        items = ((encoded, self._codec.encode(value)),)
        batch = self._start_put(items, self._merged(options), 0, context, condition, ttl)

        def take() -> PutResult:
            try:
                return PutResult(encoded, batch.take_write())
            except ConditionFailed as error:
                self._explain_condition(encoded, error)
                raise

        return Pending(batch, take)


def check_number(name: str, value: object, low: int, high: int) -> None:
    """Refuse anything but an int in that range."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentTypeError(f"{name} is {value!r}; use an int from {low} to {high}")
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; use {low} to {high}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse anything but one of the choices."""
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}; use {' or '.join(map(repr, choices))}")


def permille(name: str, chance: float | None) -> int:
    """Return a chance in thousandths; 2 % when none is given."""
    if chance is None:
        return 20
    if not 0 <= chance < 1:
        raise ConfigError(f"{name} is {chance!r}; use 0 or more and less than 1")
    return round(chance * 1000)
