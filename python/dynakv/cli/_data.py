"""get, put, del."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

import dynakv
from dynakv._options import Quorum
from dynakv.cli._output import (
    CONFLICT,
    FAILED,
    At,
    Json,
    Timeout,
    bytes_as_data,
    context_from_token,
    context_token,
    print_data,
    print_table,
    reports_errors,
    say,
    text_as_bytes,
)

__all__ = ["delete", "get", "put"]

KeyArgument = Annotated[str, typer.Argument(metavar="KEY")]
BucketOption = Annotated[str, typer.Option("--bucket", metavar="NAME")]
ContextOption = Annotated[
    str | None,
    typer.Option("--context", metavar="TOKEN", help="What this is based on, from get or put."),
]


def as_quorum(text: str | None) -> Quorum | None:
    """Read what -r or -w were given."""
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    if text in ("quorum", "all"):
        return cast(Quorum, text)
    raise typer.BadParameter(f"{text!r}; use a number, quorum or all")


ReadQuorum = Annotated[
    str | None, typer.Option("-r", metavar="R", help="Owners that must answer: 1, 2, quorum, all.")
]
WriteQuorum = Annotated[
    str | None, typer.Option("-w", metavar="W", help="Owners that must hold it: 1, 2, quorum, all.")
]
Mode = Annotated[
    bool | None,
    typer.Option(
        "--sloppy/--strict",
        help="Nodes that stand in for owners count, or not; default: as the bucket says.",
        show_default=False,
    ),
]


def _sibling_data(sibling: dynakv.Sibling[bytes]) -> dict[str, Any]:
    return {
        **bytes_as_data("value", sibling.raw),
        "dot": str(sibling.dot),
        "written_at": sibling.written_at.isoformat() if sibling.written_at else None,
        "content_type": sibling.content_type,
    }


def _result_data(result: dynakv.GetResult[bytes]) -> dict[str, Any]:
    data: dict[str, Any] = {
        **bytes_as_data("key", result.key),
        "exists": result.exists,
        "in_conflict": result.in_conflict,
        "answered": list(result.answered),
        "fallbacks": list(result.fallbacks),
        "strict": result.strict,
    }
    if len(result.siblings) == 1:
        data |= bytes_as_data("value", result.siblings[0].raw)
    siblings = [_sibling_data(sibling) for sibling in result.siblings]
    return data | {"siblings": siblings, "context": context_token(result.context)}


def _show_siblings(result: dynakv.GetResult[bytes]) -> None:
    print_table(
        ["written at", "by actor and count", "value"],
        [
            [
                sibling.written_at.isoformat(" ", "milliseconds") if sibling.written_at else "",
                str(sibling.dot),
                sibling.raw.decode(errors="backslashreplace"),
            ]
            for sibling in result.siblings
        ],
    )
    say(f"context {context_token(result.context)}")


def _show_value(raw: bytes) -> None:
    """Print a value as it is, for pipes; a terminal gets a line end after it."""
    sys.stdout.buffer.write(raw)
    if sys.stdout.isatty() and not raw.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


@reports_errors
def get(
    key: KeyArgument,
    *,
    siblings: Annotated[
        bool, typer.Option("--siblings", help="Print all siblings and the context.")
    ] = False,
    bucket: BucketOption = "default",
    r: ReadQuorum = None,
    sloppy: Mode = None,
    at: At = "127.0.0.1:7400",
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Print a value; several values that were not reconciled are all printed, with exit code 4."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        values: dynakv.Bucket[bytes] = client.bucket(bucket)
        found = values.get(text_as_bytes(key), r=as_quorum(r), sloppy=sloppy, timeout=timeout)
        if as_json:
            print_data(_result_data(found))
        elif not found.exists:
            say(f"dynakv: {key} has no value", stderr=True)
        elif siblings or found.in_conflict:
            _show_siblings(found)
        else:
            _show_value(found.siblings[0].raw)
        if found.in_conflict:
            if not as_json:
                say(
                    f"{key} has {len(found.siblings)} siblings; settle it with: "
                    "dynakv put KEY VALUE --context TOKEN",
                    stderr=True,
                )
            raise typer.Exit(CONFLICT)
        if not found.exists:
            raise typer.Exit(FAILED)


@reports_errors
def put(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="- reads standard input.")],
    *,
    context: ContextOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace whatever a quorum read sees.")
    ] = False,
    if_absent: Annotated[
        bool, typer.Option("--if-absent", help="Only if a quorum read sees no value.")
    ] = False,
    ttl: Annotated[
        float | None, typer.Option("--ttl", metavar="SECONDS", help="Lifetime of the value.")
    ] = None,
    bucket: BucketOption = "default",
    w: WriteQuorum = None,
    sloppy: Mode = None,
    at: At = "127.0.0.1:7400",
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Write a value.

    Without --context or --overwrite it stands beside what is there, as a sibling: each run of this
    command is a session of its own and has seen nothing.
    """
    raw = sys.stdin.buffer.read() if value == "-" else text_as_bytes(value)
    with dynakv.connect(at, connect_timeout=timeout) as client:
        values: dynakv.Bucket[bytes] = client.bucket(bucket)
        wrote = values.put(
            text_as_bytes(key),
            raw,
            context=context_from_token(context),
            overwrite=overwrite,
            if_absent=if_absent,
            ttl=ttl,
            w=as_quorum(w),
            sloppy=sloppy,
            timeout=timeout,
        )
        _show_write("written", key, wrote, as_json=as_json)


@reports_errors
def delete(
    key: KeyArgument,
    *,
    context: ContextOption = None,
    bucket: BucketOption = "default",
    w: WriteQuorum = None,
    sloppy: Mode = None,
    at: At = "127.0.0.1:7400",
    timeout: Timeout = 5.0,
    as_json: Json = False,
) -> None:
    """Delete what --context covers; without it, what a quorum read sees."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        values: dynakv.Bucket[bytes] = client.bucket(bucket)
        wrote = values.delete(
            text_as_bytes(key),
            context=context_from_token(context),
            w=as_quorum(w),
            sloppy=sloppy,
            timeout=timeout,
        )
        _show_write("deleted", key, wrote, as_json=as_json)


def _show_write(what: str, key: str, wrote: dynakv.PutResult, *, as_json: bool) -> None:
    token = context_token(wrote.context)
    if as_json:
        print_data(
            {
                **bytes_as_data("key", text_as_bytes(key)),
                "acked": list(wrote.acked),
                "hinted": [each._asdict() for each in wrote.hinted],
                "strict": wrote.strict,
                "dot": str(wrote.dot) if wrote.dot else None,
                "context": token,
            }
        )
    else:
        hints = "".join(f"; {each.node} keeps it for {each.owner}" for each in wrote.hinted)
        say(f"{what}; held by {', '.join(wrote.acked) or 'no owner'}{hints}")
        say(f"context {token}")
