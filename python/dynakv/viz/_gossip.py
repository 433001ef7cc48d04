"""Which node knew what, and when: news about a member as it spreads through a cluster."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from dynakv._sim_client import SimEvent
from dynakv.viz._figure import Figure, table
from dynakv.viz._lanes import LEFT, RIGHT, Axis, lane_lines
from dynakv.viz._sources import counted, natural
from dynakv.viz._style import BAD, GOOD, NEUTRAL, WARN, cross, label, marker, page, text_width
from dynakv.viz._svg import Element, group, path
from dynakv.viz._trace import BELIEFS, Trace, cuts_of, read_trace, spans_of

STATES = dict(zip(BELIEFS, (GOOD, WARN, BAD, NEUTRAL), strict=True))
_SHAPES = {"alive": "circle", "suspect": "triangle", "dead": "square", "left": "diamond"}
_PANELS_MAX = 4
_LANES_MAX = 16  # more observers are counted in a curve


def gossip(trace: object, *, about: str | None = None, animate: bool = False) -> Figure:
    """Draw what each node believed of a member, and since when.

    Reads the events "alive", "suspect", "dead" and "left" of a trace: `host` is the node that
    came to believe it, `peer` the member that it is about.

    Parameters
    ----------
    trace : Simulation, or iterable of SimEvent
    about : str, optional
        The member. Default: those that most was said about, four at most.
    animate : bool
        Let the news appear in their order.
    """
    read = read_trace(trace, ())
    news: dict[str, list[SimEvent]] = defaultdict(list)
    for event in read.events:
        if event.kind in STATES and event.host is not None and event.peer is not None:
            news[event.peer].append(event)
    topics = (
        [about]
        if about is not None
        else sorted(
            sorted(news, key=lambda name: (-len(news[name]), natural(name)))[:_PANELS_MAX],
            key=natural,
        )
    )
    topics = [topic for topic in topics if topic in news]
    if not topics:
        return _empty(about)
    panels = [_panel_data(topic, news[topic], read) for topic in topics]
    left_out = len(news) - len(topics) if about is None else 0
    title = f"Who knew of what when: news about {', '.join(topics)}"
    words = " ".join(_sentence(panel) for panel in panels[:2])
    if left_out:
        words += f" {counted(left_out, 'other member')} left out."
    heights = [_height(panel) for panel in panels]
    root = page(64 + sum(heights) + 66, title, words, words)
    start = min(event.at for topic in topics for event in news[topic])
    faults = [fault["at"] for panel in panels for fault in panel["faults"]]
    axis = Axis(min([start, *faults]), read.end)
    top = 64.0
    for topic, panel, height in zip(topics, panels, heights, strict=True):
        root.add(_panel(topic, panel, read, axis, top, animate=animate))
        top += height
    root.add(axis.draw(top + 6), _key(top + 50, read, topics, has_faults=bool(faults)))
    data: dict[str, Any] = {"figure": "gossip", "topics": panels, "left_out": left_out}
    rows = [
        [f"{each['at']:.3f}", each["node"], each["state"], panel["about"]]
        for panel in panels
        for each in panel["news"]
    ]
    text = f"{title}\n{words}\n\n" + table(["s", "node", "believes", "of"], rows, limit=120)
    return Figure(title, root, text, data)


def _empty(about: str | None) -> Figure:
    words = "The trace holds no news of a member: nobody was suspected, and nobody came back."
    if about is not None:
        words = f"The trace holds no news about {about}."
    title = "Who knew of what when: no news"
    root = page(90, title, words)
    root.add(label(words, 20, 62))
    data: dict[str, Any] = {"figure": "gossip", "topics": [], "left_out": 0}
    return Figure(title, root, f"{title}\n{words}", data)


def _panel_data(topic: str, news: list[SimEvent], read: Trace) -> dict[str, Any]:
    observers = sorted({event.host for event in news if event.host}, key=natural)
    first: dict[str, dict[str, float]] = {}
    for event in news:
        first.setdefault(event.kind, {}).setdefault(event.host or "", event.at)
    return {
        "about": topic,
        "observers": observers,
        "news": [{"at": e.at, "node": e.host, "state": e.kind} for e in news],
        "first": {kind: min(times.values()) for kind, times in first.items()},
        "last": {kind: max(times.values()) for kind, times in first.items()},
        "faults": _faults_of(topic, read),
    }


def _faults_of(topic: str, read: Trace) -> list[dict[str, Any]]:
    """What kept others from hearing of it."""
    found = [
        {"at": span.start, "kind": span.kind, "until": span.end}
        for span in spans_of(read)
        if span.host == topic and span.kind != "slow"
    ]
    found += [
        {"at": cut.start, "kind": "cut off", "until": cut.end}
        for cut in cuts_of(read)
        if topic in (*cut.a, *cut.b)
    ]
    return sorted(found, key=lambda fault: fault["at"])


def _sentence(panel: dict[str, Any]) -> str:
    for kind in ("dead", "suspect", "left", "alive"):
        if kind in panel["first"]:
            first, last = panel["first"][kind], panel["last"][kind]
            count = len({each["node"] for each in panel["news"] if each["state"] == kind})
            return (
                f"{panel['about']} was {_PASSIVE[kind]} by the first node at {first:.2f} s, "
                f"by the last of {count} at {last:.2f} s."
            )
    return ""


def _height(panel: dict[str, Any]) -> float:
    lanes = len(panel["observers"])
    return 34.0 + (lanes * 17 if lanes <= _LANES_MAX else 110)


def _panel(
    topic: str, panel: dict[str, Any], read: Trace, axis: Axis, top: float, *, animate: bool
) -> Element:
    observers = panel["observers"]
    heading = f"What the others believed of {topic}"
    made = group(label(heading, 16, top + 12, "strong"))
    told = ", ".join(_said(fault, axis.end) for fault in panel["faults"])
    x = 32 + text_width(heading, 12.6)
    made.add(label(told, x, top + 12, "soft small", width=RIGHT - x, size=11))
    bottom = top + _height(panel) - 12
    if len(observers) <= _LANES_MAX:
        rows = {name: top + 32 + 17 * i for i, name in enumerate(observers)}
        made.add(lane_lines(rows), _beliefs(panel, rows, axis, animate=animate))
    else:
        made.add(_curve(panel, axis, top + 24, bottom))
    for fault in panel["faults"]:
        x = axis.x(fault["at"])
        until = axis.x(fault["until"])
        bar = Element("rect", x=x, y=top + 17, width=max(2.0, until - x), height=5, fill=BAD)
        tip = f"{topic} {fault['kind']} from {fault['at']:.3f} s to {fault['until']:.3f} s"
        line = Element("path", d=f"M{x:.1f} {top + 17}V{bottom}", stroke=BAD, class_="dash")
        made.add(group(bar, line, cross(x, top + 19, 4), tooltip=tip))
    return made


def _said(fault: dict[str, Any], end: float) -> str:
    until = f" to {fault['until']:.2f} s" if fault["until"] < end else " on"
    return f"{fault['kind']} from {fault['at']:.2f} s{until}"


def _beliefs(
    panel: dict[str, Any], rows: dict[str, float], axis: Axis, *, animate: bool
) -> Element:
    by_node: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for each in panel["news"]:
        by_node[each["node"]].append((each["at"], each["state"]))
    made = group()
    for name, beliefs in by_node.items():
        for i, (at, state) in enumerate(beliefs):
            until = beliefs[i + 1][0] if i + 1 < len(beliefs) else axis.end
            x, end, y = axis.x(at), axis.x(until), rows[name]
            delay = 8 * (at - axis.start) / (axis.end - axis.start)
            made.add(
                group(
                    Element(
                        "rect",
                        x=x,
                        y=y - 6,
                        width=max(1.0, end - x),
                        height=12,
                        fill=STATES[state],
                        fill_opacity=0.55,
                    ),
                    marker(
                        _SHAPES[state],
                        x,
                        y,
                        4.5,
                        fill=STATES[state],
                        class_="edge",
                        stroke_width=0.7,
                    ),
                    tooltip=f"{at:.3f} s: {name} believes {panel['about']} is {state}",
                    class_="in" if animate else None,
                    style=f"animation-delay:{delay:.2f}s" if animate else None,
                )
            )
    return made


def _curve(panel: dict[str, Any], axis: Axis, top: float, bottom: float) -> Element:
    """How many observers believe in which state: areas, one upon the other."""
    total = len(panel["observers"])
    current: dict[str, str] = {}
    counts = dict.fromkeys(STATES, 0)
    steps: list[tuple[float, dict[str, int]]] = []
    for each in panel["news"]:
        before = current.get(each["node"])
        if before is not None:
            counts[before] -= 1
        current[each["node"]] = each["state"]
        counts[each["state"]] += 1
        x = round(axis.x(each["at"]), 1)
        if steps and steps[-1][0] == x:
            steps.pop()
        steps.append((x, dict(counts)))
    steps.append((RIGHT, dict(counts)))
    made = group()
    below = [0] * len(steps)
    for state, fill in STATES.items():
        above = [under + step[1][state] for under, step in zip(below, steps, strict=True)]
        if above != below:
            upper = _stairs(steps, above, total, top, bottom)
            lower = _stairs(steps, below, total, top, bottom)
            area = Element(
                "path", d=path([*upper, *reversed(lower)], closed=True), fill=fill, fill_opacity=0.7
            )
            tip = f"{max(a - b for a, b in zip(above, below, strict=True))} nodes at most: {state}"
            made.add(area.add(Element("title", tip)))
        below = above
    made.add(
        Element("path", d=f"M{LEFT} {top}V{bottom}H{RIGHT}", class_="line"),
        label(f"{total} nodes", LEFT - 8, top + 8, "soft small", anchor="end"),
        label("0", LEFT - 8, bottom, "soft small", anchor="end"),
    )
    return made


def _stairs(
    steps: list[tuple[float, dict[str, int]]],
    levels: list[int],
    total: int,
    top: float,
    bottom: float,
) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for i, (x, _) in enumerate(steps):
        y = bottom - (bottom - top) * levels[i] / total
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    return points


_PASSIVE = {
    "alive": "known to be alive again",
    "suspect": "suspected",
    "dead": "held for dead",
    "left": "known to be removed",
}
_TOLD = {
    "alive": "knows it is back",
    "suspect": "suspects it",
    "dead": "holds it for dead",
    "left": "knows it left",
}


def _key(y: float, read: Trace, topics: list[str], *, has_faults: bool) -> Element:
    made = group()
    x = 16.0
    used = {event.kind for event in read.events if event.peer in topics}
    for state, fill in STATES.items():
        if state in used:
            made.add(
                marker(_SHAPES[state], x + 6, y - 4, 5, fill=fill, class_="edge", stroke_width=0.7),
                label(_TOLD[state], x + 17, y, "small"),
            )
            x += 36 + 6.4 * len(_TOLD[state])
    if has_faults:
        made.add(cross(x + 5, y - 4, 4), label("what really happened", x + 16, y, "small"))
        x += 164
    made.add(label("empty: believes it alive", x, y, "soft small"))
    return made
