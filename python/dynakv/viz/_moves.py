"""What moves when a cluster changes: two layouts compared, slot by slot."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dynakv.viz._figure import Figure, table
from dynakv.viz._sources import counted, layout_of, natural, owners_of_slots
from dynakv.viz._style import GOOD, WARN, WIDTH, label, page
from dynakv.viz._svg import Element, group

_BARS_MAX = 32


def moves(before: object, after: object, *, bucket: str = "default") -> Figure:
    """Draw which nodes get copies of slots and which give them up, from one layout to another.

    The least possible is what nodes own more of than before: any layout with those shares must
    move as much. Only who owns a copy is compared; that an owner changes its place moves nothing.
    The 32 nodes with the largest changes are drawn.

    Parameters
    ----------
    before, after : LocalCluster, Client, Bucket, Simulation or Layout
        ``dynakv.Layout([*before.members, new])`` asks what a join would move.
    bucket : str

    Examples
    --------
    >>> import dynakv
    >>> before = cluster.layout()
    >>> new = dynakv.Member("f" * 32, "new", "host:7400")
    >>> data = moves(before, dynakv.Layout([*before.members, new])).data()
    >>> data["moved"] >= data["least"] > 0
    True
    """
    old = owners_of_slots(layout_of(before), bucket)
    new = owners_of_slots(layout_of(after), bucket)
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    owned: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    changed = 0
    for past, present in zip(old, new, strict=True):
        owned[0].update(past)
        owned[1].update(present)
        changed += set(past) != set(present)
        gained.update(set(present) - set(past))
        lost.update(set(past) - set(present))
    names = sorted({*owned[0], *owned[1]}, key=natural)
    nodes: list[dict[str, Any]] = [
        {
            "name": name,
            "before": owned[0][name],
            "after": owned[1][name],
            "gained": gained[name],
            "lost": lost[name],
        }
        for name in names
    ]
    moved = gained.total()
    least = sum(max(0, each["after"] - each["before"]) for each in nodes)
    copies = owned[1].total()
    title = f"What moves: {moved:,} of {copies:,} copies, in {counted(changed, 'slot')}"
    if not moved:
        words = "No copy moves: every slot keeps its owners."
    elif not least:
        words = "Shares stay as they are, so none would have to."
    else:
        words = f"The least possible with these shares is {least:,}; "
        words += f"this is {moved / least:.2f} times that."
    shown = sorted(nodes, key=lambda each: -each["gained"] - each["lost"])[:_BARS_MAX]
    shown = [each for each in nodes if each in shown and each["gained"] + each["lost"]]
    quiet = len(nodes) - len(shown)
    if quiet and moved:
        words += f" {counted(quiet, 'node')} with less or no change left out."
    root = page(104 + 22 * len(shown), title, words, words)
    root.add(_bars(shown))
    data = {
        "figure": "moves",
        "copies": copies,
        "slots_changed": changed,
        "moved": moved,
        "least": least,
        "nodes": nodes,
    }
    rows = [list(each.values()) for each in nodes]
    heading = ["node", "before", "after", "gained", "lost"]
    return Figure(title, root, f"{title}\n{words}\n\n" + table(heading, rows), data)


def _bars(nodes: list[dict[str, Any]]) -> Element:
    """What a node gives up goes to the left, what it gets to the right."""
    made = group()
    if not nodes:
        return made
    left, right = 120.0, WIDTH - 70.0
    most_lost = max(each["lost"] for each in nodes)
    most_gained = max(each["gained"] for each in nodes)
    scale = (right - left - 100) / (most_lost + most_gained)
    middle = left + 50 + most_lost * scale
    bottom = 66 + 22 * len(nodes)
    for row, each in enumerate(nodes):
        y = 66 + 22 * row
        lost, gained = each["lost"] * scale, each["gained"] * scale
        cell = group(
            label(each["name"], left - 10, y + 14, anchor="end", width=104),
            Element("rect", x=middle - lost, y=y, width=lost, height=17, fill=WARN),
            Element("rect", x=middle, y=y, width=gained, height=17, fill=GOOD),
            tooltip=f"{each['name']}: {each['before']:,} before, {each['after']:,} after",
        )
        if each["lost"]:
            x = middle - lost - 6
            cell.add(label(f"−{each['lost']:,}", x, y + 13, "small", anchor="end"))
        if each["gained"]:
            cell.add(label(f"+{each['gained']:,}", middle + gained + 6, y + 13, "small"))
        made.add(cell)
    return made.add(
        Element("path", d=f"M{middle:.1f} 60V{bottom}", class_="line"),
        label("gives up", middle - 8, bottom + 16, "soft small", anchor="end"),
        label("gets", middle + 8, bottom + 16, "soft small"),
    )
