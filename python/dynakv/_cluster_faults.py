"""The faults of a `LocalCluster`: nodes that stand still, lose their disk or each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator

from dynakv._cluster_config import ClusterNode
from dynakv._exceptions import ArgumentTypeError, ConfigError

Indices = int | Iterable[int]

_ALL = 1000  # permille


class ClusterFaults:
    """The part of `LocalCluster` that does harm, and ends it.

    Faults of the network are between nodes only. Clients reach every node that runs, whatever
    partition it is in: ``cluster.client(via=2, retry=RetryPolicy(attempts=1))`` asks one side only;
    with more attempts, a request that one side refuses goes to the other. They are made inside the
    nodes, which lose or hold back each other's messages, and never close a connection: it is as if
    packets were lost. A node that is started behind a partition is cut off from the start.
    """

    _nodes: list[ClusterNode]

    def _begin_faults(self) -> None:
        self._paused: set[int] = set()
        self._cuts: set[tuple[int, int]] = set()  # (from, to)
        self._delays: dict[frozenset[int], float] = {}
        self._drops: dict[frozenset[int], float] = {}

    def pause(self, i: int) -> None:
        """Have a node stand still until `resume`; its connections stay open.

        In process mode the whole process is stopped with SIGSTOP, and all of it stands still when
        this returns. In thread mode the node handles nothing.
        """
        self._node(i)._pause()
        self._paused.add(i)

    def resume(self, i: int) -> None:
        """Let a paused node go on."""
        node = self._node(i)
        if i in self._paused:
            node._resume()
            self._paused.discard(i)

    def wipe(self, i: int) -> None:
        """End a node at once and empty its directory; `restart` starts it again, with nothing.

        It gets its identity back once a majority of the others is sure that it was gone, after some
        seconds, and then its data. Until then it is a stranger, also to partitions.
        """
        node = self._node(i)
        node.kill()
        self._paused.discard(i)
        shutil.rmtree(node.config.data_dir, ignore_errors=True)

    def partition(self, a: Indices, b: Indices, *, one_way: bool = False) -> None:
        """Cut nodes `a` off from nodes `b`; `one_way`: only what `a` sends is lost.

        Nodes in neither group reach both. Partitions add up until `heal`.

        Examples
        --------
        >>> cluster.partition([0], [1, 2])
        >>> cluster.heal()
        """
        left, right = self._indices(a), self._indices(b)
        if set(left) & set(right):
            raise ConfigError(f"partition({a!r}, {b!r}): a node cannot be on both sides")
        self._cuts |= {(i, j) for i in left for j in right}
        if not one_way:
            self._cuts |= {(j, i) for i in left for j in right}
        self._apply_faults()

    def delay(self, i: int, j: int, seconds: float) -> None:
        """Have each message between two nodes come this much later; 0 ends it."""
        if not self._number("seconds", seconds) <= 3600:
            raise ConfigError(f"seconds is {seconds!r}; use 0 to 3600")
        self._delays[self._pair(i, j)] = seconds
        self._apply_faults()

    def drop(self, i: int, j: int, probability: float) -> None:
        """Lose each message between two nodes with this probability; 0 ends it."""
        if not self._number("probability", probability) <= 1:
            raise ConfigError(f"probability is {probability!r}; use 0 to 1")
        self._drops[self._pair(i, j)] = probability
        self._apply_faults()

    def heal(self) -> None:
        """End all partitions, delays and losses. Nodes that are paused or down stay so.

        Lost messages stay lost. Connections begun in the meantime are given up after 5 s, so it can
        take that long until all nodes are connected again.
        """
        self._check_process()
        self._cuts.clear()
        self._delays.clear()
        self._drops.clear()
        self._apply_faults()

    def _apply_faults(self) -> None:
        for index, node in enumerate(self._nodes):
            node._set_link_faults(list(self._faults_of(index)))

    def _faults_of(self, i: int) -> Iterator[tuple[str, int, int, float]]:
        for j, peer in enumerate(self._nodes):
            pair = frozenset((i, j))
            sent = _ALL if (i, j) in self._cuts else round(_ALL * self._drops.get(pair, 0))
            received = _ALL if (j, i) in self._cuts else 0
            late = self._delays.get(pair, 0.0)
            if j != i and (sent or received or late):
                yield peer.member.id, sent, received, late

    def _reachable(self, i: int) -> int:
        """How many nodes a node can be connected to."""
        return sum(
            node.running and j not in self._paused and not {(i, j), (j, i)} & self._cuts
            for j, node in enumerate(self._nodes)
            if j != i
        )

    def _indices(self, given: Indices) -> list[int]:
        indices = [given] if isinstance(given, int) else list(given)
        for index in indices:
            self._node(index)
        return indices

    def _pair(self, i: int, j: int) -> frozenset[int]:
        if i == j:
            raise ConfigError(f"nodes {i} and {j} are one; name two")
        return frozenset(self._indices([i, j]))

    def _number(self, name: str, value: float) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ArgumentTypeError(f"{name} is {value!r}; use a number")
        if not value >= 0:
            raise ConfigError(f"{name} is {value!r}; use 0 or more")
        return value

    def _node(self, index: int) -> ClusterNode:
        raise NotImplementedError

    def _check_process(self) -> None:
        raise NotImplementedError
