"""A very small SVG writer: elements that escape what they are given, and a little geometry."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from html import escape

Attribute = str | float | None

# What XML 1.0 cannot say, however it is escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Replace the characters that no XML document may hold."""
    return _ILLEGAL.sub("\ufffd", text)


def number(value: float) -> str:
    """Write a coordinate: two decimals at most, and no negative zero.

    Examples
    --------
    >>> number(1.50), number(-0.001), number(7)
    ('1.5', '0', '7')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Element:
    """One element. Strings among its children are text, and escaped; so are its attributes.

    In the names of attributes, ``_`` stands for ``-``, and is dropped at the end.

    Examples
    --------
    >>> str(Element("text", "<b>", class_="a", x=1.5))
    '<text class="a" x="1.5">&lt;b&gt;</text>'
    """

    __slots__ = ("attributes", "children", "tag")

    def __init__(self, tag: str, *children: Element | str, **attributes: Attribute) -> None:
        self.tag = tag
        self.children: list[Element | str] = list(children)
        self.attributes = attributes

    def add(self, *children: Element | str) -> Element:
        """Append children; return this element."""
        self.children.extend(children)
        return self

    def _write(self, out: list[str]) -> None:
        out.append(f"<{self.tag}")
        for name, value in self.attributes.items():
            if value is None:
                continue
            text = clean(value) if isinstance(value, str) else number(value)
            spelled = name.rstrip("_").replace("_", "-")
            out.append(f' {spelled}="{escape(text)}"')
        if not self.children:
            out.append("/>")
            return
        out.append(">")
        for child in self.children:
            if isinstance(child, Element):
                child._write(out)
            else:
                out.append(escape(clean(child), quote=False))
        out.append(f"</{self.tag}>")

    def __str__(self) -> str:
        out: list[str] = []
        self._write(out)
        return "".join(out)


def group(*children: Element | str, tooltip: str = "", **attributes: Attribute) -> Element:
    """Return a ``<g>``; the tooltip becomes its ``<title>``."""
    made = Element("g", **attributes)
    if tooltip:
        made.add(Element("title", tooltip))
    return made.add(*children)


def polar(cx: float, cy: float, radius: float, turn: float) -> tuple[float, float]:
    """Return the point at a part of a full turn, clockwise from the top."""
    angle = 2 * math.pi * turn
    return cx + radius * math.sin(angle), cy - radius * math.cos(angle)


def wedge(center: tuple[float, float], inner: float, outer: float, start: float, end: float) -> str:
    """Return the path of a part of a ring, between two turns less than one apart."""
    big = 1 if end - start > 0.5 else 0
    points = [
        polar(*center, outer, start),
        polar(*center, outer, end),
        polar(*center, inner, end),
        polar(*center, inner, start),
    ]
    a, b, c, d = (f"{number(x)} {number(y)}" for x, y in points)
    out, back = number(outer), number(inner)
    return f"M{a}A{out} {out} 0 {big} 1 {b}L{c}A{back} {back} 0 {big} 0 {d}Z"


def path(points: Iterable[tuple[float, float]], *, closed: bool = False) -> str:
    """Return the path through the points."""
    text = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{text}{'Z' if closed else ''}"
