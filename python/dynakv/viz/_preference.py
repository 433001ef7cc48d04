"""One key: its slot, the nodes that hold it, and those that would stand in for them."""

from __future__ import annotations

from typing import Any

from dynakv._requests import encode_key
from dynakv.viz._figure import Figure, table
from dynakv.viz._sources import (
    SLOT_COUNT,
    Key,
    counted,
    layout_of,
    members_of,
    owners_of_slots,
    readable,
    states_of,
)
from dynakv.viz._style import BAD, WIDTH, arrow, color, cross, label, member_marker, page
from dynakv.viz._svg import Element, group, path, polar, wedge

_AROUND = 4  # slots on each side of the key's
_CARDS = 6  # in a row


def preference(source: object, key: Key, *, bucket: str = "default") -> Figure:
    """Draw where a key lives: a zoomed arc around its slot, its owners, and its fallbacks.

    A cluster, client or simulation also tells how the nodes are at the moment.

    Parameters
    ----------
    source : LocalCluster, Client, Bucket, Simulation or Layout
    key : str or bytes
    bucket : str
        Decides N, the number of owners.
    """
    layout = layout_of(source)
    encoded = encode_key(key)
    named = readable(encoded)
    members = {member.name: member for member in members_of(layout)}
    if not members:
        root = page(90, f"Where {named} lives: no members", "The cluster has no members.")
        root.add(label("The cluster has no members, so the key has no owner.", 20, 64))
        nothing: dict[str, Any] = {"figure": "preference", "key": named, "slot": None, "walk": []}
        return Figure("no members", root, "The cluster has no members.", nothing)
    slot = layout.slot(encoded)
    owners = layout.owners(encoded, bucket.encode())
    walk = layout.walk(encoded)
    states = states_of(source, encoded, bucket)
    data: dict[str, Any] = {
        "figure": "preference",
        "key": named,
        "slot": slot,
        "walk": [
            {
                "place": place + 1,
                "name": name,
                "role": "owner" if name in owners else "fallback",
                "zone": members[name].zone,
                "state": states.get(name, "unknown"),
            }
            for place, name in enumerate(walk)
        ],
        "members": len(members),
    }
    title = f"Where {named} lives"
    fallbacks = [name for name in walk if name not in owners]
    description = f"Slot {slot}; owners {', '.join(owners)}; " + (
        f"fallbacks {', '.join(fallbacks)}." if fallbacks else "no fallbacks."
    )
    rows = (len(walk) + _CARDS - 1) // _CARDS
    subtitle = f"Its hash falls into slot {slot} of {SLOT_COUNT:,}. The slot has "
    subtitle += f"{counted(len(owners), 'owner')}"
    subtitle += f" and {counted(len(fallbacks), 'fallback')}." if fallbacks else "."
    root = page(268 + 94 * rows, title, description, subtitle)
    order = {name: i for i, name in enumerate(members)}
    root.add(_arc(layout, slot, bucket, order, named))
    words = "Its preference list: the owners are asked"
    words += "; the next nodes stand in for owners that are away." if fallbacks else "."
    root.add(label(words, 20, 247, "strong"), _cards(data["walk"], order, 258))
    rows_of = [[e["place"], e["name"], e["role"], e["zone"], e["state"]] for e in data["walk"]]
    text = f"{title}: slot {slot} of {SLOT_COUNT}\n\n"
    text += table(["place", "node", "role", "zone", "state"], rows_of)
    return Figure(title, root, text, data)


def _arc(layout: Any, slot: int, bucket: str, order: dict[str, int], named: str) -> Element:
    made = group()
    center, radius = (104.0, 148.0), 68.0
    made.add(
        Element("circle", cx=center[0], cy=center[1], r=radius - 7, class_="rule", stroke_width=14),
    )
    turn = 0.25  # turned so that the slot faces its neighbours on the right
    made.add(
        Element(
            "path",
            d=wedge(center, radius - 14, radius + 3, turn - 0.006, turn + 0.006),
            fill=BAD,
        )
    )
    zero = turn - (slot + 0.5) / SLOT_COUNT
    made.add(
        Element(
            "path",
            d=path([polar(*center, radius - 14, zero), polar(*center, radius + 4, zero)]),
            class_="edge",
            stroke_width=2,
        ),
        label("slot 0", *polar(*center, radius - 32, zero), "soft small", anchor="middle"),
    )
    count = 2 * _AROUND + 1
    left, top, width = 232.0, 92.0, 60.0
    start = (center[0] + radius + 4, center[1])
    made.add(
        Element(
            "path",
            d=path([(left - 6, top), start, (left - 6, top + 100)]),
            class_="rule dash",
        )
    )
    slots = owners_of_slots(layout, bucket)
    for i in range(count):
        at = (slot - _AROUND + i) % SLOT_COUNT
        owners = slots[at]
        x, mine = left + i * (width + 1), at == slot
        cell = group(tooltip=f"slot {at}: {', '.join(owners)}")
        shown = owners[:4]
        for place, name in enumerate(shown):
            y = top + place * 25
            cell.add(
                Element("rect", x=x, y=y, width=width, height=24, class_="panel"),
                member_marker(order[name], x + 11, y + 12, 5),
                label(name, x + 20, y + 16, "small", width=width - 21, size=11),
            )
        low = top + 25 * len(shown)
        if len(owners) > 4:
            cell.add(label(f"+{len(owners) - 4}", x + width / 2, low + 10, "soft small"))
        cell.add(
            label(
                str(at),
                x + width / 2,
                low + 16,
                "small strong" if mine else "small soft",
                anchor="middle",
            )
        )
        made.add(cell)
    x = left + _AROUND * (width + 1)
    tall = 25 * min(4, len(slots[slot]))
    words = "slots around it: the number below, the owners above, first to last"
    made.add(label(words, left, top + tall + 36, "soft small"))
    frame = Element(
        "rect",
        x=x - 2,
        y=top - 2,
        width=width + 4,
        height=tall + 3,
        fill="none",
        stroke=BAD,
        stroke_width=2.4,
    )
    made.add(frame, label(named, x + width / 2, top - 10, "strong", anchor="middle", width=260))
    return made


def _cards(walk: list[dict[str, Any]], order: dict[str, int], top: float) -> Element:
    made = group()
    width = (WIDTH - 40) / _CARDS
    for i, each in enumerate(walk):
        x = 20 + (i % _CARDS) * width
        y = top + (i // _CARDS) * 94
        owner = each["role"] == "owner"
        card = group(
            tooltip=f"{each['name']}: {each['role']} in place {each['place']}, "
            f"zone {each['zone']}, state {each['state']}"
        )
        card.add(
            Element(
                "rect",
                x=x,
                y=y,
                width=width - 18,
                height=74,
                rx=5,
                fill=color(order[each["name"]]) if owner else "none",
                fill_opacity=0.22,
                class_="line" if owner else "line dash",
                stroke_width=2 if owner else 1.2,
                style=None if not owner else f"fill:{color(order[each['name']])}",
            ),
            member_marker(order[each["name"]], x + 16, y + 20, 7),
            label(each["name"], x + 30, y + 24, "strong", width=width - 54),
            label(f"{each['place']}. {each['role']}", x + 9, y + 44, "small"),
            label(each["zone"], x + 9, y + 62, "soft small", width=width - 60, size=11),
        )
        if each["state"] not in ("running", "unknown"):
            card.add(
                cross(x + width - 32, y + 16, 6),
                label(each["state"], x + width - 24, y + 62, "small strong", anchor="end"),
            )
        made.add(card)
        if i + 1 < len(walk) and (i + 1) % _CARDS:
            made.add(arrow((x + width - 17, y + 37), (x + width - 1, y + 37)))
    return made
