"""How evenly the ring is shared out."""

from __future__ import annotations

import math
from typing import Any

from dynakv.viz._figure import Figure, table
from dynakv.viz._lanes import tick_step
from dynakv.viz._sources import counted, layout_of, members_of
from dynakv.viz._style import BAD, LINK, WARN, WIDTH, label, page, text_class
from dynakv.viz._svg import Element, group

_BARS_MAX = 32
_COLUMNS = 40


def balance(source: object, *, bucket: str = "default") -> Figure:
    """Draw how many slots each node holds a copy of, beside its fair share.

    The fair share is a node's part of the capacity. More than 32 nodes are counted in columns.

    Parameters
    ----------
    source : LocalCluster, Client, Bucket, Simulation or Layout
    bucket : str
    """
    layout = layout_of(source)
    owned = layout.slots_owned(bucket.encode()) if layout.members else {}
    total, capacity = sum(owned.values()), sum(member.capacity for member in layout.members)
    nodes: list[dict[str, Any]] = []
    for member in members_of(layout):
        fair = total * member.capacity / capacity
        nodes.append(
            {
                "name": member.name,
                "zone": member.zone,
                "capacity": member.capacity,
                "slots": owned[member.name],
                "fair": round(fair, 3),
                "ratio": round(owned[member.name] / fair, 4) if fair else 0.0,
            }
        )
    data: dict[str, Any] = {"figure": "balance", "copies": total, "nodes": nodes}
    if not nodes:
        title = "Balance: no members"
        root = page(90, title, "The cluster has no members.")
        root.add(label("The cluster has no members.", 20, 64))
        return Figure(title, root, title, data | {"heaviest": None, "lightest": None})
    heaviest = max(nodes, key=lambda each: each["ratio"])
    lightest = min(nodes, key=lambda each: each["ratio"])
    data |= {"heaviest": heaviest["name"], "lightest": lightest["name"]}
    title = f"Balance: {counted(total, 'copy').replace('copys', 'copies')} of slots on "
    title += counted(len(nodes), "node")
    words = (
        f"The heaviest, {heaviest['name']}, holds {heaviest['ratio']:.3f} of its fair share; "
        f"the lightest, {lightest['name']}, {lightest['ratio']:.3f}."
    )
    if len({each["zone"] for each in nodes}) > 1 and heaviest["ratio"] > 1.10:
        words += " Copies in different zones come before balance."
    if len(nodes) <= _BARS_MAX:
        root = page(104 + 22 * len(nodes), title, words, words)
        root.add(_bars(nodes))
    else:
        root = page(370, title, words, words)
        root.add(_columns(nodes))
    rows = [
        [
            each["name"],
            each["zone"],
            f"{each['capacity']:g}",
            each["slots"],
            f"{each['fair']:.1f}",
            f"{each['ratio']:.3f}",
        ]
        for each in nodes
    ]
    heading = ["node", "zone", "capacity", "slots", "fair share", "ratio"]
    return Figure(title, root, f"{title}\n{words}\n\n" + table(heading, rows), data)


def _shade(ratio: float) -> str:
    """Ten percent too much is much; five are what placement aims at."""
    return BAD if ratio > 1.10 else WARN if ratio > 1.05 else LINK


def _bars(nodes: list[dict[str, Any]]) -> Element:
    made = group()
    left, right = 130.0, WIDTH - 96.0
    most = max(max(each["slots"], each["fair"]) for each in nodes) or 1
    for row, each in enumerate(nodes):
        y = 66 + 22 * row
        width = (right - left) * each["slots"] / most
        fair = left + (right - left) * each["fair"] / most
        fill = _shade(each["ratio"])
        made.add(
            group(
                label(each["name"], left - 10, y + 14, anchor="end", width=104),
                Element("rect", x=left, y=y, width=width, height=17, fill=fill),
                label(f"{each['slots']:,}", left + 6, y + 13, text_class(fill) + " small"),
                Element("path", d=f"M{fair:.1f} {y - 2}v21", class_="edge", stroke_width=2.2),
                label(f"{each['ratio']:.3f}", right + 14, y + 13, "small"),
                tooltip=f"{each['name']}: {each['slots']} slots, fair share {each['fair']:.1f}",
            )
        )
    y = 82 + 22 * len(nodes)
    made.add(
        Element("path", d=f"M{left + 1} {y - 1}v14", class_="edge", stroke_width=2.2),
        label("the fair share by capacity", left + 10, y + 10, "soft small"),
        label("of fair", right + 14, y + 10, "soft small"),
    )
    return made


def _columns(nodes: list[dict[str, Any]]) -> Element:
    made = group()
    ratios = [each["ratio"] for each in nodes]
    low, high = min(*ratios, 0.9), max(*ratios, 1.1)
    step = (high - low) / _COLUMNS
    counts = [0] * _COLUMNS
    for ratio in ratios:
        counts[min(_COLUMNS - 1, int((ratio - low) / step))] += 1
    left, base, height = 60.0, 318.0, 230.0
    width = (WIDTH - 2 * left) / _COLUMNS
    for i, count in enumerate(counts):
        if count:
            tall = height * count / max(counts)
            a, b = low + i * step, low + (i + 1) * step
            bar = Element(
                "rect",
                x=left + i * width,
                y=base - tall,
                width=width - 1.5,
                height=tall,
                fill=_shade((a + b) / 2),
            )
            made.add(bar.add(Element("title", f"{a:.3f} to {b:.3f} of the fair share: {count}")))
    fair = left + (1 - low) / step * width
    made.add(
        Element("path", d=f"M{left} {base}H{WIDTH - left}", class_="line"),
        Element("path", d=f"M{fair:.1f} {base}v{-height - 12:.0f}", class_="edge dash"),
        label("fair share", fair + 5, base - height - 4, "small"),
        *_ratio_ticks(low, high, left, base),
        label(
            "what a node owns, by its fair share (1.00); a bar counts the nodes that own so much",
            WIDTH / 2,
            base + 36,
            "soft small",
            anchor="middle",
        ),
        Element("path", d=f"M{left} {base - height}h{WIDTH - 2 * left}", class_="rule dash"),
        label(counted(max(counts), "node"), left - 4, base - height - 6, "soft small"),
    )
    return made


def _ratio_ticks(low: float, high: float, left: float, base: float) -> list[Element]:
    step = tick_step(high - low)
    made = []
    for i in range(math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6) + 1):
        x = left + (i * step - low) / (high - low) * (WIDTH - 2 * left)
        made += [
            Element("path", d=f"M{x:.1f} {base}v4", class_="line"),
            label(f"{i * step:.2f}", x, base + 17, "small", anchor="middle"),
        ]
    return made
