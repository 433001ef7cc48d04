"""explain get, explain put: one request and its decision record."""

from __future__ import annotations

from typing import Annotated

import typer

import dynakv
from dynakv.cli._data import BucketOption, KeyArgument, Mode, ReadQuorum, WriteQuorum, as_quorum
from dynakv.cli._output import (
    At,
    Json,
    Timeout,
    print_data,
    print_table,
    reports_errors,
    say,
    text_as_bytes,
)

__all__ = ["app"]

app = typer.Typer(
    help="Make one request and show how it came about: who was asked, who answered when.",
    no_args_is_help=True,
)


def _show(record: dynakv.Explain | None, outcome: str, *, as_json: bool) -> None:
    if as_json:
        print_data({"outcome": outcome, "explain": record.data() if record else None})
        return
    if record is not None:
        mode = "strict" if record.strict else "sloppy"
        say(f"{record.operation} coordinated by {record.coordinator}, layout {record.layout}")
        say(f"owners {', '.join(record.owners)}; then {', '.join(record.fallbacks) or 'nobody'}")
        say(f"{mode} quorum of {record.required}")
        print_table(
            [">µs", "node", "event", "for", "that is"],
            [
                [f"{event.at_us:,}", event.node, event.event, event.target or "", event.detail]
                for event in record.events
            ],
        )
    say(outcome)


def _show_failure(error: dynakv.QuorumError, *, as_json: bool) -> None:
    """Print the record of a request that failed; the caller prints the error."""
    if error.explain is not None and not as_json:
        _show(error.explain, "no quorum", as_json=False)


def _guarantee(*, strict: bool) -> str:
    if strict:
        return "strict: owners alone met it"
    return "sloppy: nodes that stand in for owners were needed to meet it"


@app.command()
@reports_errors
def get(
    key: KeyArgument,
    *,
    bucket: BucketOption = "default",
    r: ReadQuorum = None,
    sloppy: Mode = None,
    at: At = "127.0.0.1:7400",
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Read a key and show who answered what and when."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        values: dynakv.Bucket[bytes] = client.bucket(bucket)
        try:
            found = values.get(
                text_as_bytes(key), r=as_quorum(r), sloppy=sloppy, timeout=timeout, explain=True
            )
        except dynakv.QuorumError as error:
            _show_failure(error, as_json=as_json)
            raise
    count = len(found.siblings)
    what = "no value" if count == 0 else "a value" if count == 1 else f"{count} siblings"
    _show(found.explain, f"{what}; {_guarantee(strict=found.strict)}", as_json=as_json)


@app.command()
@reports_errors
def put(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE")],
    *,
    bucket: BucketOption = "default",
    w: WriteQuorum = None,
    sloppy: Mode = None,
    at: At = "127.0.0.1:7400",
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Write a value over what a quorum read sees, and show who held it when."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        values: dynakv.Bucket[bytes] = client.bucket(bucket)
        try:
            wrote = values.put(
                text_as_bytes(key),
                text_as_bytes(value),
                overwrite=True,
                w=as_quorum(w),
                sloppy=sloppy,
                timeout=timeout,
                explain=True,
            )
        except dynakv.QuorumError as error:
            _show_failure(error, as_json=as_json)
            raise
    hints = "".join(f", {each}" for each in wrote.hinted)
    held = f"held by {', '.join(wrote.acked) or 'no owner'}{hints}"
    _show(wrote.explain, f"{held}; {_guarantee(strict=wrote.strict)}", as_json=as_json)
