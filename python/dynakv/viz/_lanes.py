"""A page with a lane for each host and time from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from dynakv.viz._style import WIDTH, label
from dynakv.viz._svg import Element, group

LEFT = 104.0
RIGHT = WIDTH - 24.0


class Axis:
    """Maps times to the page."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end if end > start else start + 1.0
        self._drawn = 1.03 * (self.end - self.start)  # the last mark needs room

    def x(self, at: float) -> float:
        """Return where a time lies; what is outside stands at the edge."""
        part = (at - self.start) / self._drawn
        return LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, part))

    def draw(self, y: float) -> Element:
        """Return the ticks below the lanes."""
        made = group(Element("path", d=f"M{LEFT} {y}H{RIGHT}", class_="line"))
        step = tick_step(self.end - self.start)
        number = int(self.start / step)
        while number * step <= self.end + step * 1e-6:
            at = number * step
            number += 1
            if at < self.start - step * 1e-6:
                continue
            x = self.x(at)
            made.add(
                Element("path", d=f"M{x:.1f} {y:.1f}v5", class_="line"),
                label(span_text(at, step), x, y + 18, "soft small", anchor="middle"),
            )
        return made


def tick_step(length: float, count: int = 8) -> float:
    """Return a round distance of ticks: 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> tick_step(1000), tick_step(37)
    (200.0, 5.0)
    """
    power = 1e-6
    while True:
        for factor in (1, 2, 5):
            if length / (power * factor) <= count:
                return round(power * factor, 6)
        power *= 10


def span_text(seconds: float, step: float) -> str:
    """Write a time as precisely as the ticks are apart.

    Examples
    --------
    >>> span_text(1.25, 0.05), span_text(0.002, 0.001), span_text(30, 10)
    ('1.25 s', '2 ms', '30 s')
    """
    if step < 0.01 and seconds < 1:
        return f"{seconds * 1000:.{0 if step >= 0.001 else 2}f} ms"
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 4
    return f"{seconds:.{digits}f} s"


def lane_lines(rows: dict[str, float], *, soft: Sequence[str] = ()) -> Element:
    """Return the lines and names of the lanes."""
    made = group()
    small = len(rows) > 24
    for name, y in rows.items():
        made.add(
            Element("path", d=f"M{LEFT} {y:.1f}H{RIGHT}", class_="rule"),
            label(
                name,
                16,
                y + 4,
                "soft small" if name in soft or small else "strong",
                width=LEFT - 22,
                size=11 if small else 12,
            ),
        )
    return made
