"""Figure: a picture that is also a table and plain data."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from dynakv._exceptions import ConfigError
from dynakv.viz._svg import Element, clean

_SUFFIXES = (".svg", ".html", ".txt", ".json")


class Figure:
    """A figure. A notebook shows it; a terminal shows it as text.

    It is complete when it is made: later changes of what it shows do not change it. Equal inputs
    give equal bytes.

    Attributes
    ----------
    title : str
    """

    __slots__ = ("_data", "_svg", "_text", "title")

    def __init__(self, title: str, picture: Element, text: str, data: dict[str, Any]) -> None:
        self.title = title
        self._svg = str(picture)
        self._text = clean(text).rstrip() + "\n"
        self._data = data

    def svg(self) -> str:
        """Return the picture: one SVG element, complete in itself, without scripts."""
        return self._svg

    def html(self) -> str:
        """Return the picture with the text below it, folded."""
        return (
            f'<figure style="margin:0">{self._svg}'
            '<details style="font-size:12px"><summary>the same as text</summary>'
            f"<pre>{escape(self._text)}</pre></details></figure>"
        )

    def text(self) -> str:
        """Return what the picture shows as readable lines."""
        return self._text

    def data(self) -> dict[str, Any]:
        """Return what the picture shows as plain structures; a copy."""
        return copy.deepcopy(self._data)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure to a file; the name's ending says how: .svg, .html, .txt or .json.

        Raises
        ------
        ConfigError
            It has another ending.
        """
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix not in _SUFFIXES:
            raise ConfigError(f"{target.name!r} has no known ending; use {', '.join(_SUFFIXES)}")
        if suffix == ".svg":
            content = self._svg
        elif suffix == ".html":
            content = self._document()
        elif suffix == ".json":
            content = json.dumps(self._data, indent=2) + "\n"
        else:
            content = self._text
        target.write_text(content, encoding="utf-8")
        return target

    def _document(self) -> str:
        head = f'<meta charset="utf-8"><title>{escape(clean(self.title))}</title>'
        return (
            f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{self.html()}</body></html>'
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self._svg, "text/html": self.html(), "text/plain": self._text}

    def __repr__(self) -> str:
        return self._text

    def __str__(self) -> str:
        return self._text


def table(heading: Sequence[str], rows: Sequence[Sequence[object]], *, limit: int = 60) -> str:
    """Return aligned columns; rows beyond the limit are counted, not shown.

    Examples
    --------
    >>> print(table(["node", "slots"], [["n0", 5461], ["n10", 5462]]))
    node  slots
    n0    5461
    n10   5462
    """
    shown = [[_cell(cell) for cell in row] for row in rows[:limit]]
    lines = [list(heading), *shown]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heading))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    if len(rows) > limit:
        text += f"\n… and {len(rows) - limit:,} more"
    return text


def _cell(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return " ".join(text.split()) if text else "-"
