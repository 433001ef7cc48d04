"""The commands, put together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import dynakv
from dynakv.cli import _cluster, _data, _explain, _serve, _sim

__all__ = ["app", "run"]

app = typer.Typer(
    name="dynakv",
    help="An always-writable key-value store, from the command line.",
    epilog="Exit codes: 0 done, 1 failed, 2 used wrongly, 3 no quorum, 4 conflict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if value:
        typer.echo(dynakv.__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    del version


_RUN, _LOOK, _USE, _TEST = "Running nodes", "Looking at a cluster", "Data", "Simulating"
app.command(rich_help_panel=_RUN)(_serve.serve)
app.command(rich_help_panel=_RUN)(_serve.up)
app.command(rich_help_panel=_RUN)(_cluster.doctor)
app.command(rich_help_panel=_LOOK)(_cluster.status)
app.command(rich_help_panel=_LOOK)(_cluster.ring)
app.command(rich_help_panel=_LOOK)(_cluster.where)
app.command(rich_help_panel=_USE)(_data.get)
app.command(rich_help_panel=_USE)(_data.put)
app.command("del", rich_help_panel=_USE)(_data.delete)
app.add_typer(_explain.app, name="explain", rich_help_panel=_USE)
app.add_typer(_sim.app, name="sim", rich_help_panel=_TEST)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    try:
        app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="dynakv")
    except SystemExit as exit:
        if exit.code is None:
            return 0
        return exit.code if isinstance(exit.code, int) else 1
    return 0
