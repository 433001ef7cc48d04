"""What the demo shows: with rich when it is there, as plain text when it is not.

Colours and bars appear on a terminal only, and ``NO_COLOR`` is honoured by rich itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Protocol

__all__ = ["PlainScreen", "Progress", "Screen", "SilentScreen", "make_screen"]

_PIPE_COLUMNS = 110


class Progress(Protocol):
    """A bar that may not be there."""

    def advance(self, count: int) -> None:
        """Say that `count` more records are done."""

    def note(self, text: str) -> None:
        """Say what is going on, beside the bar."""


class Screen(Protocol):
    """Where the demo writes to."""

    def stage(self, title: str) -> None:
        """Begin a part of the story."""

    def say(self, text: str = "") -> None:
        """Print one line of prose."""

    def event(self, text: str) -> None:
        """Print something that happened to the cluster."""

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows; a column whose name begins with ``>`` is aligned to the right."""

    def progress(self, label: str, total: int) -> AbstractContextManager[Progress]:
        """Show a bar while the block runs."""

    def verdict(self, text: str, detail: str, *, ok: bool) -> None:
        """Print one claim and whether it held."""


class _NoProgress:
    def advance(self, count: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        pass


class PlainScreen:
    """Lines of text, for logs and for machines without rich."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or (lambda line: print(line, flush=True))

    def stage(self, title: str) -> None:
        self._write("")
        self._write(f"== {title}")

    def say(self, text: str = "") -> None:
        self._write(f"   {text}".rstrip())

    def event(self, text: str) -> None:
        self._write(f" > {text}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        right = [name.startswith(">") for name in columns]
        lines = [[name.removeprefix(">") for name in columns], *rows]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        for line in lines:
            cells = (
                cell.rjust(width) if r else cell.ljust(width)
                for cell, width, r in zip(line, widths, right, strict=True)
            )
            self._write("   " + "  ".join(cells).rstrip())

    def progress(self, label: str, total: int) -> AbstractContextManager[Progress]:
        del label, total
        return _NoProgress()

    def verdict(self, text: str, detail: str, *, ok: bool) -> None:
        self._write(f" {'ok  ' if ok else 'FAIL'} {text}: {detail}")


class SilentScreen(PlainScreen):
    """Only what went wrong, on standard error; for ``--json``."""

    def __init__(self) -> None:
        super().__init__(lambda line: None)

    def verdict(self, text: str, detail: str, *, ok: bool) -> None:
        if not ok:
            print(f"FAIL {text}: {detail}", file=sys.stderr)


class QuietScreen(PlainScreen):
    """Only the verdicts; for ``--quiet``."""

    def __init__(self) -> None:
        super().__init__()
        self._verdict = PlainScreen()
        self._write = lambda line: None

    def verdict(self, text: str, detail: str, *, ok: bool) -> None:
        self._verdict.verdict(text, detail, ok=ok)


def make_screen(*, quiet: bool = False, silent: bool = False) -> Screen:
    """Return the best screen that this machine can show."""
    if silent:
        return SilentScreen()
    if quiet:
        return QuietScreen()
    try:
        return _rich_screen()
    except ImportError:
        return PlainScreen()


def _rich_screen() -> Screen:  # the only place that needs rich
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bar
    from rich.rule import Rule
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_COLUMNS)

    class RichScreen:
        def stage(self, title: str) -> None:
            console.print()
            console.print(Rule(f"[bold]{escape(title)}", align="left", style="cyan"))

        def say(self, text: str = "") -> None:
            console.print(f"  {text}", markup=False, soft_wrap=False)

        def event(self, text: str) -> None:
            console.print(f"  [bold yellow]▶[/] {escape(text)}")

        def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
            for name in columns:
                right = name.startswith(">")
                table.add_column(name.removeprefix(">"), justify="right" if right else "left")
            for row in rows:
                table.add_row(*map(escape, row))
            console.print(_indented(table))

        @contextmanager
        def progress(self, label: str, total: int) -> Iterator[Progress]:
            if not console.is_terminal:
                yield _NoProgress()
                return
            bar = Bar(
                TextColumn("  {task.description}"),
                BarColumn(bar_width=32),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}", style="yellow"),
                console=console,
                transient=True,
            )
            task = bar.add_task(label, total=total, note="")

            class Shown:
                def advance(self, count: int) -> None:
                    bar.advance(task, count)

                def note(self, text: str) -> None:
                    bar.update(task, note=escape(text))

            with bar:
                yield Shown()

        def verdict(self, text: str, detail: str, *, ok: bool) -> None:
            mark = "[bold green]✓[/]" if ok else "[bold red]✗[/]"
            console.print(f"  {mark} {escape(text)}: [bold]{escape(detail)}[/]")

    from rich.padding import Padding

    def _indented(table: Table) -> Padding:
        return Padding(table, (0, 0, 0, 2), expand=False)

    return RichScreen()
