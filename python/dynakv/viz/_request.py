"""The life of one request: who was asked what, when they answered, and when it was enough."""

from __future__ import annotations

from typing import Any

from dynakv.viz._figure import Figure, table
from dynakv.viz._lanes import tick_step
from dynakv.viz._request_record import CLIENT, lane_names, read_record
from dynakv.viz._sources import counted
from dynakv.viz._style import (
    BAD,
    GOOD,
    LINK,
    SPECIAL,
    WARN,
    WIDTH,
    arrow,
    cross,
    label,
    marker,
    page,
)
from dynakv.viz._svg import Element, group, path

_LEFT, _RIGHT = 156.0, WIDTH - 40.0
_TOP, _PITCH = 96.0, 62.0

_ASKED = {"sent", "hint_sent", "repair_sent"}
_ANSWERED = {"acked", "answered", "digest_equal", "digest_differs", "hint_stored", "repaired"}

# event -> colour, shape, what a reader is told
_LOOK = {
    "sent": (None, "", "asked"),
    "acked": (GOOD, "circle", "holds it"),
    "answered": (GOOD, "circle", "answered"),
    "digest_equal": (GOOD, "square", "has the same"),
    "digest_differs": (WARN, "diamond", "has something else"),
    "failed": (BAD, "cross", "failed"),
    "silent": (BAD, "cross", "is silent"),
    "hint_sent": (SPECIAL, "", "asked to keep a hint"),
    "hint_stored": (SPECIAL, "triangle", "keeps a hint"),
    "repair_sent": (LINK, "", "sent what it missed"),
    "repaired": (LINK, "pentagon", "repaired"),
    "replied": (None, "", "replied"),
}


def request(explain: object, *, animate: bool = False) -> Figure:
    """Draw a request in space and time: a lane for each node, time from left to right.

    Times are the coordinator's: when it sent, and when an answer was there. When a message was at
    its other end nobody wrote down; it is drawn halfway.

    Parameters
    ----------
    explain : object or mapping
        `GetResult.explain` or `PutResult.explain` of a request with ``explain=True``, or the
        result itself.
    animate : bool
        Let the events appear one after the other.

    Raises
    ------
    ArgumentTypeError
        It is no such record.
    """
    record = read_record(explain)
    coordinator = str(record["coordinator"])
    lanes = lane_names(record)
    events = record["events"]
    title = _title(record)
    met = record["met_at_us"]
    kind = "strict" if record["strict"] else "sloppy"
    letter = "R" if record["operation"] == "get" else "W"
    if met is None:
        words = f"The {kind} quorum of {letter} = {record['required']} was not met."
    else:
        words = f"The {kind} quorum of {letter} = {record['required']} was met after {met:,} µs."
    if record["left_out"]:
        words += f" The last {counted(record['left_out'], 'event')} are left out."
    height = _TOP + _PITCH * len(lanes) + 78
    root = page(height, title, words, words)
    end = max([event["at_us"] for event in events] + [met or 0, 1])
    scale = (_RIGHT - _LEFT - 24) / end
    rows = {name: _TOP + _PITCH * (i + 0.5) for i, name in enumerate(lanes)}
    bottom = _TOP + _PITCH * len(lanes)
    root.add(_background(events, scale, bottom), _lanes(rows, record), _axis(end, scale, bottom))
    if met is not None:
        root.add(_quorum(f"{letter} = {record['required']} met", _x(met, scale), bottom))
    root.add(_events(record, rows, coordinator, scale, end, animate=animate))
    root.add(_key(events, height - 20))
    rows_of = [
        [event["at_us"], event["node"], event["event"], event["target"] or "", event["detail"]]
        for event in events
    ]
    text = f"{title}\n{words}\nowners: {', '.join(record['owners'])}"
    if record["fallbacks"]:
        text += f"; fallbacks: {', '.join(record['fallbacks'])}"
    text += "\n\n" + table(["µs", "node", "event", "target", "detail"], rows_of)
    data = {"figure": "request", **record, "lanes": lanes}
    return Figure(title, root, text, data)


def _title(record: dict[str, Any]) -> str:
    verb = {"get": "A get", "put": "A put", "delete": "A delete"}.get(
        record["operation"], f"A {record['operation']}"
    )
    return (
        f"{verb}, coordinated by {record['coordinator']}, {counted(len(record['owners']), 'owner')}"
    )


def _x(at_us: int, scale: float) -> float:
    return _LEFT + 12 + at_us * scale


def _background(events: list[dict[str, Any]], scale: float, bottom: float) -> Element:
    """Shade what goes on when the client has its reply already."""
    made = group()
    after = [event["at_us"] for event in events if event["event"] == "replied"]
    if after and events[-1]["at_us"] > after[0]:
        x, top = _x(after[0], scale), _TOP - 2
        width, height = _RIGHT + 14 - x, bottom - top
        made.add(Element("rect", x=x, y=top, width=width, height=height, class_="panel"))
        if width > 150:
            words = "after the reply, in the background"
            made.add(label(words, x + 20, top + 14, "soft small", width=width - 24, size=11))
    return made


def _quorum(words: str, x: float, bottom: float) -> Element:
    left = x > WIDTH - 200
    line = Element(
        "path", d=f"M{x:.1f} {_TOP - 16}V{bottom}", stroke=GOOD, stroke_width=2.2, class_="dash"
    )
    anchor = "end" if left else None
    return group(line, label(words, x + (-6 if left else 6), _TOP - 10, "strong", anchor=anchor))


def _lanes(rows: dict[str, float], record: dict[str, Any]) -> Element:
    made = group()
    for name, y in rows.items():
        if name == CLIENT:
            role = ""
        elif name == record["coordinator"]:
            role = "owner, coordinates" if name in record["owners"] else "coordinates"
        else:
            role = "owner" if name in record["owners"] else "fallback"
        dash = " dash" if role == "fallback" else ""
        made.add(
            Element(
                "path", d=f"M{_LEFT - 6} {y}H{_RIGHT + 14}", class_="rule" + dash, stroke_width=1.4
            ),
            label(name, 20, y + (4 if not role else -1), "strong", width=108),
            label(role, 20, y + 14, "soft small", width=128, size=11),
        )
    return made


def _axis(end: int, scale: float, y: float) -> Element:
    made = group()
    step = tick_step(end)
    at = 0.0
    while at <= end:
        x = _LEFT + 12 + at * scale
        made.add(
            Element("path", d=f"M{x:.1f} {y:.1f}v5", class_="line"),
            label(f"{at:,.0f} µs", x, y + 18, "soft small", anchor="middle"),
        )
        at += step
    return made


def _other(event: dict[str, Any], coordinator: str) -> str:
    """Whom an event is about, besides the coordinator."""
    node, target = event["node"], event["target"]
    return str(target) if target and node == coordinator else str(node)


def _events(
    record: dict[str, Any],
    rows: dict[str, float],
    coordinator: str,
    scale: float,
    end: int,
    *,
    animate: bool,
) -> Element:
    made = group()
    home = rows[coordinator]
    start = _LEFT + 12
    asked: dict[str, list[float]] = {}  # questions that nobody answered yet
    made.add(arrow((start - 10, rows[CLIENT]), (start, home), short=3))
    for event in record["events"]:
        x = start + event["at_us"] * scale
        other = _other(event, coordinator)
        y = rows[other]
        stroke, shape, told = _LOOK.get(event["event"], (None, "circle", event["event"]))
        tip = f"{event['at_us']:,} µs: {other} {told}"
        tip += f" ({event['detail']})" if event["detail"] else ""
        mark = group(
            tooltip=tip,
            class_="in" if animate else None,
            style=f"animation-delay:{6 * event['at_us'] / end:.2f}s" if animate else None,
        )
        if event["event"] in _ASKED:
            asked.setdefault(other, []).append(x)
            continue
        if event["event"] == "replied":
            mark.add(arrow((x, home), (x + 10, rows[CLIENT]), short=2))
        elif event["event"] in _ANSWERED and other != coordinator:
            sent = asked.get(other, [])
            left = sent.pop(0) if sent else x
            middle = (left + x) / 2
            if left < x:
                mark.add(arrow((left, home), (middle, y), stroke=stroke, short=4))
            mark.add(arrow((middle, y), (x, home), stroke=stroke, dashed=True, short=3))
            mark.add(marker(shape, middle, y, 6, fill=stroke, class_="edge", stroke_width=0.8))
        elif shape == "cross":
            sent = asked.get(other, [])
            if sent:
                left = sent.pop(0)
                mark.add(arrow((left, home), (left + (x - left) / 3, y), stroke=stroke, short=4))
                mark.add(
                    Element(
                        "path",
                        d=path([(left + (x - left) / 3, y), (x, y)]),
                        stroke=stroke,
                        stroke_width=1.4,
                        class_="dash",
                    )
                )
            mark.add(cross(x, y, 6))
        else:
            mark.add(
                marker(
                    shape or "circle", x, y, 6, fill=stroke or LINK, class_="edge", stroke_width=0.8
                )
            )
        made.add(mark)
    for name, sent in asked.items():  # asked, and no word came back while this was recorded
        for left in sent:
            if name != coordinator:
                made.add(
                    group(
                        arrow((left, home), (left + 14, rows[name]), short=4),
                        tooltip=f"{name} was asked; its answer was not waited for",
                    )
                )
    return made


def _key(events: list[dict[str, Any]], y: float) -> Element:
    made = group()
    x = 20.0
    for name, (stroke, shape, told) in _LOOK.items():
        if not shape or not any(event["event"] == name for event in events):
            continue
        if shape == "cross":
            if "failed" in told and any(event["event"] == "silent" for event in events):
                continue
            made.add(cross(x + 6, y - 4, 5))
        else:
            made.add(marker(shape, x + 6, y - 4, 5.5, fill=stroke, class_="edge", stroke_width=0.8))
        made.add(label(told, x + 18, y, "small"))
        x += 40 + 6.4 * len(told)
    words = "times are the coordinator's; the far end of a message is drawn halfway"
    made.add(label(words, _RIGHT + 14, y - 20, "soft small", anchor="end"))
    return made
