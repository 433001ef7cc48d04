"""A run in time: nodes and clients as lanes, with faults and operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from dynakv.viz._figure import Figure, table
from dynakv.viz._lanes import Axis, lane_lines
from dynakv.viz._recorder import Recorded
from dynakv.viz._sources import counted, readable
from dynakv.viz._style import page
from dynakv.viz._timeline_marks import (
    COLUMNS,
    draw_columns,
    draw_cut,
    draw_key,
    draw_operations,
    draw_points,
    draw_span,
    said,
)
from dynakv.viz._trace import BELIEFS, Cut, Span, Trace, cuts_of, read_trace, spans_of

_LANES_MAX = 40
_POINTS_MAX = 1500  # more points are counted in columns
_SPANS_MAX = 1500
_LASTING = {
    "crash",
    "power loss",
    "clean stop",
    "storage failed",
    "wipe",
    "start",
    "pause",
    "resume",
    "block",
    "block one way",
    "heal",
}


def timeline(
    trace: object,
    operations: Iterable[Recorded] | None = None,
    *,
    start: float | None = None,
    end: float | None = None,
    animate: bool = False,
) -> Figure:
    """Draw what happened: crashes, pauses and partitions on the lanes of nodes and clients.

    What nodes came to believe of each other is left to `gossip`.

    Parameters
    ----------
    trace : Simulation, or iterable of SimEvent and of operations
    operations : Recorder, dynakv.sim.History, or iterable of their operations, optional
        What clients did; a triangle is a put, a circle a get, a square a delete. Default: the
        simulation's own history, which does not tell who holds a write.
    start, end : float, seconds, optional
        The part of the time that is drawn.
    animate : bool
        Let what happened appear in its order.
    """
    read = read_trace(trace, operations)
    read.events = [event for event in read.events if event.kind not in (*BELIEFS, "repair sent")]
    axis = Axis(read.start if start is None else start, read.end if end is None else end)
    spans = [s for s in spans_of(read) if s.end >= axis.start and s.start <= axis.end]
    cuts = [c for c in cuts_of(read) if c.end >= axis.start and c.start <= axis.end]
    done = [o for o in read.operations if axis.start <= o.began <= axis.end]
    points = [
        e
        for e in read.events
        if axis.start <= e.at <= axis.end
        and e.host is not None
        and e.kind not in _LASTING
        and not e.kind.startswith("slowness ")
    ]
    rows, hidden = _rows(read, spans, done)
    outcomes = Counter(operation.outcome for operation in done)
    what = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    digits = 2 if axis.end - axis.start >= 0.1 else 4
    title = f"What happened from {axis.start:.{digits}f} s to {axis.end:.{digits}f} s: "
    title += f"{counted(len(done), 'operation')} on {counted(len(read.hosts), 'host')}"
    words = _words(spans, cuts, what, hidden)
    folded = len(points) + len(done) > _POINTS_MAX
    if folded:
        words += f" Folded: {len(points) + len(done):,} points are counted in {COLUMNS} columns."
    bottom = max(rows.values(), default=90.0) + 22
    root = page(bottom + 62, title, words, words)
    busy = {operation.client for operation in done}
    root.add(*(draw_cut(cut, rows, axis, busy) for cut in cuts))
    root.add(lane_lines(rows))
    root.add(*(draw_span(span, rows, axis) for span in spans[:_SPANS_MAX]))
    if folded:
        root.add(draw_columns(points, done, rows, axis))
    else:
        root.add(
            *draw_points(points, rows, axis), draw_operations(done, rows, axis, animate=animate)
        )
    root.add(axis.draw(bottom), draw_key(bottom + 42, done, () if folded else points))
    data: dict[str, Any] = {
        "figure": "timeline",
        "start": axis.start,
        "end": axis.end,
        "lanes": list(rows),
        "hidden_lanes": hidden,
        "events": len(read.events),
        "operations": dict(sorted(outcomes.items())),
        "spans": [asdict(span) for span in spans],
        "partitions": [asdict(cut) for cut in cuts],
        "folded": folded,
    }
    return Figure(title, root, _as_text(title, words, read, spans, cuts, done), data)


def _words(spans: list[Span], cuts: list[Cut], what: str, hidden: int) -> str:
    kinds = Counter(span.kind for span in spans)
    parts = [f"{count} × {kind}" for kind, count in sorted(kinds.items())]
    if cuts:
        parts.append(counted(len(cuts), "partition") + " (shaded: sides A and B)")
    words = f"Faults: {', '.join(parts) or 'none'}. Operations: {what or 'none'}."
    return words + (f" {counted(hidden, 'lane')} left out." if hidden else "")


def _rows(read: Trace, spans: list[Span], done: list[Recorded]) -> tuple[dict[str, float], int]:
    """Place the lanes; of too many, those where something happened come first."""
    hosts = read.hosts
    hidden = max(0, len(hosts) - _LANES_MAX)
    if hidden:
        weight = Counter(event.host for event in read.events)
        weight.update(span.host for span in spans for _ in range(10))
        weight.update(operation.client for operation in done)
        kept = set(sorted(hosts, key=lambda host: -weight[host])[:_LANES_MAX])
        hosts = [host for host in hosts if host in kept]
    pitch = 34.0 if len(hosts) <= 12 else 22.0 if len(hosts) <= 24 else 15.0
    return {host: 84.0 + pitch * i for i, host in enumerate(hosts)}, hidden


def _as_text(
    title: str,
    words: str,
    read: Trace,
    spans: list[Span],
    cuts: list[Cut],
    done: list[Recorded],
) -> str:
    rows: list[tuple[float, list[object]]] = []
    for span in spans:
        rows.append(
            (
                span.start,
                [
                    f"{span.start:.3f}",
                    span.host,
                    f"{span.kind} ({span.detail})",
                    f"until {span.end:.3f}",
                ],
            )
        )
    for cut in cuts:
        way = " (one way)" if cut.one_way else ""
        rows.append(
            (
                cut.start,
                [
                    f"{cut.start:.3f}",
                    ", ".join(cut.a),
                    f"cut off from {', '.join(cut.b)}{way}",
                    f"until {cut.end:.3f}",
                ],
            )
        )
    for operation in done:
        what = f"{said(operation)} ({readable(operation.key)})"
        by = f"{operation.outcome}"
        by += f", held by {', '.join(operation.acked)}" if operation.verb != "get" else ""
        by += "".join(f", hint at {hint}" for hint in operation.hinted)
        rows.append((operation.began, [f"{operation.began:.3f}", operation.client, what, by]))
    rows.sort(key=lambda row: row[0])
    heading = ["s", "who", "what", "how"]
    return f"{title}\n{words}\n\n" + table(heading, [row for _, row in rows], limit=100)
