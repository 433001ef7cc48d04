"""Beside and below the ring: the nodes with what they hold, and a few slots in full."""

from __future__ import annotations

from collections.abc import Sequence

from dynakv.viz._sources import MemberLike
from dynakv.viz._style import LINK, color, label, member_marker, text_class
from dynakv.viz._svg import Element, group

STRIP = 12  # neighbouring slots that are shown in full
_ROWS = 12
_X = 430.0
_BAR = 140.0
_HELP = (
    "The hash of a key falls into one slot. The nodes that",
    "the slot shows from outside in own the key; the first",
    "of them usually coordinates its requests.",
    "Neighbouring slots have other owners in another order:",
    "when a node is away, all others share its work.",
)


def legend(
    members: Sequence[MemberLike],
    names: list[str],
    copies: dict[str, int],
    first: dict[str, int],
    shown: str | None,
) -> Element:
    made = group(
        label("node", _X + 20, 92, "soft small"),
        label("copies it holds", _X + 116, 92, "soft small"),
        label("in place 1", 772, 92, "soft small", anchor="end"),
    )
    order = list(range(len(names)))
    if shown is not None:  # the one that is drawn, then the heaviest
        order.sort(key=lambda i: (names[i] != shown, -copies[names[i]], i))
    most = max(copies.values()) or 1
    zones = len({member.zone for member in members}) > 1
    for row, i in enumerate(order[:_ROWS]):
        y, name = 114 + 25 * row, names[i]
        fill = color(i) if shown is None else (LINK if name == shown else "#999999")
        width = _BAR * copies[name] / most
        zone = members[i].zone
        row_of = group(tooltip=f"{name} in {zone}: {copies[name]} slots, {first[name]} as first")
        if shown is None:
            row_of.add(member_marker(i, _X + 7, y - 4))
        row_of.add(
            label(name, _X + 20, y, "strong" if name == shown else "", width=90),
            Element("rect", x=_X + 116, y=y - 13, width=width, height=17, fill=fill),
            label(f"{copies[name]:,}", _X + 121, y, text_class(fill) + " small"),
            label(f"{first[name]:,}", 772, y, "small", anchor="end"),
        )
        if zones:
            row_of.add(label(zone, _X + 20, y + 10, "soft small", width=90, size=10))
        made.add(row_of)
    if len(names) > _ROWS:
        rest = [copies[names[i]] for i in order[_ROWS:]]
        words = f"and {len(rest):,} more nodes, with {min(rest):,} to {max(rest):,} copies each"
        made.add(label(words, _X + 20, 114 + 25 * _ROWS, "soft"))
    elif len(names) < _ROWS - len(_HELP):
        top = 150 + 25 * len(names)
        made.add(*(label(line, _X, top + 17 * i, "soft") for i, line in enumerate(_HELP)))
    return made


def strip(
    owners: Sequence[Sequence[str]],
    names: list[str],
    n: int,
    start: int,
    marked: dict[int, str],
    *,
    shown: str | None,
) -> Element:
    places = min(n, 3)
    top, width = 480.0, 62.0
    last = start + STRIP - 1
    words = f"Slots {start} to {last} in full, first owner on top"
    framed = [key for slot, key in marked.items() if start <= slot <= last]
    words += f"; framed: where {', '.join(framed)} is" if framed else ""
    words += f"; coloured: {shown}" if shown is not None else ""
    made = group(label(words, 20, top - 12, "strong", width=740))
    index = {name: i for i, name in enumerate(names)}
    for i in range(STRIP):
        slot = start + i
        x = 22 + i * (width + 1)
        cell = group(tooltip=f"slot {slot}: {', '.join(owners[slot])}")
        for place, name in enumerate(owners[slot][:places]):
            fill = color(index[name]) if shown is None else LINK if name == shown else "#999999"
            y = top + place * 18
            cell.add(
                Element(
                    "rect",
                    x=x,
                    y=y,
                    width=width,
                    height=17,
                    fill=fill,
                    class_="edge" if slot in marked else None,
                    stroke_width=1.6 if slot in marked else 0,
                ),
                label(
                    name,
                    x + width / 2,
                    y + 13,
                    text_class(fill) + " small",
                    anchor="middle",
                    width=width - 4,
                    size=11,
                ),
            )
        cell.add(
            label(str(slot), x + width / 2, top + 18 * places + 12, "soft small", anchor="middle")
        )
        made.add(cell)
    return made
