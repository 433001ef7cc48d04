"""The versions of one key: what superseded what, and what stands side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dynakv._exceptions import ArgumentTypeError
from dynakv._requests import encode_key
from dynakv._results import GetResult, PutResult
from dynakv.viz._figure import Figure, table
from dynakv.viz._recorder import Recorded
from dynakv.viz._sources import Key, counted, readable
from dynakv.viz._style import WIDTH, arrow, color, label, page, text_width
from dynakv.viz._svg import Element, group, path
from dynakv.viz._version_graph import Version, actors_of, branch, collect, name_of, relate, shown

_BOXES_MAX = 14  # more are drawn as dots
_DOT_HELP = "A:1 names a write: who counted it (an actor: one per node and slot), and its count"
_LEFT = 128.0


def versions(
    source: object, key: Key | None = None, *, show: Callable[[Any], str] | None = None
) -> Figure:
    """Draw the versions of a key: a lane for each actor, dots as labels, siblings outlined.

    An arrow says that a write had seen the other one, and so replaced it. The present siblings
    are those of the last read; without a read, all that nothing recorded has replaced.

    Parameters
    ----------
    source : Recorder, or iterable of Recorded, PutResult and GetResult; or one of those
        In the order in which they happened. A single read shows what is there and not how it
        came to be.
    key : str or bytes, optional
        Which key, when the source is about several.
    show : callable, optional
        From a value to a few words for its box.
    """
    wanted = None if key is None else encode_key(key)
    items = [source] if isinstance(source, (GetResult, PutResult, Recorded)) else source
    if not isinstance(items, Iterable):
        raise ArgumentTypeError(
            "versions needs a Recorder, or the results of puts and gets in their order, "
            f"not {type(source).__name__}"
        )
    found, read, first_key, dropped = collect(items, wanted, show or shown)
    named = readable(wanted if wanted is not None else (first_key or b""))
    if not found:
        return _empty(named, read=read)
    relate(found)
    branch(found)
    if not read:
        for version in found:
            version.present = version.dot is not None and not version.superseded
    lanes = actors_of(found)
    present = [version for version in found if version.present]
    title = f"Versions of {named}: {counted(len(found), 'write')}, " + (
        f"{len(present)} siblings" if len(present) > 1 else f"{len(present) or 'nothing'} present"
    )
    names = ", ".join(name_of(version, lanes) for version in present[:20]) or "none"
    description = f"Present: {names}. {counted(len(lanes), 'actor')}."
    if dropped:
        description += f" {counted(dropped, 'older write')} left out."
    data = _data(named, found, lanes, dropped)
    root = _draw(title, description, found, lanes, dropped)
    rows = [
        [
            each["dot"],
            each["value"],
            each["writer"],
            each["node"],
            ", ".join(each["replaced"]),
            "present" if each["present"] else "superseded" if each["superseded"] else "",
        ]
        for each in data["versions"]
    ]
    heading = ["dot", "value", "writer", "coordinator", "had seen", "now"]
    text = f"{title}\n{description}\n\n" + table(heading, rows, limit=120)
    return Figure(title, root, text, data)


def _data(named: str, found: list[Version], lanes: dict[int, str], dropped: int) -> dict[str, Any]:
    names = [name_of(version, lanes) for version in found]
    return {
        "figure": "versions",
        "key": named,
        "actors": {letter: f"{actor:016x}" for actor, letter in lanes.items()},
        "versions": [
            {
                "dot": names[i],
                "value": version.value,
                "writer": version.writer,
                "node": version.node,
                "replaced": [names[j] for j in version.parents],
                "present": version.present,
                "superseded": version.superseded,
            }
            for i, version in enumerate(found)
        ],
        "siblings": [names[i] for i, version in enumerate(found) if version.present],
        "left_out": dropped,
    }


def _empty(named: str, *, read: bool) -> Figure:
    words = (
        "It was read, and has no value and no write in this record."
        if read
        else "There is no write of this key in the record."
    )
    title = f"Versions of {named or 'a key'}: none"
    root = page(90, title, words)
    root.add(label(words, 20, 62))
    data = {
        "figure": "versions",
        "key": named,
        "actors": {},
        "versions": [],
        "siblings": [],
        "left_out": 0,
    }
    return Figure(title, root, f"{title}\n{words}", data)


def _draw(
    title: str,
    description: str,
    found: list[Version],
    lanes: dict[int, str],
    dropped: int,
) -> Element:
    compact = len(found) > _BOXES_MAX
    places = {_place(version) for version in found}
    order = {actor: i for i, actor in enumerate(lanes)}
    rows = sorted(places, key=lambda row: (order.get(row[0] or 0, len(order)), row[1]))
    pitch = 70.0 if len(rows) <= 8 else max(16.0, 600.0 / len(rows))
    top = 84.0
    words = "An arrow leads to the write that had seen, and so replaced, the one it comes from."
    if not any(version.parents for version in found) and len(found) > 1:
        words = "No arrows: none of these writes had seen another, so none replaced another."
    if len(found) > 1 and not any(version.node for version in found):
        words = "From one read: what is there, and not how it came to be."
    if dropped:
        words += f" {counted(dropped, 'older write')} left out."
    root = page(top + pitch * len(rows) + 34, title, description, words)
    step = (WIDTH - _LEFT - 24) / len(found)
    size = min(150.0, step - 22) if not compact else 0.0
    for i, (actor, number) in enumerate(rows):
        y = top + pitch * (i + 0.5)
        root.add(Element("path", d=f"M{_LEFT - 8} {y}H{WIDTH - 16}", class_="rule"))
        if number == 0:
            root.add(_lane_label(actor, lanes, found, y, narrow=pitch < 30))
    at: list[tuple[float, float]] = []
    for i, version in enumerate(found):
        row = rows.index(_place(version))
        at.append((_LEFT + step * (i + 0.5), top + pitch * (row + 0.5)))
    half = (size / 2, 23.0) if not compact else (4.5, 4.5)
    for i, version in enumerate(found):
        for j in version.parents:
            between = any(at[j][0] < x < at[i][0] and y == at[i][1] for x, y in at)
            root.add(_link(at[j], at[i], half, around=between, thin=compact))
    for i, version in enumerate(found):
        mark = _dot if compact else _box
        room = step - 4 if compact else size
        root.add(mark(version, name_of(version, lanes), at[i], room, list(lanes)))
    bottom = top + pitch * len(rows) + 16
    root.add(
        Element(
            "rect",
            x=20,
            y=bottom - 9,
            width=18,
            height=11,
            fill="none",
            class_="edge",
            stroke_width=3,
        ),
        label("present: a read returns it", 44, bottom, "small"),
        Element("rect", x=226, y=bottom - 9, width=18, height=11, fill="#999999", fill_opacity=0.3),
        label("replaced", 250, bottom, "small"),
        label(_DOT_HELP, 326, bottom, "soft small"),
    )
    return root


def _place(version: Version) -> tuple[int | None, int]:
    return (version.dot.actor if version.dot else None, version.branch)


def _lane_label(
    actor: int | None, lanes: dict[int, str], found: list[Version], y: float, *, narrow: bool
) -> Element:
    if actor is None:
        return label("deletes", 20, y + 4, "strong")
    node = next((v.node for v in found if v.dot and v.dot.actor == actor and v.node), "")
    made = group(
        label(f"actor {lanes[actor]}", 20, y if not narrow else y + 4, "strong"),
        tooltip=f"actor {actor:016x}" + (f" at node {node}" if node else ""),
    )
    if not narrow:
        words = f"at {node}" if node else f"{actor >> 32:08x}"
        made.add(label(words, 20, y + 15, "soft small", width=96, size=11))
    return made


def _link(
    start: tuple[float, float],
    end: tuple[float, float],
    half: tuple[float, float],
    *,
    around: bool,
    thin: bool,
) -> Element:
    (x1, y1), (x2, y2) = start, end
    width = 0.8 if thin else 1.5
    if y1 != y2 and thin:
        return arrow((x1 + half[0], y1), (x2 - half[0] - 1, y2), width=width)
    if y1 != y2:  # from its upper or lower edge, so that it passes by the boxes beside it
        edge = y1 + 26 if y2 > y1 else y1 - 24
        return arrow((x1, edge), (x2 - half[0] - 1, y2), width=width)
    if not around or thin:
        return arrow((x1 + half[0], y1), (x2 - half[0] - 1, y2), width=width)
    # Around the boxes between them.
    high = y1 - half[1] - 9.0
    return group(
        Element(
            "path",
            d=path([(x1, y1 - half[1]), (x1 + 10, high), (x2 - 14, high)]),
            class_="line",
            stroke_width=width,
        ),
        arrow((x2 - 14, high), (x2 - 3, y2 - half[1] - 1), width=width),
    )


def _tip(version: Version, name: str) -> str:
    tip = f"{name}: {version.value}"
    if version.writer:
        tip += f", put by {version.writer}"
    if version.node:
        tip += f" at {version.node}"
    return tip


def _fill(version: Version, actors: list[int]) -> str:
    return "#999999" if version.dot is None else color(actors.index(version.dot.actor))


def _box(
    version: Version, name: str, at: tuple[float, float], size: float, actors: list[int]
) -> Element:
    x, y = at
    return group(
        Element("rect", x=x - size / 2, y=y - 24, width=size, height=50, rx=4, class_="hollow"),
        Element(
            "rect",
            x=x - size / 2,
            y=y - 24,
            width=size,
            height=50,
            rx=4,
            fill=_fill(version, actors),
            fill_opacity=0.75 if version.present else 0.25,
            class_="edge",
            stroke_width=3 if version.present else 0.6,
        ),
        label(name, x, y - 7, "strong" if version.present else "", anchor="middle", width=size - 6),
        label(version.value, x, y + 8, "small", anchor="middle", width=size - 6, size=11),
        label(version.writer, x, y + 20, "soft small", anchor="middle", width=size - 6, size=10),
        tooltip=_tip(version, name),
    )


def _dot(
    version: Version, name: str, at: tuple[float, float], size: float, actors: list[int]
) -> Element:
    is_roomy = size > text_width(name, 10)
    return group(
        label(name, at[0], at[1] - 11, "soft small", anchor="middle") if is_roomy else group(),
        Element(
            "circle",
            cx=at[0],
            cy=at[1],
            r=4.5,
            fill=_fill(version, actors),
            fill_opacity=1 if version.present else 0.35,
            class_="edge",
            stroke_width=2 if version.present else 0.4,
        ),
        tooltip=_tip(version, name),
    )
