"""Looking at a cluster: members, health, placement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from dynakv import _core
from dynakv._core import Layout
from dynakv._exceptions import DynakvError
from dynakv._requests import Connection, Key, encode_key


@dataclass(frozen=True)
class PeerStatus:
    """What one node knows of another.

    Parameters
    ----------
    name, id, address : str
        As gossip has them; the name of a removed node may be its id.
    state : "alive", "suspect", "dead" or "left"
        Suspect: silent for too long, so requests go elsewhere. Dead: suspect for a long time, and
        not connected. Left: removed from the cluster.
    incarnation : int
        How often its data directory was started.
    in_layout : bool
        False: it owns nothing and forwards what it is asked.
    connected : bool
    """

    name: str
    id: str
    address: str
    state: Literal["alive", "suspect", "dead", "left"]
    incarnation: int
    in_layout: bool
    connected: bool


@dataclass(frozen=True)
class NodeStatus:
    """The state of one member, as it reports itself.

    Parameters
    ----------
    name, id, address, zone : str
        As the layout has them.
    state : "up" or "down"
        Whether it answered.
    error : str
        The code of the error when it did not.
    ready : bool
        It may coordinate writes.
    recovering : bool
        It lost data, and its copies do not count in R until it has them back.
    layout_version, incarnation : int
        The layout it has, and how often its data directory was started.
    connected : tuple of str
        Names of the nodes it is connected to.
    peers : tuple of PeerStatus
        What it knows of the other nodes, members or not.
    counters : mapping of str to int
    """

    name: str
    id: str
    address: str
    zone: str
    state: Literal["up", "down"]
    error: str
    ready: bool
    recovering: bool
    layout_version: int
    incarnation: int
    connected: tuple[str, ...]
    peers: tuple[PeerStatus, ...]
    counters: Mapping[str, int]

    @property
    def hints_pending(self) -> int:
        """Hints that it holds for other nodes, by its own count."""
        return self.counters.get("hints_pending", 0)


@dataclass(frozen=True)
class Placement:
    """Where a key lives.

    Parameters
    ----------
    key : bytes
    bucket : str
    slot : int
    owners : tuple of NodeStatus
        In the order of preference.
    fallbacks : tuple of NodeStatus
        Those that stand in for owners that are down, in order.
    """

    key: bytes
    bucket: str
    slot: int
    owners: tuple[NodeStatus, ...]
    fallbacks: tuple[NodeStatus, ...]


def node_status(member: _core.Member, outcome: _core.StatusFields | DynakvError) -> NodeStatus:
    """Combine what the layout and the member itself say."""
    failed = isinstance(outcome, DynakvError)
    fields: _core.StatusFields | None = None if isinstance(outcome, DynakvError) else outcome
    return NodeStatus(
        name=member.name,
        id=member.id,
        address=member.address,
        zone=member.zone,
        state="down" if failed else "up",
        error=outcome.code if isinstance(outcome, DynakvError) else "",
        ready=fields is not None and fields["ready"],
        recovering=fields is not None and fields["recovering"],
        layout_version=fields["layout_version"] if fields else 0,
        incarnation=fields["incarnation"] if fields else 0,
        connected=tuple(fields["connected"]) if fields else (),
        peers=tuple(PeerStatus(**peer) for peer in fields["peers"]) if fields else (),
        counters=dict(fields["counters"]) if fields else {},
    )


def placement(layout: Layout, key: bytes, bucket: str, statuses: Iterable[NodeStatus]) -> Placement:
    """Order the statuses as the key's preference list has them."""
    by_name = {status.name: status for status in statuses}
    n = layout.properties(bucket.encode())["n"]
    walk = [by_name[name] for name in layout.walk(key) if name in by_name]
    return Placement(key, bucket, layout.slot(key), tuple(walk[:n]), tuple(walk[n:]))


class Admin:
    """Members, health and placement, seen through a client; ``client.admin`` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def status(self, *, timeout: float = 1.0) -> list[NodeStatus]:
        """Ask each member how it is.

        Parameters
        ----------
        timeout : float, seconds
            After it, a silent member counts as down.

        Examples
        --------
        >>> [status.state for status in kv.admin.status()]
        ['up', 'up', 'up']
        """
        layout = self.layout()
        return self._ask(layout, layout.members, timeout)

    def layout(self) -> Layout:
        """Return the newest layout that the client knows."""
        return self._connection.native.layout()

    def where(self, key: Key, *, bucket: str = "default", timeout: float = 1.0) -> Placement:
        """Return the nodes that hold a key, and how they are.

        Examples
        --------
        >>> len(kv.admin.where("cart:42").owners)
        3
        """
        encoded = encode_key(key)
        layout = self.layout()
        walk = set(layout.walk(encoded))
        members = [member for member in layout.members if member.name in walk]
        return placement(layout, encoded, bucket, self._ask(layout, members, timeout))

    def _ask(
        self, layout: Layout, members: Iterable[_core.Member], timeout: float
    ) -> list[NodeStatus]:
        asked = list(members)
        batch = self._connection.native.status([member.id for member in asked], timeout, 0)
        batch.wait()
        outcomes = batch.take_statuses()
        return [node_status(m, outcome) for m, outcome in zip(asked, outcomes, strict=True)]
