"""status, ring, where, doctor."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import dynakv
from dynakv.cli._doctor import examine
from dynakv.cli._output import (
    FAILED,
    At,
    Json,
    Timeout,
    by_name,
    bytes_as_data,
    console,
    print_data,
    print_table,
    reports_errors,
    say,
    text_as_bytes,
)

__all__ = ["doctor", "ring", "status", "where"]

_BAR_COLUMNS = 30


def _health(node: dynakv.NodeStatus) -> str:
    if node.state == "down":
        return f"down ({node.error})"
    if node.recovering:
        return "recovering"
    return "ready" if node.ready else "up, not ready"


def _seen(nodes: list[dynakv.NodeStatus], node_id: str) -> str:
    """Say what the nodes that answer think of one of them."""
    states: dict[str, list[str]] = {}
    for node in nodes:
        for peer in node.peers:
            if peer.id == node_id:
                states.setdefault(peer.state, []).append(node.name)
    if len(states) == 1:
        return next(iter(states))
    return "; ".join(f"{state} to {', '.join(names)}" for state, names in sorted(states.items()))


def _others(nodes: list[dynakv.NodeStatus]) -> list[dynakv.PeerStatus]:
    """Return the nodes that are known but own nothing."""
    found = {peer.id: peer for node in nodes for peer in node.peers if not peer.in_layout}
    return sorted(found.values(), key=lambda peer: by_name(peer.name))


@reports_errors
def status(at: At = "127.0.0.1:7400", timeout: Timeout = 1.0, *, as_json: Json = False) -> None:
    """Show the members of the cluster and how they are."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        nodes = sorted(client.admin.status(timeout=timeout), key=lambda node: by_name(node.name))
        version = client.layout.version
    up = sum(node.state == "up" for node in nodes)
    if as_json:
        members = [asdict(node) | {"hints_pending": node.hints_pending} for node in nodes]
        others = [asdict(peer) for peer in _others(nodes)]
        print_data({"layout_version": version, "up": up, "members": members, "non_members": others})
        return
    print_table(
        [
            "node",
            "address",
            "zone",
            "state",
            "seen as",
            ">hints",
            ">layout",
            ">starts",
            "connected to",
        ],
        [
            [
                node.name,
                node.address,
                node.zone,
                _health(node),
                _seen(nodes, node.id),
                f"{node.hints_pending:,}" if node.state == "up" else "",
                str(node.layout_version or ""),
                str(node.incarnation or ""),
                ", ".join(node.connected),
            ]
            for node in nodes
        ]
        + [
            [peer.name, peer.address, "", "no member", _seen(nodes, peer.id), "", "", "", ""]
            for peer in _others(nodes)
        ],
    )
    hints = sum(node.hints_pending for node in nodes)
    away = f"; {hints:,} hints wait for their owners" if hints else ""
    say(f"{up} of {len(nodes)} are up; layout {version}{away}")


@reports_errors
def ring(at: At = "127.0.0.1:7400", timeout: Timeout = 5.0, *, as_json: Json = False) -> None:
    """Show who owns how much, and how even that is."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        layout = client.layout
    data = ring_as_data(layout)
    if as_json:
        print_data(data)
        return
    print_table(
        ["node", ">capacity", ">slots", ">share", ">of fair", ""],
        [
            [
                member["name"],
                f"{member['capacity']:.2f}",
                f"{member['slots']:,}",
                f"{member['share']:.2%}",
                f"{member['of_fair']:.3f}",
                "█" * round(member["share"] * _BAR_COLUMNS),
            ]
            for member in data["members"]
        ],
    )
    say(
        f"{data['slots']:,} slots, {data['n']} copies of each; the heaviest node holds "
        f"{data['heaviest_of_fair']:.3f} of its fair share"
    )
    say(
        "strict quorums; with R + W > N a read meets the last acknowledged write; no more than that"
    )


@dataclass(frozen=True)
class _Share:
    name: str
    capacity: float
    slots: int
    share: float
    of_fair: float


def ring_as_data(layout: dynakv.Layout) -> dict[str, Any]:
    """Return ownership and balance: how many slots each member holds a copy of."""
    counts = layout.slots_owned()
    total = sum(counts.values())
    capacity = sum(member.capacity for member in layout.members)
    members: list[_Share] = []
    for member in sorted(layout.members, key=lambda member: by_name(member.name)):
        fair = total * member.capacity / capacity
        members.append(
            _Share(
                name=member.name,
                capacity=member.capacity,
                slots=counts[member.name],
                share=counts[member.name] / total,
                of_fair=counts[member.name] / fair,
            )
        )
    n = layout.properties()["n"]
    return {
        "layout_version": layout.version,
        "slots": total // n,
        "n": n,
        "members": [asdict(member) for member in members],
        "heaviest_of_fair": max(member.of_fair for member in members),
    }


@reports_errors
def where(
    key: Annotated[str, typer.Argument(metavar="KEY")],
    *,
    bucket: Annotated[str, typer.Option("--bucket", metavar="NAME")] = "default",
    at: At = "127.0.0.1:7400",
    timeout: Timeout = 1.0,
    as_json: Json = False,
) -> None:
    """Show a key's preference list, and how the nodes on it are."""
    with dynakv.connect(at, connect_timeout=timeout) as client:
        place = client.admin.where(text_as_bytes(key), bucket=bucket, timeout=timeout)
    roles = [("owner", node) for node in place.owners]
    roles += [("fallback", node) for node in place.fallbacks]
    if as_json:
        nodes = [
            {"role": role, "name": n.name, "address": n.address, "state": n.state, "ready": n.ready}
            for role, n in roles
        ]
        named = bytes_as_data("key", place.key)
        print_data({**named, "bucket": place.bucket, "slot": place.slot, "nodes": nodes})
        return
    say(f"slot {place.slot:,} of bucket {place.bucket}")
    print_table(
        ["", "node", "address", "state"],
        [[role, node.name, node.address, _health(node)] for role, node in roles],
    )


@reports_errors
def doctor(
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="D", help="Where a node would keep its data.")
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where it would listen.")
    ] = "127.0.0.1:7400",
    *,
    as_json: Json = False,
) -> None:
    """Check whether this machine is fit to run a node."""
    directory = directory or Path(tempfile.gettempdir())
    findings = examine(directory, listen)
    if as_json:
        fit = all(finding.state != "fail" for finding in findings)
        print_data({"fit": fit, "checks": [asdict(finding) for finding in findings]})
    else:
        colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
        out = console()
        for finding in findings:
            state = f"[{colours[finding.state]}]{finding.state:<4}[/]"
            out.print(f"{state}  {finding.name:<11} ", end="")
            out.print(finding.detail, markup=False)
            if finding.remedy:
                out.print(f"                  → {finding.remedy}", markup=False)
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(FAILED)
