"""Traces as figures see them: events in order, and the spans between what begins and what ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dynakv._exceptions import ArgumentTypeError
from dynakv._sim_client import SimEvent
from dynakv._simulation import Simulation
from dynakv.viz._recorder import Recorded, operation_of
from dynakv.viz._sources import natural

# What a node came to believe of another: nothing that happened to either.
BELIEFS = ("alive", "suspect", "dead", "left")

_DOWN = {"crash", "power loss", "clean stop", "storage failed", "wipe"}


@dataclass(frozen=True)
class Span:
    """Something that held a host from one time to another."""

    host: str
    kind: str  # "down", "paused" or "slow"
    start: float
    end: float
    detail: str


@dataclass
class Cut:
    """A partition: hosts of side A and of side B did not reach each other."""

    start: float
    end: float
    one_way: bool
    a: list[str] = field(default_factory=list)
    b: list[str] = field(default_factory=list)


@dataclass
class Trace:
    """What a figure draws of a run."""

    hosts: list[str]
    events: list[SimEvent]
    operations: list[Recorded]
    start: float
    end: float


def read_trace(source: object, operations: Iterable[Recorded] | None) -> Trace:
    """Take events, operations and hosts out of a simulation, or of the things given.

    Raises
    ------
    ArgumentTypeError
        There is something else among them.
    """
    events: list[SimEvent] = []
    done: list[Recorded] = []
    hosts: set[str] = set()
    end = 0.0
    items: Iterable[object]
    if isinstance(source, Simulation):
        items = [*source.trace, *(source.history if operations is None else operations)]
        hosts.update(node.name for node in source.nodes)
        hosts.update(source._clients)
        end = source.now
    elif isinstance(source, Iterable):
        items = [*source, *(operations or ())]
    else:
        raise ArgumentTypeError(
            f"this figure needs a Simulation, or events and operations, not {type(source).__name__}"
        )
    for item in items:
        if isinstance(item, SimEvent):
            events.append(item)
        elif (operation := operation_of(item)) is not None:
            done.append(operation)
        elif isinstance(item, Mapping) and {"at", "kind"} <= item.keys():
            events.append(
                SimEvent(
                    float(item["at"]),
                    str(item["kind"]),
                    item.get("host"),
                    item.get("peer"),
                    str(item.get("detail", "")),
                )
            )
        else:
            raise ArgumentTypeError(
                f"a trace holds SimEvent, operations or mappings with at and kind, "
                f"not {type(item).__name__}"
            )
    events.sort(key=lambda event: event.at)
    done.sort(key=lambda operation: operation.began)
    for event in events:
        hosts.update(host for host in (event.host, event.peer) if host is not None)
    for operation in done:
        hosts.add(operation.client)
        hosts.update(operation.acked)
        hosts.update(hint.node for hint in operation.hinted)
    times = [event.at for event in events]
    times += [t for each in done for t in (each.began, each.ended) if t != float("inf")]
    start = min(times, default=0.0)
    return Trace(sorted(hosts, key=natural), events, done, start, max([end, start, *times]))


def spans_of(trace: Trace) -> list[Span]:
    """Return when hosts were down, paused or slow; what did not end goes to the end."""
    found: list[Span] = []
    running: dict[tuple[str, str], tuple[float, str]] = {}

    def close(host: str, kind: str, at: float) -> None:
        if (host, kind) in running:
            start, detail = running.pop((host, kind))
            found.append(Span(host, kind, start, at, detail))

    for event in trace.events:
        host = event.host
        if host is None:
            continue
        if event.kind in _DOWN:
            close(host, "paused", event.at)
            running.setdefault((host, "down"), (event.at, event.kind))
        elif event.kind == "start":
            close(host, "down", event.at)
        elif event.kind == "pause":
            running.setdefault((host, "paused"), (event.at, event.kind))
        elif event.kind == "resume":
            close(host, "paused", event.at)
        elif event.kind.startswith("slowness "):
            close(host, "slow", event.at)
            if event.kind != "slowness 1":
                running[(host, "slow")] = (event.at, event.kind)
    for host, kind in list(running):
        close(host, kind, trace.end)
    return sorted(found, key=lambda span: (span.start, natural(span.host)))


def cuts_of(trace: Trace) -> list[Cut]:
    """Return the partitions; those that were begun at one time are one."""
    found: list[Cut] = []
    for event in trace.events:
        if event.kind in ("block", "block one way") and event.host and event.peer:
            one_way = event.kind != "block"
            last = found[-1] if found else None
            if last is None or last.start != event.at or last.one_way != one_way:
                last = Cut(event.at, -1.0, one_way)
                found.append(last)
            if event.host not in last.a:
                last.a.append(event.host)
            if event.peer not in last.b:
                last.b.append(event.peer)
        elif event.kind == "heal":
            for cut in found:
                if cut.end < 0:
                    cut.end = event.at
    for cut in found:
        if cut.end < 0:
            cut.end = trace.end
    return found
