"""A record of what clients did: the operations that `versions` and `timeline` draw."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from dynakv._bucket import Bucket
from dynakv._core import Context
from dynakv._exceptions import ArgumentTypeError, DynakvError
from dynakv._requests import encode_key
from dynakv._results import GetResult, PutResult, StandIn
from dynakv._siblings import Dot
from dynakv._sim_client import Pending
from dynakv._sim_history import Operation
from dynakv._simulation import Simulation

B = TypeVar("B", bound=Bucket[Any])


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request and what became of it, as the client was told.

    Parameters
    ----------
    began, ended : float, seconds
        By the clock of the recorder.
    client : str
    verb : "get", "put" or "delete"
    key : bytes
    outcome : "ok", "conflict", "failed" or "in doubt"
        A conflict is a read that found siblings; "failed" was not applied.
    value : object
        The value that was put, or the values that were read.
    dot : Dot or None
        The event that a put made.
    context : Context or None
    siblings : tuple of (Dot, object, Context)
        What a read found: event, value, and a context that covers this one only.
    acked : tuple of str
        Nodes that hold a write; those whose answers a read is made of.
    error : str
        The code of the error.
    hinted : tuple of StandIn
        The nodes that keep a write for an owner that was away, and that owner.
    """

    began: float
    ended: float
    client: str
    verb: Literal["get", "put", "delete"]
    key: bytes
    outcome: Literal["ok", "conflict", "failed", "in doubt"]
    value: object = None
    dot: Dot | None = None
    context: Context | None = None
    siblings: tuple[tuple[Dot | None, object, Context | None], ...] = ()
    acked: tuple[str, ...] = ()
    error: str = ""
    hinted: tuple[StandIn, ...] = ()


class Recorder:
    """Keeps the operations of the clients it watches, in the order in which they ended.

    Parameters
    ----------
    clock : Simulation or callable, optional
        A simulation gives its virtual time. Default: seconds since the recorder was made.

    Examples
    --------
    >>> recorder = Recorder()
    >>> alice = recorder.watch(cluster.client(), "alice")
    >>> _ = alice.put("list", b"milk")
    >>> [(operation.verb, operation.outcome) for operation in recorder]
    [('put', 'ok')]
    """

    def __init__(self, clock: Simulation | Callable[[], float] | None = None) -> None:
        self._operations: list[Recorded] = []
        self._clock: Callable[[], float]
        if isinstance(clock, Simulation):
            simulation = clock
            self._clock = lambda: simulation.now
        elif clock is None:
            start = time.monotonic()
            self._clock = lambda: time.monotonic() - start
        else:
            self._clock = clock

    def watch(self, client: B, name: str) -> B:
        """Record the gets, puts and deletes of a client or bucket from now on; return it.

        What `update`, `get_value` and the dictionary form do is made of those and recorded too.
        """
        if not isinstance(client, Bucket):
            raise ArgumentTypeError(
                f"a recorder watches a Client or Bucket, not {type(client).__name__}"
            )
        for verb in ("get", "put", "delete"):
            setattr(client, verb, self._recording(getattr(client, verb), verb, name))
        for verb in ("get", "put"):
            if hasattr(client, f"start_{verb}"):
                start = getattr(client, f"start_{verb}")
                setattr(client, f"start_{verb}", self._starting(start, verb, name))
        return client

    def _recording(self, function: Callable[..., Any], verb: str, name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def recorded(key: Any, *arguments: Any, **options: Any) -> Any:
            began = self._clock()
            value = arguments[0] if arguments else options.get("value")
            try:
                result = function(key, *arguments, **options)
            except DynakvError as error:
                self._add(name, verb, began, key, value, error)
                raise
            self._add(name, verb, began, key, value, result)
            return result

        return recorded

    def _starting(self, function: Callable[..., Any], verb: str, name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def started(key: Any, *arguments: Any, **options: Any) -> Any:
            began = self._clock()
            value = arguments[0] if arguments else options.get("value")
            pending: Pending[Any] = function(key, *arguments, **options)
            take = pending._take

            def recorded() -> Any:
                try:
                    result = take()
                except DynakvError as error:
                    self._add(name, verb, began, key, value, error)
                    raise
                self._add(name, verb, began, key, value, result)
                return result

            pending._take = recorded
            return pending

        return started

    def _add(
        self, name: str, verb: str, began: float, key: Any, value: object, result: object
    ) -> None:
        fields: dict[str, Any] = {"outcome": "ok", "value": value}
        if isinstance(result, PutResult):
            fields |= {"dot": result.dot, "context": result.context, "acked": result.acked}
            fields["hinted"] = result.hinted
        elif isinstance(result, GetResult):
            found = tuple((each.dot, each._shown(), each.context) for each in result.siblings)
            fields |= {
                "outcome": "conflict" if result.in_conflict else "ok",
                "value": tuple(value for _, value, _ in found),
                "context": result.context,
                "siblings": found,
                "acked": tuple(result._got.answered) if result._got is not None else (),
            }
        elif isinstance(result, DynakvError):
            doubt = "in doubt" if result.in_doubt else "failed"
            fields |= {"outcome": doubt, "error": result.code}
        self._operations.append(
            Recorded(began, self._clock(), name, cast(Any, verb), encode_key(key), **fields)
        )

    def __iter__(self) -> Iterator[Recorded]:
        return iter(tuple(self._operations))

    def __len__(self) -> int:
        return len(self._operations)

    def __repr__(self) -> str:
        return f"<Recorder of {len(self._operations)} operations>"


def operation_of(item: object) -> Recorded | None:
    """Return what a recorder kept, or an operation of a simulation's own; None for anything else.

    A simulation's own history has no dots of what was read, and not who holds a write.
    """
    if isinstance(item, Recorded):
        return item
    if not isinstance(item, Operation):
        return None
    outcomes: dict[str, Any] = {"ok": "ok", "fail": "failed", "unknown": "in doubt"}
    outcome = outcomes[item.outcome]
    if item.verb == "get" and len(item.siblings) > 1:
        outcome = "conflict"
    return Recorded(
        began=item.start,
        ended=float("inf") if item.end is None else item.end,
        client=item.client,
        verb=item.verb,
        key=item.key,
        outcome=outcome,
        value=item.value if item.verb == "put" else item.siblings,
        dot=item.dot,
        context=item.context,
        siblings=tuple((None, value, None) for value in item.siblings),
        error=item.error or "",
    )
