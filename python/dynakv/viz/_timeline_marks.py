"""The marks of a timeline: partitions, spans, events and operations on their lanes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dynakv._sim_client import SimEvent
from dynakv.viz._lanes import RIGHT, Axis
from dynakv.viz._recorder import Recorded
from dynakv.viz._sources import readable
from dynakv.viz._style import BAD, GOOD, LINK, SPECIAL, WARN, cross, label, marker
from dynakv.viz._svg import Element, group
from dynakv.viz._trace import Cut, Span

COLUMNS = 168
_LABELS_MAX = 42

_SHAPES = {"put": "triangle", "get": "circle", "delete": "square"}
_COLORS = {"ok": GOOD, "conflict": SPECIAL, "failed": BAD, "in doubt": WARN}
_SIDES = ("#56B4E9", "#E69F00")


def draw_cut(cut: Cut, rows: dict[str, float], axis: Axis, busy: set[str]) -> Element:
    """Shade both sides; lanes of the busy have words of their own, and get none."""
    a, b = ", ".join(cut.a), ", ".join(cut.b)
    way = "does not reach" if cut.one_way else "and"
    tip = f"partition from {cut.start:.3f} s to {cut.end:.3f} s: {a} {way} {b}"
    made = group(tooltip=tip)
    left, right = axis.x(cut.start), axis.x(cut.end)
    height = min(
        [30.0, *(y2 - y1 for y1, y2 in zip(rows.values(), [*rows.values()][1:], strict=False))]
    )
    height -= 3
    for side, hosts in enumerate((cut.a, cut.b)):
        for host in hosts:
            if host not in rows:
                continue
            y = rows[host]
            made.add(
                Element(
                    "rect",
                    x=left,
                    y=y - height / 2,
                    width=max(1.0, right - left),
                    height=height,
                    fill=_SIDES[side],
                    fill_opacity=0.28,
                    stroke=_SIDES[side],
                    class_="dash" if side else None,
                )
            )
            if right - left > 60 and height > 11 and host not in busy:
                words = f"side {'AB'[side]}"
                made.add(label(words, right - 5, y - height / 2 + 11, "soft small", anchor="end"))
    return made


def draw_span(span: Span, rows: dict[str, float], axis: Axis) -> Element:
    if span.host not in rows:
        return group()
    y, left = rows[span.host], axis.x(span.start)
    right = max(left + 1.5, axis.x(span.end))
    tip = f"{span.host} {span.kind} from {span.start:.3f} s to {span.end:.3f} s ({span.detail})"
    made = group(tooltip=tip)
    fill = {"down": BAD, "paused": "#999999", "slow": WARN}[span.kind]
    made.add(
        Element("rect", x=left, y=y - 6, width=right - left, height=12, class_="hollow"),
        Element(
            "rect",
            x=left,
            y=y - 6,
            width=right - left,
            height=12,
            fill=fill,
            fill_opacity=0.85 if span.kind == "down" else 0.6,
        ),
    )
    words = {"down": span.detail, "paused": "paused", "slow": span.detail}[span.kind]
    if right - left > 20 + 6.5 * len(words):
        made.add(label(words, left + 5, y + 4, "on small"))
    if span.kind == "down":
        made.add(cross(left, y, 5))
    return made


def draw_points(points: list[SimEvent], rows: dict[str, float], axis: Axis) -> list[Element]:
    made = []
    for event in points:
        if event.host in rows:
            shape = "pentagon" if event.kind == "repaired" else "diamond"
            mark = marker(shape, axis.x(event.at), rows[event.host], 4, fill=LINK)
            tip = f"{event.at:.3f} s, {event.host}: {event.kind}"
            tip += f" {event.peer}" if event.peer else ""
            tip += f" ({event.detail})" if event.detail else ""
            made.append(group(mark, tooltip=tip))
    return made


def draw_operations(
    done: list[Recorded], rows: dict[str, float], axis: Axis, *, animate: bool
) -> Element:
    made = group()
    free: dict[str, float] = {}  # where the last words of a lane end
    following = _following(done, axis)
    for number, operation in enumerate(done):
        if operation.client not in rows:
            continue
        y, left, right = rows[operation.client], axis.x(operation.began), axis.x(operation.ended)
        fill = _COLORS[operation.outcome]
        value = said(operation)
        tip = f"{operation.client}: {value}, {operation.outcome}, {operation.began:.4f} s to "
        tip += f"{operation.ended:.4f} s"
        tip += f", by {', '.join(operation.acked)}" if operation.acked else ""
        tip += "".join(f", hint at {hint}" for hint in operation.hinted)
        delay = 8 * (operation.began - axis.start) / (axis.end - axis.start)
        mark = group(
            tooltip=tip,
            class_="in" if animate else None,
            style=f"animation-delay:{delay:.2f}s" if animate else None,
        )
        if right - left > 8:
            mark.add(Element("path", d=f"M{left:.1f} {y}H{right:.1f}", stroke=fill, stroke_width=3))
        if operation.ended > axis.end:  # it is still under way at the edge
            made.add(mark)
            continue
        holders = [(node, "circle", fill) for node in operation.acked if operation.verb != "get"]
        holders += [(hint.node, "diamond", SPECIAL) for hint in operation.hinted]
        for node, sign, color in holders:
            if node in rows:
                mark.add(
                    Element(
                        "path",
                        d=f"M{right:.1f} {y}V{rows[node]:.1f}",
                        stroke=color,
                        stroke_width=1,
                        stroke_opacity=0.6,
                    ),
                    marker(
                        sign, right, rows[node], 3.5, fill=color, class_="edge", stroke_width=0.6
                    ),
                )
        shape = _SHAPES[operation.verb]
        mark.add(marker(shape, right, y, 6, fill=fill, class_="edge", stroke_width=0.8))
        if operation.outcome in ("failed", "in doubt"):
            mark.add(cross(right, y, 4, "#1b1f24"))
        if len(done) <= _LABELS_MAX:
            before = free.get(operation.client, 0.0)
            width = 6.4 * len(value)
            free[operation.client] = max(before, right + 9)
            if right + 6 > before and right + width + 9 < following[number]:
                mark.add(label(value, right + 9, y - 5, "small"))
                free[operation.client] = right + 9 + width
            elif right - width - 12 > before:
                mark.add(label(value, right - 9, y - 5, "small", anchor="end"))
        made.add(mark)
    return made


def _following(done: list[Recorded], axis: Axis) -> list[float]:
    """Return for each operation where the next mark of its lane begins."""
    found: list[float] = []
    ahead: dict[str, float] = {}
    for operation in reversed(done):
        found.append(ahead.get(operation.client, RIGHT + 12))
        ahead[operation.client] = axis.x(operation.ended) - 6
    return found[::-1]


def said(operation: Recorded) -> str:
    value = operation.value
    if operation.verb == "get":
        found = [_short(each) for _, each, _ in operation.siblings]
        return "get " + (" | ".join(found) or (operation.error or "nothing"))
    if operation.verb == "delete":
        return "delete"
    return f"put {_short(value)}"


def _short(value: object) -> str:
    text = readable(value) if isinstance(value, bytes) else str(value)
    return text if len(text) <= 22 else text[:21] + "…"


def draw_columns(
    points: list[SimEvent], done: list[Recorded], rows: dict[str, float], axis: Axis
) -> Element:
    counts: Counter[tuple[str, int, str]] = Counter()
    span = axis.end - axis.start

    def column(at: float) -> int:
        return min(COLUMNS - 1, int((at - axis.start) / span * COLUMNS))

    for event in points:
        counts[event.host or "", column(event.at), "event"] += 1
    for operation in done:
        good = operation.outcome in ("ok", "conflict")
        counts[operation.client, column(operation.ended), "ok" if good else "failed"] += 1
    most = max(counts.values(), default=1)
    made = group()
    width = span / COLUMNS
    fills = {"event": LINK, "ok": GOOD, "failed": BAD}
    for (host, i, kind), count in sorted(counts.items()):
        if host in rows:
            left, right = axis.x(axis.start + i * width), axis.x(axis.start + (i + 1) * width)
            tall = 3 + 9 * count / most
            y = rows[host] if kind == "failed" else rows[host] - tall
            bar = Element(
                "rect", x=left, y=y, width=right - left - 0.3, height=tall, fill=fills[kind]
            )
            made.add(bar.add(Element("title", f"{host}: {count:,} × {kind}")))
    return made


def draw_key(y: float, done: list[Recorded], points: Sequence[SimEvent]) -> Element:
    made = group()
    x = 16.0
    for verb, shape in _SHAPES.items():
        if any(operation.verb == verb for operation in done):
            made.add(marker(shape, x + 6, y - 4, 5, class_="ink"), label(verb, x + 16, y, "small"))
            x += 32 + 6.4 * len(verb)
    for outcome, fill in _COLORS.items():
        if any(operation.outcome == outcome for operation in done):
            told = {"conflict": "found siblings"}.get(outcome, outcome)
            made.add(
                Element("rect", x=x, y=y - 10, width=12, height=12, fill=fill),
                label(told, x + 17, y, "small"),
            )
            x += 34 + 6.4 * len(told)
    if any(operation.verb != "get" and operation.acked for operation in done):
        made.add(
            marker("circle", x + 5, y - 4, 3.5, fill=GOOD, class_="edge", stroke_width=0.6),
            label("this node holds the write", x + 14, y, "small"),
        )
        x += 168
    if any(operation.hinted for operation in done):
        made.add(
            marker("diamond", x + 5, y - 4, 3.5, fill=SPECIAL, class_="edge", stroke_width=0.6),
            label("keeps a hint of it", x + 14, y, "small"),
        )
        x += 128
    for is_there, shape, told in (
        (any(e.kind == "repaired" for e in points), "pentagon", "repaired by a read"),
        (any(e.kind != "repaired" for e in points), "diamond", "another event"),
    ):
        if is_there:
            made.add(marker(shape, x + 5, y - 4, 4, fill=LINK), label(told, x + 14, y, "small"))
            x += 34 + 6.4 * len(told)
    return made
