"""The life of one request: who was asked what, when they answered, and when it was enough."""

from __future__ import annotations

from typing import Any

from dynakv.viz._figure import Figure, table
from dynakv.viz._request_axis import RequestAxis, readable_us
from dynakv.viz._request_record import CLIENT, Exchange, exchanges_of, lane_names, read_record
from dynakv.viz._request_signs import LOOK, draw_key, draw_note, look_of, placed_key, sign
from dynakv.viz._sources import counted
from dynakv.viz._style import BAD, GOOD, LINK, WIDTH, arrow, cross, label, page
from dynakv.viz._svg import Element, group, path

_LEFT, _RIGHT = 156.0, WIDTH - 40.0
_TOP, _PITCH = 96.0, 62.0


def request(explain: object, *, trace: object = None, animate: bool = False) -> Figure:
    """Draw a request in space and time: a lane for each node, time from left to right.

    Times are the coordinator's: when it sent, and when an answer was there. When a message was at
    its other end nobody wrote down; it is drawn halfway. The record ends with the reply; who will
    be repaired after it, as far as that was known, is marked. A simulation's trace tells more: what
    became of those repairs.

    Parameters
    ----------
    explain : object or mapping
        `GetResult.explain`, `PutResult.explain` or `QuorumError.explain` of a request with
        ``explain=True``, or the result or error itself.
    trace : Simulation or iterable of SimEvent, optional
        The run in which it was made.
    animate : bool
        Let the events appear one after the other.

    Raises
    ------
    ArgumentTypeError
        It is no such record, or carries none.
    """
    record = read_record(explain, trace)
    lanes = lane_names(record)
    events = record["events"]
    title = _title(record)
    met = record["met_at_us"]
    letter = "R" if record["operation"] == "get" else "W"
    kind = "strict" if record["strict"] else "sloppy"
    words = f"The {kind} quorum of {letter} = {record['required']} was "
    words += "not met" if met is None else f"met after {readable_us(met)}"
    words += "; only owners count." if record["strict"] else "; fallbacks count, too."
    if record["left_out"]:
        words += f" The last {counted(record['left_out'], 'event')} are left out."
    found = exchanges_of(record)
    refused = [("refused", None) for event in events if event["event"] == "refused"]
    signs = placed_key({*refused, *((each.event, each.copy) for each in found if each.event)})
    height = _TOP + _PITCH * len(lanes) + 62 + 20 * (1 + max(line for *_, line in signs))
    root = page(height, title, words, words)
    axis = RequestAxis([event["at_us"] for event in events], _LEFT + 12, _RIGHT - 12)
    rows = {name: _TOP + _PITCH * (i + 0.5) for i, name in enumerate(lanes)}
    bottom = _TOP + _PITCH * len(lanes)
    replied = record["replied_at_us"]
    if replied is not None and any(event["at_us"] > replied for event in events):
        root.add(_afterwards(axis.x(replied) + 4, bottom))
    root.add(_lanes(rows, record), axis.draw(_TOP + 8, bottom))
    if met is not None:
        root.add(_quorum(f"{letter} = {record['required']} met", axis.x(met), bottom))
    root.add(_messages(record, found, rows, axis, animate=animate))
    root.add(draw_key(signs, bottom + 60), draw_note(bottom + 40))
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


def _quorum(words: str, x: float, bottom: float) -> Element:
    left = x > WIDTH - 200
    line = Element(
        "path", d=f"M{x:.1f} {_TOP - 16}V{bottom}", stroke=GOOD, stroke_width=2.2, class_="dash"
    )
    anchor = "end" if left else None
    return group(line, label(words, x + (-6 if left else 6), _TOP - 10, "strong", anchor=anchor))


def _afterwards(left: float, bottom: float) -> Element:
    """Shade the time in which the client has its reply already."""
    words = label("after the reply", left + 6, bottom - 8, "soft small")
    return group(
        Element(
            "rect",
            x=left,
            y=_TOP - 4,
            width=_RIGHT + 14 - left,
            height=bottom - _TOP,
            class_="panel",
        ),
        words,
    )


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


def _messages(
    record: dict[str, Any],
    found: list[Exchange],
    rows: dict[str, float],
    axis: RequestAxis,
    *,
    animate: bool,
) -> Element:
    """Draw what went to and fro; an exchange appears when its answer did."""
    home = rows[record["coordinator"]]
    end = max([event["at_us"] for event in record["events"]], default=0) or 1
    start, stop = axis.x(0), axis.x(end)
    made = group(arrow((start - 10, rows[CLIENT]), (start, home), short=3))
    made.add(label(record["operation"], start - 8, rows[CLIENT] - 7, "soft small"))
    silent = {each.node: each.heard_at for each in found if each.event == "silent"}
    notes = group()  # above all lines
    for each in found:
        at = each.heard_at if each.heard_at is not None else each.asked_at or 0
        mark = group(
            tooltip=_told(each),
            class_="in" if animate else None,
            style=f"animation-delay:{6 * at / end:.2f}s" if animate else None,
        )
        if each.heard_at is None:
            mark.add(_open(each, rows, home, axis, silent.get(each.node)))
            if each.node not in silent:
                x, y = axis.x(at) + 32, rows[each.node] + 4
                notes.add(label("not waited for", x, y, "halo soft small", width=stop - x, size=11))
        else:
            mark.add(_closed(each, rows, home, axis))
        if each.target and each.heard_at is not None:
            x, y = _place(each, axis), rows[each.node] + 17
            notes.add(label(f"for {each.target}", x, y, "halo strong small", anchor="middle"))
        made.add(mark)
    for event in record["events"]:
        x = axis.x(event["at_us"])
        if event["event"] == "refused":
            made.add(group(cross(x, home, 6), tooltip=event["detail"]))
        if event["event"] == "replied":
            made.add(arrow((x, home), (x + 10, rows[CLIENT]), short=2))
            notes.add(label("reply", x + 13, rows[CLIENT] - 7, "halo soft small"))
    return made.add(notes)


def _told(each: Exchange) -> str:
    if each.heard_at is None:
        return f"{each.node} was asked after {each.asked_at:,} µs; the reply did not wait for it"
    detail = each.detail or LOOK.get(look_of(each.event, each.copy), ("", "", each.event))[2]
    return f"{each.heard_at:,} µs: {each.node} {detail}"


def _open(
    each: Exchange,
    rows: dict[str, float],
    home: float,
    axis: RequestAxis,
    silent_at: int | None,
) -> Element:
    """A question that nobody answered while this was recorded."""
    left, y = axis.x(each.asked_at or 0), rows[each.node]
    made = group(arrow((left, home), (left + 24, y), short=4))
    if silent_at is not None:  # the wait; its end is an event of its own
        d = path([(left + 24, y), (axis.x(silent_at), y)])
        made.add(Element("path", d=d, stroke=BAD, stroke_width=1.4, class_="dash"))
    return made


def _place(each: Exchange, axis: RequestAxis) -> float:
    """Where its mark is: halfway between question and answer, on the picture."""
    x = axis.x(each.heard_at or 0)
    return x if each.asked_at is None else (axis.x(each.asked_at) + x) / 2


def _closed(each: Exchange, rows: dict[str, float], home: float, axis: RequestAxis) -> Element:
    """What was heard, with its question where there was one."""
    color, shape, _ = LOOK.get(look_of(each.event, each.copy), (LINK, "circle", ""))
    stroke = color or None
    x, y = axis.x(each.heard_at or 0), rows[each.node]
    made = group()
    if shape == "cross":
        if each.asked_at is not None:
            left = axis.x(each.asked_at)
            reached = left + (x - left) / 3
            made.add(
                arrow((left, home), (reached, y), stroke=stroke, short=4),
                Element(
                    "path",
                    d=path([(reached, y), (x, y)]),
                    stroke=stroke,
                    stroke_width=1.4,
                    class_="dash",
                ),
            )
        return made.add(cross(x, y, 6, color or BAD))
    at = _place(each, axis)
    if each.asked_at is not None:
        made.add(
            arrow((axis.x(each.asked_at), home), (at, y), stroke=stroke, short=6),
            arrow((at, y), (x, home), stroke=stroke, dashed=True, short=3),
        )
    return made.add(sign(shape, color, at, y))
