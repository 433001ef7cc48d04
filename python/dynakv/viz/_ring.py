"""The ring: whose is which slot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dynakv._exceptions import ConfigError
from dynakv._requests import encode_key
from dynakv.viz._figure import Figure, table
from dynakv.viz._ring_legend import STRIP, legend, strip
from dynakv.viz._sources import (
    SLOT_COUNT,
    Key,
    counted,
    layout_of,
    members_of,
    owners_of_slots,
    readable,
)
from dynakv.viz._style import (
    LINK,
    PALETTE,
    color,
    label,
    marker,
    page,
)
from dynakv.viz._svg import Element, group, polar, wedge

_CENTER = (212.0, 262.0)
_OUTER = 172.0
_INNER = 84.0
_ARCS = 128  # arcs in which a small cluster is shown: each is one slot out of so many
_BINS = 512  # arcs in which the slots of one node are counted
_KEYS_MAX = 12


def ring(
    source: object,
    *,
    bucket: str = "default",
    keys: Iterable[Key] = (),
    highlight: str | None = None,
) -> Figure:
    """Draw the ring: its slots, and which nodes own them in which place.

    Up to eight nodes, each has a colour. In larger clusters the slots of one node are shown.

    Parameters
    ----------
    source : LocalCluster, Client, Bucket, Simulation or Layout
    bucket : str
        Decides N, the number of owners.
    keys : iterable of str or bytes
        Marked where they are; twelve at most are drawn.
    highlight : str, optional
        The node that is shown in a large cluster. Default: the first.

    Raises
    ------
    ConfigError
        There is no node of that name.
    """
    layout = layout_of(source)
    members = members_of(layout)
    names = [member.name for member in members]
    if highlight is not None and highlight not in names:
        raise ConfigError(f"there is no node {highlight!r}; there are {', '.join(names[:8])}")
    if not members:
        return _empty()
    n = min(int(layout.properties(bucket.encode())["n"]), len(members))
    owners = owners_of_slots(layout, bucket)
    copies = layout.slots_owned(bucket.encode())
    first = dict.fromkeys(names, 0)
    for each in owners:
        first[each[0]] += 1
    colored = len(members) <= len(PALETTE) and highlight is None
    shown = None if colored else (highlight or names[0])
    marked = [(readable(encode_key(key)), layout.slot(encode_key(key))) for key in keys]

    title = f"The ring: {counted(SLOT_COUNT, 'slot')}, {counted(len(members), 'node')}, N = {n}"
    if colored:
        fold = f"folded: there is room for one slot out of {SLOT_COUNT // _ARCS}, an arc for each"
    else:
        fold = (
            f"folded: only the {counted(copies[shown or ''], 'slot')} of {shown} are drawn, in "
            f"{_BINS} arcs of {SLOT_COUNT // _BINS} slots; the darker, the more"
        )
    heavy = max(names, key=lambda name: copies[name])
    light = min(names, key=lambda name: copies[name])
    description = (
        f"{heavy} owns most, {counted(copies[heavy], 'slot')}; {light} least, "
        f"{counted(copies[light], 'slot')}. Figure {fold}."
    )
    root = page(560, title, description, fold[0].upper() + fold[1:] + ".")
    root.add(_bands(owners, names, n) if colored else _bins(owners, shown or "", n))
    root.add(_middle(n), _key_marks(marked))
    root.add(legend(members, names, copies, first, shown))
    start = max(0, min(marked[0][1] - 4, SLOT_COUNT - STRIP)) if marked else 0
    slots = {slot: key for key, slot in marked}
    root.add(strip(owners, names, n, start, slots, shown=shown))
    data: dict[str, Any] = {
        "figure": "ring",
        "slots": SLOT_COUNT,
        "n": n,
        "nodes": [
            {
                "name": member.name,
                "zone": member.zone,
                "copies": copies[member.name],
                "first": first[member.name],
            }
            for member in members
        ],
        "keys": [{"key": key, "slot": slot, "owners": list(owners[slot])} for key, slot in marked],
        "folded": fold,
    }
    return Figure(title, root, _as_text(title, fold, data), data)


def _empty() -> Figure:
    title = "The ring: no members"
    root = page(90, title, "The cluster has no members, so no slot has an owner.")
    root.add(label("The cluster has no members, so no slot has an owner.", 20, 60))
    data: dict[str, Any] = {
        "figure": "ring",
        "slots": SLOT_COUNT,
        "n": 0,
        "nodes": [],
        "keys": [],
        "folded": "",
    }
    return Figure(title, root, f"{title}\n", data)


def _radius(place: int, n: int) -> float:
    return _OUTER - (_OUTER - _INNER) * place / n


def _bands(owners: Sequence[Sequence[str]], names: list[str], n: int) -> Element:
    made = group()
    for arc in range(_ARCS):
        slot = arc * SLOT_COUNT // _ARCS
        walk = owners[slot]
        cell = group(tooltip=f"slot {slot}: {', '.join(walk)}")
        for place, name in enumerate(walk):
            shape = wedge(
                _CENTER,
                _radius(place + 1, n) + 1.5,
                _radius(place, n),
                arc / _ARCS,
                (arc + 0.9) / _ARCS,
            )
            cell.add(Element("path", d=shape, fill=color(names.index(name))))
        made.add(cell)
    return made


def _bins(owners: Sequence[Sequence[str]], shown: str, n: int) -> Element:
    made = group()
    size = SLOT_COUNT // _BINS
    counts = [[0] * _BINS for _ in range(n)]
    for slot, walk in enumerate(owners):
        if shown in walk:
            counts[walk.index(shown)][slot // size] += 1
    most = max(max(each) for each in counts) or 1
    for place, each in enumerate(counts):
        outer, inner = _radius(place, n), _radius(place + 1, n) + 3
        width = outer - inner
        made.add(
            Element(
                "circle",
                cx=_CENTER[0],
                cy=_CENTER[1],
                r=(outer + inner) / 2,
                fill="none",
                stroke="#999999",
                stroke_opacity=0.18,
                stroke_width=width,
            )
        )
        for position, count in enumerate(each):
            if count:
                shape = wedge(_CENTER, inner, outer, position / _BINS, (position + 1) / _BINS)
                tip = f"slots {position * size} to {(position + 1) * size - 1}: {count}"
                ink = Element("path", d=shape, fill=LINK, fill_opacity=0.25 + 0.75 * count / most)
                made.add(ink.add(Element("title", f"{tip} with {shown} in place {place + 1}")))
    return made


def _middle(n: int) -> Element:
    x, y = _CENTER
    lines = ["from outside in:", "the owner in place 1"]
    lines += [f"in place {place}" for place in range(2, min(n, 4) + 1)]
    if n > 4:
        lines.append(f"… to place {n}")
    top = y - 8 * (len(lines) - 1)
    return group(
        *(
            label(line, x, top + 16 * i, "soft small", anchor="middle")
            for i, line in enumerate(lines)
        )
    )


def _key_marks(marked: Sequence[tuple[str, int]]) -> Element:
    made = group()
    drawn: list[tuple[bool, float]] = []
    for key, slot in sorted(marked[:_KEYS_MAX], key=lambda each: each[1]):
        turn = (slot + 0.5) / SLOT_COUNT
        x, y = polar(*_CENTER, _OUTER + 8, turn)
        right = turn < 0.5
        tx, ty = polar(*_CENTER, _OUTER + 17, turn)
        while (crowd := [at for side, at in drawn if side == right and abs(at - ty) < 12]) != []:
            ty = max(crowd) + 12 if right else min(crowd) - 12
        drawn.append((right, ty))
        mark = marker("diamond", x, y, 4.5, class_="ink")
        text = label(key, tx, ty + 4, "small", anchor=None if right else "end", width=66, size=11)
        made.add(group(mark, text, tooltip=f"{key}: slot {slot}"))
    return made


def _as_text(title: str, fold: str, data: dict[str, Any]) -> str:
    rows = [[each["name"], each["zone"], each["copies"], each["first"]] for each in data["nodes"]]
    text = f"{title}\n(picture {fold})\n\n"
    text += table(["node", "zone", "copies", "in place 1"], rows)
    if data["keys"]:
        rows = [[each["key"], each["slot"], ", ".join(each["owners"])] for each in data["keys"]]
        text += "\n\n" + table(["key", "slot", "owners"], rows)
    return text
