"""The signs of a request's figure: what was heard, and the key that explains them."""

from __future__ import annotations

from dynakv.viz._style import (
    BAD,
    GOOD,
    LINK,
    NEUTRAL,
    SPECIAL,
    WARN,
    WIDTH,
    cross,
    label,
    marker,
    text_width,
)
from dynakv.viz._svg import Element, group

HOLLOW = ""  # the colour of signs that are an outline
# what was heard -> colour, shape, what a reader is told; an answer may bring less or more
LOOK = {
    "acked": (GOOD, "circle", "holds the write"),
    "answered": (GOOD, "circle", "answers with its copy"),
    "answered empty": (HOLLOW, "circle", "has nothing of the key"),
    "answered behind": (WARN, "down", "its copy has less"),
    "answered ahead": (GOOD, "star", "its copy has more"),
    "answered beside": (WARN, "hexagon", "its copy has something else"),
    "digest_equal": (GOOD, "square", "digest: the same copy"),
    "digest_equal behind": (WARN, "square", "digest: the same lesser copy"),
    "digest_differs": (WARN, "diamond", "digest: another copy"),
    "failed": (BAD, "cross", "failed"),
    "silent": (BAD, "cross", "is silent for too long"),
    "skipped": (NEUTRAL, "cross", "known to be down, not asked"),
    "hint_stored": (SPECIAL, "triangle", "keeps a hint"),
    "repaired": (LINK, "pentagon", "repaired: holds what it lacked"),
    "repair_planned": (HOLLOW, "pentagon", "is sent what it lacks after the reply"),
    "refused": (BAD, "cross", "refused: too few to be reached"),
}


def look_of(event: str, copy: str | None) -> str:
    """Return the key of the sign of what was heard."""
    named = f"{event} {copy}"
    return named if named in LOOK else event


def sign(shape: str, color: str, x: float, y: float) -> Element:
    if shape == "cross":
        return cross(x, y, 5, color)
    if color == HOLLOW:
        return marker(shape, x, y, 6, class_="hollow edge", stroke_width=1.6)
    return marker(shape, x, y, 6, fill=color, class_="edge", stroke_width=0.8)


def placed_key(heard: set[tuple[str, str | None]]) -> list[tuple[str, float, int]]:
    """Return the signs that the figure has, each with its place in the lines of the key."""
    happened = {look_of(event, copy) for event, copy in heard}
    placed: list[tuple[str, float, int]] = []
    x, line = 20.0, 0
    for name, (_, _, told) in LOOK.items():
        if name not in happened:
            continue
        width = 38 + text_width(told, 11)
        if x > 20 and x + width > WIDTH:
            x, line = 20.0, line + 1
        placed.append((name, x, line))
        x += width
    return placed or [("", 20.0, 0)]


def draw_key(signs: list[tuple[str, float, int]], top: float) -> Element:
    made = group()
    for name, x, line in signs:
        if name not in LOOK:
            continue
        color, shape, told = LOOK[name]
        y = top + 20 * line
        made.add(sign(shape, color, x + 6, y - 4), label(told, x + 18, y, "small"))
    return made


def draw_note(y: float) -> Element:
    words = "solid arrows ask or send, dashed ones answer; times are the coordinator's, "
    words += "the far end is drawn halfway"
    return label(words, 20, y, "soft small")
