"""Simulated clusters, and whole runs that are drawn from a seed and judged by an oracle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from dynakv import _core
from dynakv._exceptions import ConfigError
from dynakv._options import check_timeout
from dynakv._sim_client import Pending, SimClient, SimEvent, SimNode
from dynakv._simulation import Simulation

__all__ = [
    "Pending",
    "SeedResult",
    "SimClient",
    "SimEvent",
    "SimNode",
    "Simulation",
    "Violation",
    "run_seeds",
]


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be.

    Parameters
    ----------
    invariant, detail : str
    at : float, virtual seconds
    """

    invariant: str
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What one run came to.

    Parameters
    ----------
    seed : int
    kind : "clean", "safety", "liveness" or "nondeterminism"
        What was violated.
    setup : str
        The cluster, the load and the faults that the seed drew.
    violations : tuple of Violation
    acked_writes, answered_gets, failed_operations, events : int
    virtual_seconds : float
    trace_hash : int
    """

    seed: int
    kind: Literal["clean", "safety", "liveness", "nondeterminism"]
    setup: str
    violations: tuple[Violation, ...]
    acked_writes: int
    answered_gets: int
    failed_operations: int
    events: int
    virtual_seconds: float
    trace_hash: int


def run_seeds(
    first: int, count: int, *, operations: int = 1500, length: float = 120.0
) -> list[SeedResult]:
    """Run seeds `first` to ``first + count - 1``: each a cluster with its clients and faults.

    Parameters
    ----------
    first, count : int
    operations : int
        Of all clients together.
    length : float, virtual seconds
        Time in which operations and faults happen.

    Raises
    ------
    ConfigError
        An argument cannot be used.

    Examples
    --------
    >>> [result.kind for result in run_seeds(1, 2, operations=100, length=20)]
    ['clean', 'clean']
    """
    if first < 0 or count < 0 or first + count >= 2**63:
        raise ConfigError(
            f"first is {first} and count {count}; use 0 or more, below 2**63 together"
        )
    if not 0 < operations <= 1_000_000:
        raise ConfigError(f"operations is {operations}; use 1 to 1000000")
    check_timeout("length", length)
    if length < 3:
        raise ConfigError(f"length is {length}; use at least 3 seconds, the nodes have to start")
    return [_result(fields) for fields in _core.run_seeds(first, count, operations, length)]


def _result(fields: _core._SeedFields) -> SeedResult:
    return SeedResult(
        seed=fields["seed"],
        kind=cast(Literal["clean", "safety", "liveness", "nondeterminism"], fields["kind"]),
        setup=fields["setup"],
        violations=tuple(Violation(*each) for each in fields["violations"]),
        acked_writes=fields["acked_writes"],
        answered_gets=fields["answered_gets"],
        failed_operations=fields["failed_operations"],
        events=fields["events"],
        virtual_seconds=fields["virtual_seconds"],
        trace_hash=fields["trace_hash"],
    )
