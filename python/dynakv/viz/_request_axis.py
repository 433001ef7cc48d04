"""The time of a request: microseconds from left to right, with long waits cut short."""

from __future__ import annotations

from collections.abc import Iterable

from dynakv.viz._style import label
from dynakv.viz._svg import Element, group

_CUT_FROM = 12  # a wait this many times as long as all the rest is cut
_CUT_TO = 0.6  # to this part of the rest


class RequestAxis:
    """Places times between `left` and `right`.

    A wait that is much longer than everything else is drawn shorter and marked, because one slow
    node would otherwise press all the others into one point.
    """

    def __init__(self, times: Iterable[int], left: float, right: float) -> None:
        self._times = sorted({0, *times})
        gaps = [b - a for a, b in zip(self._times, self._times[1:], strict=False)] or [1]
        self._is_point = len(self._times) == 1
        if self._is_point:
            self._times.append(1)
        shown = [float(gap) for gap in gaps]
        longest = max(range(len(gaps)), key=lambda i: gaps[i])
        rest = sum(gaps) - gaps[longest]
        self.cut: tuple[int, int] | None = None
        if rest and gaps[longest] > _CUT_FROM * rest:
            shown[longest] = _CUT_TO * rest
            self.cut = (self._times[longest], self._times[longest + 1])
        scale = (right - left) / sum(shown)
        self._places = [left]
        for length in shown:
            self._places.append(self._places[-1] + length * scale)

    def x(self, at_us: float) -> float:
        """Return where a time is; times of events are exact."""
        for i in range(len(self._times) - 1):
            start, end = self._times[i], self._times[i + 1]
            if at_us <= end:
                part = (at_us - start) / (end - start)
                return self._places[i] + part * (self._places[i + 1] - self._places[i])
        return self._places[-1]

    def draw(self, top: float, bottom: float) -> Element:
        """Return the times of events along the bottom, and the cut, where there is one."""
        made = group()
        last = -100.0
        for at, x in reversed(list(zip(self._times, self._places, strict=True))):
            if abs(last - x) < 62 or (self._is_point and at > 0):
                continue
            last = x
            made.add(
                Element("path", d=f"M{x:.1f} {bottom:.1f}v5", class_="line"),
                label(readable_us(at), x, bottom + 18, "soft small", anchor="middle"),
            )
        if self.cut is not None:
            x = (self.x(self.cut[0]) + self.x(self.cut[1])) / 2
            wave = "".join(
                f"{'M' if i == 0 else 'L'}{x + (3 if i % 2 else -3):.1f} {top + i * 8:.1f}"
                for i in range(int((bottom - top) / 8) + 1)
            )
            tip = f"{readable_us(self.cut[1] - self.cut[0])} in which nothing happened, cut short"
            made.add(
                group(
                    Element("path", d=wave, class_="rule", stroke_width=5),
                    label(
                        f"{readable_us(self.cut[1] - self.cut[0])}, cut short",
                        x,
                        bottom + 18,
                        "soft small",
                        anchor="middle",
                    ),
                    tooltip=tip,
                )
            )
        return made


def readable_us(at_us: int) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> readable_us(708), readable_us(500369)
    ('708 µs', '500.4 ms')
    """
    return f"{at_us:,} µs" if at_us < 10_000 else f"{at_us / 1000:,.1f} ms"
