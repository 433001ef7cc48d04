"""What commands print, and the exit code they end with.

Results go to standard output, everything else to standard error. With ``--json`` standard output is
one JSON object in any case: the result, or ``{"error": …}``.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dynakv import (
    ConditionFailed,
    ConfigError,
    Context,
    ContextError,
    DynakvError,
    NotFound,
    QuorumError,
    SiblingsError,
)

__all__ = [
    "At",
    "Json",
    "Timeout",
    "by_name",
    "bytes_as_data",
    "context_from_token",
    "context_token",
    "print_data",
    "print_table",
    "reports_errors",
    "say",
    "text_as_bytes",
]

FAILED, USAGE, QUORUM, CONFLICT = 1, 2, 3, 4
_PIPE_COLUMNS = 160

At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="HOST:PORT",
        envvar="DYNAKV_AT",
        help="A node of the cluster, or several with commas between.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Time for a request.")
]

Parameters = ParamSpec("Parameters")


def exit_code_of(error: DynakvError) -> int:
    """Return what a command ends with that met `error`."""
    if isinstance(error, (SiblingsError, ConditionFailed)):
        return CONFLICT
    if isinstance(error, QuorumError):
        return QUORUM
    if isinstance(error, (ConfigError, ContextError)):
        return USAGE
    return FAILED


def console(*, stderr: bool = False) -> Console:
    """Return a console; in a pipe its lines are not cut to the width of a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    columns = None if stream.isatty() else _PIPE_COLUMNS
    return Console(file=stream, width=columns, highlight=False, soft_wrap=True)


def say(text: str, *, stderr: bool = False) -> None:
    """Print a line of prose."""
    console(stderr=stderr).print(escape(text))


def print_data(data: Any) -> None:
    """Print one JSON object."""
    print(json.dumps(data, indent=2, ensure_ascii=False), flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows; a column whose name begins with ``>`` is aligned to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        table.add_column(name.removeprefix(">"), justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    console().print(table)


def error_as_data(error: DynakvError) -> dict[str, Any]:
    """Return an error as plain data."""
    data: dict[str, Any] = {
        "code": error.code,
        "message": str(error.args[0] if error.args else error),
        "in_doubt": error.in_doubt,
        "retryable": error.retryable,
        "node_errors": dict(error.node_errors),
    }
    if isinstance(error, QuorumError):
        data |= {
            "required": error.required,
            "received": error.received,
            "acked": list(error.acked),
            "alive": error.alive,
        }
    return data


def reports_errors(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Have a command end with a message and an exit code instead of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except DynakvError as error:
            code = exit_code_of(error)
            if kwargs.get("as_json"):
                print_data({"error": error_as_data(error)})
            else:
                message = error.message if isinstance(error, NotFound) else str(error)
                say(f"dynakv: {message}", stderr=True)
                if error.in_doubt:
                    say("The write is in doubt: it may have been applied.", stderr=True)
            raise typer.Exit(code) from None

    return wrapped


def by_name(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts n10 after n9.

    Examples
    --------
    >>> sorted(["n10", "n9", "a"], key=by_name)
    ['a', 'n9', 'n10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def text_as_bytes(text: str) -> bytes:
    """Return the bytes of an argument, whatever the locale made of them."""
    return os.fsencode(text)


def bytes_as_data(name: str, raw: bytes) -> dict[str, str]:
    """Return ``{name: text}``, or ``{name_base64: …}`` when the bytes are no text."""
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw).decode()}


def context_token(context: Context) -> str:
    """Return a context in a form to copy and paste."""
    return base64.urlsafe_b64encode(bytes(context)).rstrip(b"=").decode() or "-"


def context_from_token(token: str | None) -> Context | None:
    """Read what `context_token` made.

    Raises
    ------
    ContextError
        It is damaged.
    """
    if token is None:
        return None
    text = "" if token == "-" else token
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ContextError(
            f"{token!r} is no context; take it from the output of get or put"
        ) from None
    return Context.from_bytes(raw)
