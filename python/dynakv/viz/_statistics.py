"""Statistics, drawn by matplotlib: the one part of this package that needs something installed."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from dynakv._exceptions import ConfigError
from dynakv.viz._figure import Figure, table
from dynakv.viz._svg import Element

_SAMPLES_MAX = 1_000_000
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")  # as lines on paper


def distribution(
    samples: Mapping[str, Iterable[float]], *, unit: str, title: str = "Distribution"
) -> Figure:
    """Draw samples as the part that is at most so large, a line for each label.

    Parameters
    ----------
    samples : mapping of str to iterable of float
    unit : str
        What the numbers are, for the axis: "ms".
    title : str

    Raises
    ------
    ImportError
        Matplotlib is not installed; the extra ``viz`` brings it.
    ConfigError
        A label has no samples, or there are more than a million.
    """
    if find_spec("matplotlib") is None:
        raise ImportError("distributions need matplotlib: pip install 'dynakv[viz]'")
    sets = {name: sorted(float(each) for each in given) for name, given in samples.items()}
    for name, values in sets.items():
        if not 0 < len(values) <= _SAMPLES_MAX:
            raise ConfigError(f"{name!r} has {len(values)} samples; use 1 to {_SAMPLES_MAX}")
    if not sets:
        raise ConfigError("there are no samples; use {'a label': [1.0, 2.0]}")
    rows = []
    for name, values in sets.items():
        rows.append(
            {
                "label": name,
                "count": len(values),
                "median": statistics.median(values),
                "p95": values[min(len(values) - 1, int(0.95 * len(values)))],
                "max": values[-1],
            }
        )
    lines = [
        [
            each["label"],
            each["count"],
            f"{each['median']:.4g}",
            f"{each['p95']:.4g}",
            f"{each['max']:.4g}",
        ]
        for each in rows
    ]
    text = f"{title} ({unit})\n\n" + table(["label", "count", "median", "p95", "max"], lines)
    data: dict[str, Any] = {"figure": "distribution", "unit": unit, "rows": rows}
    return Figure(title, _Raw(_plot(sets, unit, title)), text, data)


class _Raw(Element):
    """A picture that somebody else wrote."""

    __slots__ = ("_written",)

    def __init__(self, written: str) -> None:
        super().__init__("svg")
        self._written = written

    def __str__(self) -> str:
        return self._written


def _plot(sets: Mapping[str, list[float]], unit: str, title: str) -> str:
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context({"svg.hashsalt": "dynakv", "svg.fonttype": "path"}):
        canvas = Canvas(figsize=(8, 3.6), layout="constrained", facecolor="#fdfdfb")
        axes = canvas.subplots()
        axes.set_facecolor("#fdfdfb")
        for i, (name, values) in enumerate(sets.items()):
            parts = [(k + 1) / len(values) for k in range(len(values))]
            step = max(1, len(values) // 2000)
            style = ("-", "--", "-.", ":")[i % 4]
            axes.step(
                [*values[::step], values[-1]],
                [*parts[::step], 1.0],
                where="post",
                color=_COLORS[i % len(_COLORS)],
                linestyle=style,
                linewidth=2,
                label=name.replace("$", r"\$"),
            )
        axes.set_ylim(0, 1.03)
        axes.set_xlabel(unit.replace("$", r"\$"))
        axes.set_ylabel("part of them up to this value")
        axes.set_title(title.replace("$", r"\$"), loc="left", fontsize=12, fontweight="bold")
        axes.grid(color="#d6d6d0", linewidth=0.6)
        axes.legend(frameon=False)
        out = io.StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    head = Element("title", title)
    aria = str(Element("svg", role="img", aria_label=title))[4:-2]
    start = svg.index("<svg") + 4
    inner = svg.index(">", start) + 1
    return f"<svg{aria}{svg[start:inner]}{head}{svg[inner:]}".strip()
