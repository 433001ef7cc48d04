"""What figures are made of: layouts, and where slots lie in them, from any object that has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, cast

from dynakv._admin import Admin
from dynakv._client import Client
from dynakv._cluster import LocalCluster
from dynakv._exceptions import ArgumentTypeError
from dynakv._simulation import Simulation

SLOT_COUNT = 1 << 14  # kSlotCount of the core

Key = str | bytes


class MemberLike(Protocol):
    """What a figure needs to know of a member."""

    @property
    def name(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def capacity(self) -> float: ...


class LayoutLike(Protocol):
    """What a figure asks of a layout; `dynakv.Layout` is one."""

    @property
    def version(self) -> int: ...
    @property
    def members(self) -> Sequence[MemberLike]: ...
    def properties(self, bucket: bytes = ...) -> Any: ...
    def slot(self, key: bytes) -> int: ...
    def walk(self, key: bytes) -> list[str]: ...
    def owners(self, key: bytes, bucket: bytes = ...) -> list[str]: ...
    def slot_owners(self, bucket: bytes = ...) -> Sequence[Sequence[str]]: ...
    def slots_owned(self, bucket: bytes = ...) -> dict[str, int]: ...


def layout_of(source: object) -> LayoutLike:
    """Return the layout of a cluster, client, bucket, simulation, or the layout given.

    Raises
    ------
    ArgumentTypeError
        It has none.
    """
    if all(hasattr(source, name) for name in ("members", "slots_owned", "walk")):
        return cast(LayoutLike, source)
    found = getattr(source, "layout", None)
    if found is None and hasattr(source, "_connection"):  # a bucket
        found = source._connection.native.layout
    if callable(found):
        found = found()
    if found is None or not hasattr(found, "slots_owned"):
        raise ArgumentTypeError(
            "this figure needs a LocalCluster, Client, Bucket, Simulation or Layout, "
            f"not {type(source).__name__}"
        )
    return cast(LayoutLike, found)


def states_of(source: object, key: bytes, bucket: str) -> dict[str, str]:
    """Return how the members are, by name, where the source knows; otherwise nothing."""
    if isinstance(source, Simulation):
        return {node.name: node.state for node in source.nodes}
    if isinstance(source, LocalCluster):
        return {node.name: "running" if node.running else "down" for node in source.nodes}
    admin = source.admin if isinstance(source, Client) else source
    if isinstance(admin, Admin):
        placed = admin.where(key, bucket=bucket)
        names = {"up": "running", "down": "down"}
        return {each.name: names[each.state] for each in (*placed.owners, *placed.fallbacks)}
    return {}


def owners_of_slots(layout: LayoutLike, bucket: str) -> Sequence[Sequence[str]]:
    """Return the owners of each slot, in the order of preference."""
    return layout.slot_owners(bucket.encode())


def natural(name: str) -> tuple[object, ...]:
    """Return a key that sorts n2 before n10, and nodes before clients."""
    parts = re.split(r"(\d+)", name)
    words = tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
    return (re.fullmatch(r"n\d+", name) is None, words)


def members_of(layout: LayoutLike) -> list[MemberLike]:
    """Return the members by their names: people look for n2 between n1 and n3."""
    return sorted(layout.members, key=lambda member: natural(member.name))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "node"), counted(16384, "slot")
    ('1 node', '16,384 slots')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def readable(key: bytes) -> str:
    """Return bytes as text where they are, and escaped where they are not."""
    return key.decode("utf-8", "backslashreplace")
