"""Simulated clusters, and whole runs that are drawn from a seed and judged by an oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from dynakv import _core
from dynakv._exceptions import ConfigError
from dynakv._options import check_timeout
from dynakv._sim_client import Pending, SimClient, SimEvent, SimNode, check_number
from dynakv._sim_history import History, Operation
from dynakv._simulation import Simulation, Snapshot

__all__ = [
    "History",
    "Operation",
    "Pending",
    "PlannedFault",
    "PlannedOperation",
    "SeedIsClean",
    "SeedResult",
    "ShrunkRun",
    "SimClient",
    "SimEvent",
    "SimNode",
    "Simulation",
    "Snapshot",
    "Violation",
    "iter_seeds",
    "replay_command",
    "run_seeds",
    "shrink",
]

_OPERATIONS = 1500  # PlanLimits in sim/plan.h
_LENGTH = 120.0


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never happen.

    Parameters
    ----------
    invariant, detail : str
    at : float, virtual seconds
    """

    invariant: str
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """An operation of a client in a run.

    Parameters
    ----------
    at : float, virtual seconds
    client : int
    verb : str
        "get", "put", "blind put" (by a client that has seen nothing), "delete", "overwrite" or
        "put if absent".
    key : int
    quorum : str
        "default", a number, "quorum" or "all".
    """

    at: float
    client: int
    verb: str
    key: int
    quorum: str

    def __str__(self) -> str:
        quorum = "" if self.quorum == "default" else f" with {self.quorum}"
        return f"{self.verb} k{self.key}{quorum}"


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault of a node, or between two nodes, in a run.

    Parameters
    ----------
    at : float, virtual seconds
    kind : str
    a, b : int
        Nodes; which of the two count depends on the kind.
    amount : int
        Depends on the kind: how much slower, which nodes, how many milliseconds, …
    lasts : float, seconds
    """

    at: float
    kind: str
    a: int
    b: int
    amount: int
    lasts: float

    def __str__(self) -> str:
        side = ", ".join(f"n{i}" for i in range(self.amount.bit_length()) if self.amount >> i & 1)
        if self.kind == "split":
            text = f"split off {side}"
        elif self.kind == "bridge":
            text = f"bridge n{self.a} between {side} and the others"
        elif self.kind == "swizzle":
            text = f"swizzle {side}"
        elif self.kind == "ring":
            text = "ring of majorities"
        elif self.kind in ("one way", "clog", "reset"):
            text = f"{self.kind} n{self.a} to n{self.b}"
        else:
            text = f"{self.kind} n{self.a}"
        if self.kind in _AMOUNTS:
            text += f", {_AMOUNTS[self.kind].format(self.amount)}"
        return text + (f", for {self.lasts:.3f} s" if self.lasts else "")


_AMOUNTS = {
    "slow": "{} times",
    "clock offset": "{:+} ms",
    "clock drift": "{:+} ppm",
    "flap": "every {} ms",
    "restore backup": "{} ms old",
    "damage": "{} objects",
}


@dataclass(frozen=True, slots=True)
class SeedResult:
    """The result of one run.

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


@dataclass(frozen=True, slots=True)
class ShrunkRun:
    """A failing seed, reduced to what it takes to fail in the same way.

    Parameters
    ----------
    seed : int
    setup : str
        The cluster.
    operations : tuple of PlannedOperation
    faults : tuple of PlannedFault
    violations : tuple of Violation
        Of the reduced run.
    original : SeedResult
        The seed's own run.
    runs : int
        Runs that the reducing took.
    replay : str
        The command that runs the seed again, not reduced.
    table : str
        What happened: time goes down, each client and node has a column.
    """

    seed: int
    setup: str
    operations: tuple[PlannedOperation, ...]
    faults: tuple[PlannedFault, ...]
    violations: tuple[Violation, ...]
    original: SeedResult
    runs: int
    replay: str
    table: str

    def __repr__(self) -> str:
        return (
            f"<ShrunkRun of seed {self.seed}: {len(self.operations)} operations, "
            f"{len(self.faults)} faults, {len(self.violations)} violations>"
        )


class SeedIsClean(ConfigError):
    """A seed was to be shrunk that does not fail."""


def run_seeds(
    first: int, count: int, *, operations: int = _OPERATIONS, length: float = _LENGTH
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
    return list(iter_seeds(first, count, operations=operations, length=length))


def iter_seeds(
    first: int, count: int, *, operations: int = _OPERATIONS, length: float = _LENGTH
) -> Iterator[SeedResult]:
    """Run seeds as `run_seeds` does, and yield each result when it is there."""
    _check_limits(first, count, operations, length)
    seeds = range(first, first + count)
    return (_result(_core.run_seed(seed, operations, length)) for seed in seeds)


def shrink(
    seed: int, *, operations: int = _OPERATIONS, length: float = _LENGTH, runs: int = 400
) -> ShrunkRun:
    """Reduce a failing seed to the faults and operations that it takes to fail the same way.

    Parameters
    ----------
    seed : int
    operations, length
        As `run_seeds` was given them.
    runs : int
        How many runs it may take.

    Raises
    ------
    SeedIsClean
        There is nothing to reduce.
    ConfigError
        An argument cannot be used.
    """
    _check_limits(seed, 1, operations, length)
    check_number("runs", runs, 1, 1_000_000)
    found = _core.shrink_seed(seed, operations, length, runs)
    command = replay_command(seed, operations=operations, length=length)
    if found is None:
        raise SeedIsClean(f"seed {seed} does not fail, so there is nothing to shrink: {command}")
    failing, left, planned, faults, spent, table = found
    return ShrunkRun(
        seed=seed,
        setup=left["setup"],
        operations=tuple(PlannedOperation(*each) for each in planned),
        faults=tuple(PlannedFault(*each) for each in faults),
        violations=_result(left).violations,
        original=_result(failing),
        runs=spent,
        replay=command,
        table=table,
    )


def replay_command(seed: int, *, operations: int = _OPERATIONS, length: float = _LENGTH) -> str:
    """Return the command that runs a seed again.

    Examples
    --------
    >>> replay_command(7, length=20.0)
    'dynakv sim run --seed 7 --length 20'
    """
    words = [f"dynakv sim run --seed {seed}"]
    if operations != _OPERATIONS:
        words.append(f"--operations {operations}")
    if length != _LENGTH:
        words.append(f"--length {length:.17g}")
    return " ".join(words)


def _check_limits(first: int, count: int, operations: int, length: float) -> None:
    check_number("first", first, 0, 2**63 - 1)
    check_number("count", count, 0, 2**63 - 1 - first)
    check_number("operations", operations, 1, 1_000_000)
    check_timeout("length", length)
    if length < 3:
        raise ConfigError(f"length is {length}; use at least 3 seconds, the nodes have to start")


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
