"""The faults of a simulation."""

from __future__ import annotations

from collections.abc import Iterable

from dynakv import _core
from dynakv._exceptions import ConfigError
from dynakv._sim_client import SimClient, check_number

Host = int | str | SimClient


class SimFaults:
    """The part of `Simulation` that does harm, and ends it."""

    _native: _core.Simulation
    _count: int
    _names: list[str]  # of the clients

    def partition(
        self, a: Host | Iterable[Host], b: Host | Iterable[Host], *, one_way: bool = False
    ) -> None:
        """Cut hosts `a` off from hosts `b`; `one_way`: only what `a` sends is lost.

        Hosts are indices of nodes, and clients or their names. Hosts in neither group reach both.
        """
        self._native.partition(self._hosts(a), self._hosts(b), one_way)

    def mend(self, a: Host | Iterable[Host], b: Host | Iterable[Host]) -> None:
        """Join hosts `a` and hosts `b` again, whatever cut them; those between others go on."""
        self._native.mend(self._hosts(a), self._hosts(b))

    def heal(self) -> None:
        """End all partitions."""
        self._native.heal()

    def crash(self, i: int, *, lose_unsynced: bool = False) -> None:
        """End a node's process; `lose_unsynced`: its machine loses power."""
        self._native.crash(self._node(i), lose_unsynced)

    def restart(self, i: int) -> None:
        """Start a node that is down on what its disk holds."""
        self._native.restart(self._node(i))

    def wipe(self, i: int) -> None:
        """End a node's process and empty its disk: it comes back as a stranger to its cluster."""
        self._native.wipe(self._node(i))

    def pause(self, i: int) -> None:
        """Stop a node's process where it is, until `resume`."""
        self._native.pause(self._node(i))

    def resume(self, i: int) -> None:
        """Let a paused node go on."""
        self._native.resume(self._node(i))

    def slow(self, i: int, factor: int) -> None:
        """Multiply the time that a node, its disk and its messages take; 1 is normal."""
        check_number("factor", factor, 1, 1_000_000)
        self._native.slow(self._node(i), factor)

    def skew(self, i: int, seconds: float) -> None:
        """Set a node's calendar clock wrong by this much; 0 is right."""
        if not abs(seconds) <= 1e9:
            raise ConfigError(f"seconds is {seconds!r}; use -1e9 to 1e9")
        self._native.skew(self._node(i), seconds)

    def drift(self, i: int, rate: float) -> None:
        """Let both clocks of a node gain this many seconds each second, -0.5 to 0.5; 0 is right.

        Its timeouts and rounds of gossip come early, or late, by as much. The calendar clock keeps
        what it has gained.
        """
        if not abs(rate) <= 0.5:
            raise ConfigError(f"rate is {rate!r}; use -0.5 to 0.5")
        self._native.drift(self._node(i), round(rate * 1e6))

    def disk_full(self, i: int, *, on: bool = True, room: int | None = None) -> None:
        """Fill a node's disk, or make room again.

        By default all but its reserve is used: the node refuses puts with `DiskFull`, and all else
        goes on. With `room` the disk is full to the last byte after that many more bytes. From then
        on the node's work waits until there is room, and so do its replies.
        """
        if room is not None:
            check_number("room", room, 0, 1 << 40)
        self._native.limit_room(self._node(i), room if on else None)
        self._native.disk_full(self._node(i), on and room is None)

    def _node(self, i: int) -> int:
        check_number("node", i, 0, self._count - 1)
        return i

    def _hosts(self, given: Host | Iterable[Host]) -> list[int]:
        single = isinstance(given, (int, str, SimClient))
        hosts: Iterable[Host] = [given] if single else given  # type: ignore[list-item,assignment]
        return [self._host(host) for host in hosts]

    def _host(self, host: Host) -> int:
        name = host.client_name if isinstance(host, SimClient) else host
        if not isinstance(name, str):
            return self._node(name)
        if name not in self._names:
            raise ConfigError(f"there is no client {name!r}; make it first: sim.client({name!r})")
        return self._count + self._names.index(name)
