"""serve and up: nodes that run until they are told to stop."""

from __future__ import annotations

import os
import signal
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import dynakv
from dynakv.cli._output import FAILED, Json, print_data, print_table, reports_errors, say

__all__ = ["parse_members", "serve", "up"]

_LOOK_EVERY_S = 0.2


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set; the old handlers come back afterwards."""
    event = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: event.set()) for number in signals]
    try:
        yield event
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def parse_members(texts: list[str]) -> dict[str, str]:
    """Read ``NAME=HOST:PORT`` for each first member.

    Raises
    ------
    typer.BadParameter
        One is malformed, or a name comes twice.

    Examples
    --------
    >>> parse_members(["n1=127.0.0.1:7401", "n2=127.0.0.1:7402"])
    {'n1': '127.0.0.1:7401', 'n2': '127.0.0.1:7402'}
    """
    members: dict[str, str] = {}
    for text in texts:
        name, equals, address = text.partition("=")
        host, colon, port = address.rpartition(":")
        if not (name and equals and host and colon and port.isdecimal()):
            raise typer.BadParameter(f"{text!r}; use NAME=HOST:PORT", param_hint="--member")
        if name in members:
            raise typer.BadParameter(f"{name!r} comes twice", param_hint="--member")
        members[name] = address
    return members


def node_config(path: Path | None, given: Mapping[str, Any]) -> dynakv.NodeConfig:
    """Combine a configuration file with the options that were given; options win.

    A node that is one of ``members`` listens on its address there unless ``listen`` says otherwise.

    Raises
    ------
    ConfigError
        The file or a value cannot be used.
    """
    content = {name: value for name, value in given.items() if value not in (None, {}, False)}
    if path is not None:
        content = _read_toml(path) | content
    own = content.get("members", {}).get(content.get("name"))
    if own is not None:
        content.setdefault("listen", own)
    n = content.get("n", 3)
    for name in ("r", "w"):
        content.setdefault(name, min(2, n) if isinstance(n, int) else 2)
    return dynakv.NodeConfig.from_fields(content, origin=str(path or "dynakv serve"))


def _read_toml(path: Path) -> dict[str, Any]:
    """Read a file that need not be complete: options may name the rest."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise dynakv.ConfigError(f"cannot read {path}: {error}") from error


@reports_errors
def serve(
    config: Annotated[
        Path | None, typer.Option("-c", "--config", metavar="FILE", help="A node.toml.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Unique in the cluster.")] = None,
    data_dir: Annotated[str | None, typer.Option(metavar="D", help="Keeps the data.")] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Default: its address as a member.")
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=HOST:PORT", help="Each first member, this node included."),
    ] = None,
    contact: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="A node of a running cluster to join."),
    ] = None,
    n: Annotated[int | None, typer.Option("-n", help="Copies of each key; 3.")] = None,
    zone: Annotated[str | None, typer.Option(metavar="DC/RACK")] = None,
    capacity: Annotated[
        float | None, typer.Option(metavar="X", help="Share of the data, against others; 1.")
    ] = None,
    durability: Annotated[
        str | None, typer.Option(metavar="group|os", help="When a write is acknowledged.")
    ] = None,
    storage: Annotated[str | None, typer.Option(metavar="rocksdb|memory")] = None,
    log_level: Annotated[str | None, typer.Option(metavar="LEVEL")] = None,
    *,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other addresses than loopback.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a node until Ctrl-C or SIGTERM."""
    given = {
        "name": name,
        "data_dir": data_dir,
        "listen": listen,
        "members": parse_members(member or []),
        "contact_points": tuple(contact) if contact else None,
        "n": n,
        "zone": zone,
        "capacity": capacity,
        "durability": durability,
        "storage": storage,
        "log_level": log_level or "info",
        "insecure": insecure,
    }
    settings = node_config(config, given)
    with _told_to_stop() as stop, dynakv.Node(settings) as node:
        if node.layout is None and not settings.members and not settings.contact_points:
            if settings.n != 1:
                raise dynakv.ConfigError(
                    "this node knows no cluster: name its first members, --member NAME=HOST:PORT "
                    "for each, itself included; or a node of a running one, --contact HOST:PORT; "
                    "or -n 1 for a node alone"
                )
            node.bootstrap()
        if as_json:
            print_data({"name": node.name, "address": node.address, "pid": os.getpid()})
        else:
            say(f"{node.name} listens on {node.address}, durability {settings.durability}")
        announce = None if as_json else lambda: say(f"{node.name} is ready; Ctrl-C stops it")
        _watch(node, stop, announce)
        if node.failure is not None:
            raise node.failure


def _watch(node: dynakv.Node, stop: threading.Event, announce: Callable[[], None] | None) -> None:
    """Return when the node is told to stop, or has failed."""
    while node.running and not stop.wait(_LOOK_EVERY_S):
        if announce is not None and node.status().ready:
            announce()
            announce = None


@reports_errors
def up(
    nodes: Annotated[int, typer.Argument(metavar="N", min=1, max=64)] = 3,
    *,
    process: Annotated[
        bool, typer.Option("--process", help="A process for each node, not a thread.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="D", help="Keeps the data; default: a temporary one."),
    ] = None,
    durability: Annotated[
        str, typer.Option(metavar="group|os", help="When a write is acknowledged.")
    ] = "group",
    as_json: Json = False,
) -> None:
    """Run a cluster on this machine until Ctrl-C."""
    mode: Literal["thread", "process"] = "process" if process else "thread"
    with (
        _told_to_stop() as stop,
        dynakv.LocalCluster(nodes, mode=mode, data_dir=directory, durability=durability) as cluster,
    ):
        members = [node.member for node in cluster.nodes]
        if as_json:
            named = [{"name": each.name, "address": each.address} for each in members]
            print_data({"nodes": named, "mode": mode, "data_dir": str(cluster.data_dir)})
        else:
            _introduce(cluster, temporary=directory is None)
        while all(cluster.running) and not stop.wait(_LOOK_EVERY_S):
            pass
        if not stop.is_set():
            down = [e.name for e, runs in zip(members, cluster.running, strict=True) if not runs]
            say(f"dynakv: {', '.join(down)} ended by itself", stderr=True)
            raise typer.Exit(FAILED)
    if not as_json:
        say("all nodes stopped")


def _introduce(cluster: dynakv.LocalCluster, *, temporary: bool) -> None:
    members = [node.member for node in cluster.nodes]
    print_table(["node", "address"], [[each.name, each.address] for each in members])
    say("")
    at = ",".join(each.address for each in members)
    say(f"try      dynakv status --at {members[0].address}")
    say(f"         dynakv put hello world --at {members[0].address}")
    say(f'Python   dynakv.connect("{at}")')
    say(f"data     {cluster.data_dir}" + (", removed at the end" if temporary else ""))
    say("Ctrl-C stops all nodes.")
