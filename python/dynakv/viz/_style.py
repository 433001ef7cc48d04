"""How figures look: colours that colour-blind people tell apart, shapes that repeat what they say.

A figure brings its own background, so that it can be read on any page; its colours follow the
reader's preference for light or dark.
"""

from __future__ import annotations

import unicodedata

from dynakv.viz._svg import Element, group, path

WIDTH = 800

# Okabe and Ito's palette without black, which is the ink.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#F0E442", "#D55E00", "#999999")
SHAPES = ("circle", "square", "triangle", "diamond", "pentagon", "star", "down", "hexagon")

GOOD, BAD, WARN, NEUTRAL, SPECIAL = "#009E73", "#D55E00", "#E69F00", "#999999", "#CC79A7"
LINK = "#0072B2"

CSS = """
.dkv text{font-family:system-ui,"DejaVu Sans",sans-serif;font-size:12px;fill:#1b1f24}
.dkv .paper{fill:#fdfdfb;stroke:#d6d6d0}
.dkv .panel{fill:#f1f1ec}
.dkv .title{font-size:16px;font-weight:600}
.dkv .soft,.dkv tspan.soft{fill:#59606a}
.dkv .small{font-size:11px}
.dkv .strong{font-weight:600}
.dkv .on{fill:#111}
.dkv .on-dark{fill:#fff}
.dkv .rule{stroke:#c9c9c2;fill:none}
.dkv .line{stroke:#3c434b;fill:none}
.dkv .edge{stroke:#1b1f24}
.dkv .ink{fill:#1b1f24}
.dkv .hollow{fill:#fdfdfb}
.dkv .halo{paint-order:stroke;stroke:#fdfdfb;stroke-width:4px;stroke-linejoin:round}
.dkv .faded{opacity:.45}
.dkv .dash{stroke-dasharray:4 3}
.dkv .in{animation:dkv-in .5s both}
@keyframes dkv-in{from{opacity:0}}
@media (prefers-reduced-motion:reduce){.dkv .in{animation:none}}
@media print{.dkv .in{animation:none}}
@media (prefers-color-scheme:dark){
.dkv text{fill:#e8e8e4}
.dkv .paper{fill:#1c1f23;stroke:#3b4047}
.dkv .panel{fill:#282c31}
.dkv .soft,.dkv tspan.soft{fill:#a7adb5}
.dkv .rule{stroke:#474d55}
.dkv .line{stroke:#b6bcc4}
.dkv .edge{stroke:#f2f2ee}
.dkv .ink{fill:#e8e8e4}
.dkv .hollow{fill:#1c1f23}
.dkv .halo{stroke:#1c1f23}
.dkv .on{fill:#111}
.dkv .on-dark{fill:#fff}
}
""".strip()


def color(index: int) -> str:
    """Return the colour of the member with that index; after eight they repeat."""
    return PALETTE[index % len(PALETTE)]


def text_class(fill: str) -> str:
    """Return the class of a text that stands on a fill."""
    return "on-dark" if fill == LINK else "on"


def text_width(text: str, size: float = 12) -> float:
    """Estimate how wide a text is drawn; wide letters count for two."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return (len(text) + 0.8 * wide) * size * 0.58


def fit(text: str, width: float, size: float = 12) -> str:
    """Shorten a text, with an ellipsis, to what fits into a width."""
    if text_width(text, size) <= width:
        return text
    kept = text[: max(0, int(width / (size * 0.58)) - 1)]
    while kept and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept + "…"


def label(
    text: str,
    x: float,
    y: float,
    class_: str = "",
    *,
    anchor: str | None = None,
    width: float | None = None,
    size: float = 12,
) -> Element:
    """Return a text; one too long for its width is shortened and whole in its tooltip."""
    shown = text if width is None else fit(text, width, size)
    made = Element("text", x=x, y=y, text_anchor=anchor, class_=class_ or None)
    if shown != text:
        made.add(Element("title", text))
    return made.add(shown)


_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "triangle": [(0, -1.15), (1.05, 0.8), (-1.05, 0.8)],
    "down": [(0, 1.15), (1.05, -0.8), (-1.05, -0.8)],
    "diamond": [(0, -1.25), (1.1, 0), (0, 1.25), (-1.1, 0)],
    "pentagon": [(0, -1.1), (1.05, -0.34), (0.65, 0.9), (-0.65, 0.9), (-1.05, -0.34)],
    "hexagon": [(-0.55, -1), (0.55, -1), (1.1, 0), (0.55, 1), (-0.55, 1), (-1.1, 0)],
    "star": [
        *((0, -1.3), (0.4, -0.4), (1.3, 0), (0.4, 0.4)),
        *((0, 1.3), (-0.4, 0.4), (-1.3, 0), (-0.4, -0.4)),
    ],
}


def marker(
    shape: str, x: float, y: float, size: float, **attributes: str | float | None
) -> Element:
    """Return one of the SHAPES around a point."""
    if shape == "circle":
        return Element("circle", cx=x, cy=y, r=size, **attributes)
    if shape == "square":
        side = size * 0.88
        return Element(
            "rect", x=x - side, y=y - side, width=2 * side, height=2 * side, **attributes
        )
    points = [(x + size * dx, y + size * dy) for dx, dy in _OUTLINES[shape]]
    return Element("path", d=path(points, closed=True), **attributes)


def member_marker(index: int, x: float, y: float, size: float = 6) -> Element:
    """Return the sign of a member: its colour and its shape."""
    shape = SHAPES[(index + index // len(PALETTE)) % len(SHAPES)]
    return marker(shape, x, y, size, fill=color(index), class_="edge", stroke_width=0.8)


def cross(x: float, y: float, size: float = 4, stroke: str = BAD) -> Element:
    """Return a cross: something failed."""
    a, b = (
        path([(x - size, y - size), (x + size, y + size)]),
        path([(x - size, y + size), (x + size, y - size)]),
    )
    return Element("path", d=a + b, stroke=stroke, stroke_width=2.2, fill="none")


def arrow(
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    stroke: str | None = None,
    dashed: bool = False,
    width: float = 1.4,
    short: float = 0,
) -> Element:
    """Return a line with a head at its end, drawn without markers: those need unique names.

    `short` ends it so many pixels before its end.
    """
    (x1, y1), (x2, y2) = start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    x2, y2 = x2 - ux * short, y2 - uy * short
    bx, by = x2 - ux * 7, y2 - uy * 7
    head = path([(x2, y2), (bx - uy * 3.2, by + ux * 3.2), (bx + uy * 3.2, by - ux * 3.2)])
    classes = "line dash" if dashed else "line"
    return group(
        Element(
            "path",
            d=path([(x1, y1), (bx, by)]),
            class_=classes if stroke is None else ("dash" if dashed else None),
            stroke=stroke,
            fill="none",
            stroke_width=width,
        ),
        Element(
            "path",
            d=head + "Z",
            class_="ink" if stroke is None else None,
            fill=stroke,
        ),
    )


def page(height: float, title: str, description: str, subtitle: str = "") -> Element:
    """Return the root of a figure, with its background, its heading, and its words for readers."""
    root = Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {round(height)}",
        width=WIDTH,
        height=round(height),
        role="img",
        aria_label=f"{title}. {description}",
        class_="dkv",
        style="max-width:100%;height:auto",
    )
    root.add(Element("title", title), Element("desc", description), Element("style", CSS))
    root.add(
        Element(
            "rect", x=0.5, y=0.5, width=WIDTH - 1, height=round(height) - 1, rx=6, class_="paper"
        ),
        label(title, 20, 28, "title", width=WIDTH - 40, size=16),
    )
    if subtitle:
        root.add(label(subtitle, 20, 47, "soft", width=WIDTH - 40))
    return root
