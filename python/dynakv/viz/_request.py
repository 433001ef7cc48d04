"""The life of one request: who was asked what, when they answered, and when it was enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynakv._exceptions import ArgumentTypeError
from dynakv.viz._figure import Figure, table
from dynakv.viz._lanes import tick_step
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

_FIELDS = (
    "operation",
    "layout",
    "coordinator",
    "owners",
    "fallbacks",
    "required",
    "strict",
    "met_at_us",
    "events",
)
_EVENT_FIELDS = ("at_us", "node", "event", "target", "detail")
_CLIENT = "client"
_LEFT, _RIGHT = 140.0, WIDTH - 40.0
_TOP, _PITCH = 96.0, 62.0

_ASKED = {"sent", "hint_sent", "repair_sent"}
_ANSWERED = {"acked", "answered", "digest_equal", "digest_differs", "hint_stored", "repaired"}
_SHOWN_EVENTS_MAX = 400

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
    record = _record(explain)
    coordinator = str(record["coordinator"])
    lanes = _lane_names(record)
    events = record["events"]
    title = _title(record)
    met = record["met_at_us"]
    kind = "strict" if record["strict"] else "sloppy"
    letter = "R" if record["operation"] == "get" else "W"
    if met is None:
        words = f"The {kind} quorum of {letter} = {record['required']} was not met."
    else:
        words = f"The {kind} quorum of {letter} = {record['required']} was met after {met:,} µs."
    height = _TOP + _PITCH * len(lanes) + 74
    root = page(height, title, words, words)
    end = max([event["at_us"] for event in events] + [met or 0, 1])
    scale = (_RIGHT - _LEFT - 24) / end
    rows = {name: _TOP + _PITCH * (i + 0.5) for i, name in enumerate(lanes)}
    root.add(_lanes(rows, record), _axis(end, scale, _TOP + _PITCH * len(lanes)))
    if met is not None:
        x = _LEFT + 12 + met * scale
        left = x > WIDTH - 200
        root.add(
            Element(
                "path",
                d=f"M{x:.1f} {_TOP - 8}V{_TOP + _PITCH * len(lanes)}",
                stroke=GOOD,
                stroke_width=2.2,
                class_="dash",
            ),
            label(
                f"{letter} = {record['required']} met",
                x + (-6 if left else 6),
                _TOP - 8,
                "strong small",
                anchor="end" if left else None,
            ),
        )
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


def _record(source: object) -> dict[str, Any]:
    """Return the record as plain structures, whatever it was made of."""
    inner = getattr(source, "explain", None)
    if inner is not None and not callable(inner):
        source = inner

    def read(thing: object, name: str) -> Any:
        if isinstance(thing, Mapping):
            if name not in thing:
                raise ArgumentTypeError(f"the record has no {name!r}; it has {', '.join(thing)}")
            return thing[name]
        if not hasattr(thing, name):
            raise ArgumentTypeError(
                f"request needs the record of a request made with explain=True; "
                f"{type(thing).__name__} has no {name!r}"
            )
        return getattr(thing, name)

    record = {name: read(source, name) for name in _FIELDS}
    record["owners"] = [str(name) for name in record["owners"]]
    record["fallbacks"] = [str(name) for name in record["fallbacks"]]
    events = [{name: read(event, name) for name in _EVENT_FIELDS} for event in record["events"]]
    record["events"] = sorted(events, key=lambda event: event["at_us"])[:_SHOWN_EVENTS_MAX]
    return record


def _lane_names(record: dict[str, Any]) -> list[str]:
    """The client, the coordinator, the other owners, and the fallbacks that took part."""
    taking_part = {event["node"] for event in record["events"]}
    taking_part |= {event["target"] for event in record["events"] if event["target"]}
    names = [_CLIENT, record["coordinator"], *record["owners"]]
    names += [name for name in record["fallbacks"] if name in taking_part]
    names += sorted(taking_part - set(names))
    return list(dict.fromkeys(names))


def _title(record: dict[str, Any]) -> str:
    verb = {"get": "A get", "put": "A put", "delete": "A delete"}.get(
        record["operation"], f"A {record['operation']}"
    )
    return (
        f"{verb}, coordinated by {record['coordinator']}, {counted(len(record['owners']), 'owner')}"
    )


def _lanes(rows: dict[str, float], record: dict[str, Any]) -> Element:
    made = group()
    for name, y in rows.items():
        if name == _CLIENT:
            role = ""
        elif name == record["coordinator"]:
            role = "coordinator, owner" if name in record["owners"] else "coordinator"
        else:
            role = "owner" if name in record["owners"] else "fallback"
        dash = " dash" if role == "fallback" else ""
        made.add(
            Element(
                "path", d=f"M{_LEFT - 6} {y}H{_RIGHT + 14}", class_="rule" + dash, stroke_width=1.4
            ),
            label(name, 20, y + (4 if not role else -1), "strong", width=108),
            label(role, 20, y + 14, "soft small", width=112, size=11),
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
    made.add(arrow((start - 10, rows[_CLIENT]), (start, home), short=3))
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
            mark.add(arrow((x, home), (x + 10, rows[_CLIENT]), short=2))
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
    return made
